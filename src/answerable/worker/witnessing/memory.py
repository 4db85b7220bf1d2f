"""What a home remembers of its witnesses, and the checkpoints that they cosigned: both durable.

witnesses.json      of each: the last size that it cosigned, when, and what went wrong since
cosigned/<size>     the truth; `ledger/cosigned` is its copy, for strangers
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from answerable.base.errors import Broken
from answerable.ledger.cosigned import COSIGNED, NEWEST, cosigned_file, cosigned_files
from answerable.store.files import replace_file
from answerable.worker.publisher import TILES

MEMORY = "witnesses.json"


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """A witness as of the last round."""

    vkey: str
    size: int = 0
    at_s: int = 0
    asked_at_s: int = 0
    error: str = ""
    refused: str = ""
    """That it has seen another history than this one: nothing that comes later takes it back."""


@dataclass(frozen=True, slots=True)
class Said:
    """What is remembered from now on, and the witness's line, if it cosigned."""

    remembered: Remembered
    line: str = ""


def read_memory(home: Path) -> dict[str, Remembered]:
    """By vkey. Raises Broken; a witness tells again what it has seen, so to remove it is safe."""
    path = home / MEMORY
    if not path.exists():
        return {}
    try:
        found = msgspec.json.decode(path.read_bytes(), type=list[Remembered])
    except (OSError, msgspec.DecodeError) as error:
        raise Broken(f"'{path}' cannot be read.", "No witness was asked.", f"rm {path}") from error
    return {each.vkey: each for each in found}


def write_memory(home: Path, remembered: list[Remembered]) -> None:
    """Raises Broken."""
    replace_file(home / MEMORY, msgspec.json.format(msgspec.json.encode(remembered), indent=1))


def keep_cosigned(home: Path, size: int, note: str) -> None:
    """Durable first, then for strangers. Raises Broken."""
    replace_file(cosigned_file(home, size), note.encode())
    replace_file(cosigned_file(home / TILES, size), note.encode(), sync=False)
    publish_newest(home)


def publish_newest(home: Path) -> None:
    """What strangers lack of what was cosigned, and the newest of it under a name that stays."""
    for size, path in cosigned_files(home):
        public = cosigned_file(home / TILES, size)
        for suffix in ("", ".tsr"):
            kept, copy = (each.with_name(each.name + suffix) for each in (path, public))
            if kept.exists() and not copy.exists():
                replace_file(copy, kept.read_bytes(), sync=False)
        newest = path
    if any(cosigned_files(home)):
        replace_file(home / TILES / COSIGNED / NEWEST, newest.read_bytes(), sync=False)
