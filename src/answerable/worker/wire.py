"""How commands travel to the worker: a socket in the home, frames of a length and JSON."""

import asyncio
import contextlib
import os
import shutil
import socket
import struct
import tempfile
from pathlib import Path

from answerable.base.errors import Broken, UsageError

FRAME_BYTES_MAX = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")
SOCKET = "worker.sock"
_PATH_BYTES_MAX = 100  # sun_path holds 104 bytes on macOS, 108 on Linux
_SKIPPED_AT_ONCE = 1024 * 1024
_PRIVATE = 0o177  # what is masked: nobody but the owner may connect
_STAND_IN = "answerable-"


def socket_path(home: Path) -> Path:
    """Where the worker of a home listens. Raises OSError where nobody does.

    In the home; where that path is too long for a socket, `worker.sock` is a link to a short one,
    in a folder that only its owner may enter.
    """
    path = _place(home)
    return path.readlink() if path.is_symlink() else path


def make_socket(home: Path) -> socket.socket:
    """Bind the home's socket, for its owner only from the first moment. Raises Broken."""
    clear_socket(home)
    path = _place(home)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(_PRIVATE)
    try:
        if len(str(path).encode()) > _PATH_BYTES_MAX:
            os.umask(mask)
            short = Path(tempfile.mkdtemp(prefix=_STAND_IN)) / SOCKET
            path.symlink_to(short)
            path = short
            os.umask(_PRIVATE)
        listening.bind(str(path))
    except OSError as error:
        listening.close()
        raise Broken(
            f"The socket '{path}' cannot be made: {error.strerror}.",
            "No command can reach this worker.",
            f"look at the permissions of {home}",
        ) from error
    finally:
        os.umask(mask)
    return listening


def clear_socket(home: Path) -> None:
    """Remove what this worker, or one that was killed, has left."""
    path = _place(home)
    with contextlib.suppress(OSError):
        if path.is_symlink():
            folder = path.readlink().parent
            if folder.name.startswith(_STAND_IN) and folder.stat().st_uid == os.geteuid():
                shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        path.unlink()


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next frame, or None at the end. Raises UsageError past one that is too large."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > FRAME_BYTES_MAX:
            left = length
            while left > 0:
                left -= len(await reader.readexactly(min(left, _SKIPPED_AT_ONCE)))
            raise _too_large(length)
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def frame(data: bytes) -> bytes:
    """Raises UsageError where it is more than one frame holds."""
    if len(data) > FRAME_BYTES_MAX:
        raise _too_large(len(data))
    return _LENGTH.pack(len(data)) + data


def _too_large(size: int) -> UsageError:
    return UsageError(
        f"{size} bytes are more than travel at once; the limit is {FRAME_BYTES_MAX}.",
        "They were not read.",
        "send smaller batches, or ask for fewer rows",
    )


def _place(home: Path) -> Path:
    return home.absolute() / SOCKET
