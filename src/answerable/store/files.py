"""Files that are whole or not there: a temporary file, fsync, rename, fsync of the folder."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from answerable.base.errors import Broken

_PRIVATE = 0o600
_OTHERS = 0o077


class SecretLost(Broken):
    """A home that has records lacks a secret that they need: another one cannot take its place."""

    code = "secret_lost"

    def __init__(self, path: Path, without_it: str) -> None:
        self.path = path
        super().__init__(
            f"'{path}' is gone from a home that has records, and without it {without_it}.",
            "Nothing was opened, and no other one was made in its place.",
            f"put back the '{path.name}' of this home from a backup",
        )


def replace_file(
    path: Path, data: bytes | Iterable[bytes], *, mode: int = 0o644, sync: bool = True
) -> None:
    """Write `data`, whole or in parts, under `path`, so that a reader or a crash meets the old
    file or the new one.

    `sync=False` leaves the time of reaching the disk to the system: for what can be rebuilt.
    The caller is the only writer of the folder. Raises Broken; the old file then stands.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(temporary, data, mode, sync=sync)
        temporary.replace(path)
        if sync:
            sync_folder(path.parent)
    except OSError as error:
        raise Broken(
            f"'{path.name}' could not be written: {error.strerror}.", "The file is as it was."
        ) from error


def read_or_create_private(path: Path, make: Callable[[], bytes]) -> bytes:
    """The bytes of a secret file, made by `make` where there is none; only its owner may read it.

    `make` raises SecretLost where another secret would hide that the first one is gone.

    A secret that others could read is refused, as OpenSSH refuses it: whoever copied it can sign
    or decrypt, and nothing afterwards would show it. Raises Broken.
    """
    try:
        if path.stat().st_mode & _OTHERS:
            raise Broken(
                f"'{path}' may be read by others than its owner.",
                "It was not used.",
                f"chmod 600 '{path}', and make a new one if it may have been copied",
            )
        return path.read_bytes()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise Broken(f"'{path}' could not be read: {error.strerror}.") from error
    data = make()
    replace_file(path, data, mode=_PRIVATE)
    return data


def _write(path: Path, data: bytes | Iterable[bytes], mode: int, *, sync: bool) -> None:
    path.unlink(missing_ok=True)  # one left by a crash may have another mode
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines([data] if isinstance(data, bytes) else data)
        if sync:
            file.flush()
            os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make durable which files a folder has."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
