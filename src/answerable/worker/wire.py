"""How commands travel to the worker: a socket in the home, frames of a length and JSON."""

import asyncio
import struct
import tempfile
from hashlib import blake2b
from pathlib import Path

from answerable.base.errors import UsageError

FRAME_BYTES_MAX = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")
_NAME = "worker.sock"
_PATH_BYTES_MAX = 100  # sun_path holds 104 bytes on macOS, 108 on Linux


def socket_path(home: Path) -> Path:
    """Where the worker of a home listens: in the home, or a short stand-in for a long path."""
    path = home.absolute() / _NAME
    if len(str(path).encode()) <= _PATH_BYTES_MAX:
        return path
    digest = blake2b(str(path).encode(), digest_size=9).hexdigest()
    return Path(tempfile.gettempdir()) / f"answerable-{digest}.sock"


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next frame, or None at the end. Raises UsageError where it is too large."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > FRAME_BYTES_MAX:
            raise UsageError(
                f"A command of {length} bytes came; the limit is {FRAME_BYTES_MAX}.",
                "It was not read.",
                "send smaller batches",
            )
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def frame(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data
