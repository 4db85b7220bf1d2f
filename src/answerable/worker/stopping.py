"""Stops that were asked for and are not in the ledger yet: noted in the home before they are sent.

A worker that is killed with the command in its hands does not forget it: the next life finds the
note before its first effect, stands still, and records it. A note goes when the order is answered.
"""

import contextlib
import hashlib
from pathlib import Path

import msgspec

from answerable.base.errors import Broken
from answerable.store.files import replace_file
from answerable.worker.verbs import Stop

_FOLDER = "stopping"


def note(home: Path, verb: Stop) -> None:
    """Before it is sent. Where it cannot be written the order goes its way without."""
    if not verb.is_on:
        return
    path = _note(home, verb)
    with contextlib.suppress(Broken, OSError):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        replace_file(path, msgspec.json.encode(verb))


def pending(home: Path) -> list[Stop]:
    """What was asked for and may not be recorded."""
    found = []
    for path in sorted((home / _FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, msgspec.DecodeError):
            found.append(msgspec.json.decode(path.read_bytes(), type=Stop))
    return found


def forget(home: Path, verb: Stop) -> None:
    """It is recorded, lifted, or refused."""
    with contextlib.suppress(OSError):
        _note(home, verb).unlink()


def _note(home: Path, verb: Stop) -> Path:
    name = hashlib.sha256(f"{verb.scope}\n{verb.mode}".encode()).hexdigest()[:24]
    return home / _FOLDER / f"{name}.json"
