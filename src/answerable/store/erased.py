"""The list of keys that were destroyed, beside the keys of the backups that still have them.

It holds ids of keys and nothing about anybody. A restore reads it, so that who was erased after a
backup was made is not in the home that comes out of it. Lines are only ever added, and each has a
sum of its own: a line that a death has cut short was never acknowledged, any other one that does
not check is damage.
"""

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from answerable.base.errors import Broken
from answerable.store.files import replace_file, sync_folder

ERASED = "erased"
_KID = re.compile(r"[A-Za-z0-9_-]{32}")
_SUM_CHARS = 8
_LINE_BYTES = 32 + 1 + _SUM_CHARS + 1
_PRIVATE = 0o600


class BackupKeysDamaged(Broken):
    """A file beside the keys of backups is not as it was written."""

    code = "backup_keys_damaged"


@dataclass(frozen=True, slots=True)
class Erased:
    """What the list says: the keys in their order, and whether every line is as it was written."""

    kids: tuple[str, ...]
    is_whole: bool


class ErasedList:
    """One file. Who writes holds the lock of its folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Erased:
        """What it says; nothing where there is none. Raises Broken."""
        try:
            data = self._path.read_bytes() if self._path.exists() else b""
        except OSError as error:
            raise _unread(self._path, error) from error
        lines = data.decode("ascii", "replace").splitlines()
        if not data.endswith(b"\n"):
            lines = lines[:-1]  # cut short by a death, before anybody was told
        kids = tuple(kid for line in lines if (kid := _kid_in(line)))
        return Erased(kids, len(kids) == len(lines))

    def add(self, kids: Iterable[str]) -> None:
        """Put these at the end; durable on return. Raises Broken."""
        try:
            self._add("".join(map(_line, kids)).encode())
        except OSError as error:
            raise Broken(
                f"'{self._path}' could not be written: {error.strerror}.",
                "Which keys were destroyed is not said there yet; the worker tries again.",
                f"ls -ld {self._path.parent}",
            ) from error

    def _add(self, text: bytes) -> None:
        is_new = not self._path.exists()
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
        try:
            size = os.fstat(descriptor).st_size
            whole = size - size % _LINE_BYTES  # what a death has cut short goes
            os.ftruncate(descriptor, whole)
            os.pwrite(descriptor, text, whole)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            sync_folder(self._path.parent)

    def write_again(self, kids: Iterable[str]) -> None:
        """In place of a damaged one. Raises Broken."""
        text = "".join(_line(kid) for kid in dict.fromkeys(kids))
        replace_file(self._path, text.encode(), mode=_PRIVATE)


def _line(kid: str) -> str:
    if not _KID.fullmatch(kid):
        raise ValueError("this is no id of a key")
    return f"{kid} {_sum(kid)}\n"


def _kid_in(line: str) -> str:
    """Empty where the line is not as it was written."""
    kid, _, sum_ = line.partition(" ")
    return kid if _KID.fullmatch(kid) and sum_ == _sum(kid) else ""


def _sum(kid: str) -> str:
    return hashlib.sha256(kid.encode()).hexdigest()[:_SUM_CHARS]


def _unread(path: Path, error: OSError) -> Broken:
    return Broken(
        f"'{path}' could not be read: {error.strerror}.", "Nothing was done.", f"ls -l {path}"
    )
