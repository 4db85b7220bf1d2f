"""Checkpoints that witnesses cosigned, beside the tiles: what they vouch for, and when.

    cosigned/<size>         the checkpoint of that size, with each signature that was given for it
    cosigned/checkpoint     the newest of them

The times bound those of the entries: an entry that a checkpoint covers was there when it was
cosigned, and one that it does not cover was not written long before.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from answerable.base.clock import SECOND_US, iso
from answerable.ledger.cosignature import cosignatures
from answerable.ledger.domain import LeafProblem
from answerable.ledger.keychain import KeyChain
from answerable.ledger.note import NoteError, verify_checkpoint
from answerable.ledger.quorum import Policy

_SIZE = re.compile(r"[0-9]+")
COSIGNED = "cosigned"
NEWEST = "checkpoint"
TOLERANCE_S = 300
"""How far clocks may be apart, and how long a checkpoint may be on its way to its witnesses."""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A checkpoint that a quorum cosigned; the seconds between which that was, where it says."""

    size: int
    note: str
    since_s: int
    until_s: int


@dataclass(frozen=True, slots=True)
class Cosigned:
    """What lies in the folder: all that the log signed, and what of it a quorum vouches for."""

    notes: list[str]
    witnessed: list[Witnessed]
    problem: LeafProblem | None


def cosigned_files(folder: Path) -> Iterator[tuple[int, Path]]:
    """(size, file) of each, smallest first; `folder` is the published log."""
    found = (folder / COSIGNED).glob("[0-9]*")
    yield from sorted((int(path.name), path) for path in found if _SIZE.fullmatch(path.name))


def cosigned_file(folder: Path, size: int) -> Path:
    return folder / COSIGNED / str(size)


def with_line(note: str, line: str) -> str:
    """The note with a signature line of a key that has not signed it yet."""
    start = line[:-1].rsplit(" ", 1)
    key = f"\n{start[0]} {start[1][:5]}"  # the name, and the first of the key's four bytes
    return note if key in note else note + line


def read_cosigned(folder: Path, keys: KeyChain, policy: Policy) -> Cosigned:
    """Verify each signature; whether the log has those roots is for who reads the log to say."""
    notes: list[str] = []
    witnessed: list[Witnessed] = []
    known = list(policy.witnesses.values())
    for size, path in cosigned_files(folder):
        try:
            note = path.read_text(encoding="utf-8")
            head = verify_checkpoint(note, keys.of(note))
            words = cosignatures(note, known)
            if head.size != size:
                raise NoteError(f"It is of {head.size} entries.")
        except (OSError, UnicodeDecodeError, NoteError) as error:
            said = f"'{COSIGNED}/{path.name}' is no checkpoint of this log: {error}"
            return Cosigned(notes, witnessed, LeafProblem(max(size - 1, 0), said))
        notes.append(note)
        if policy.is_met([each.key for each in words]):
            since, until = policy.interval(words) or (0, 0)
            witnessed.append(Witnessed(size, note, since, until))
    if witnessed or not policy.witnesses:
        return Cosigned(notes, witnessed, None)
    said = "no checkpoint over it was cosigned by the quorum"
    return Cosigned(notes, witnessed, LeafProblem(0, said))


class EntryTimes:
    """Between which times each entry must have been written, as its neighbouring heads say."""

    def __init__(self, witnessed: Sequence[Witnessed], tolerance_s: int = TOLERANCE_S) -> None:
        dated = [each for each in witnessed if each.until_s]
        self._sizes = [each.size for each in dated]
        self._since = [each.since_s for each in dated]  # from here on: the latest so far
        for at in range(1, len(dated)):
            self._since[at] = max(self._since[at], self._since[at - 1])
        self._until = [each.until_s for each in dated]  # and the earliest that comes
        for at in reversed(range(len(dated) - 1)):
            self._until[at] = min(self._until[at], self._until[at + 1])
        self._tolerance_us = tolerance_s * SECOND_US

    def problem(self, index: int, ts_us: int) -> LeafProblem | None:
        """What is wrong with an entry's time, if it lies outside."""
        after = bisect_right(self._sizes, index)  # the first head that covers it
        if after and ts_us < self._since[after - 1] * SECOND_US - self._tolerance_us:
            at = iso(self._since[after - 1] * SECOND_US)
            size = self._sizes[after - 1]
            said = (
                f"written at {iso(ts_us)}, and the {size} entries before it were cosigned at {at}"
            )
            return LeafProblem(index, f"it says that it was {said}: it is backdated")
        if after < len(self._sizes) and ts_us > self._until[after] * SECOND_US + self._tolerance_us:
            at = iso(self._until[after] * SECOND_US)
            said = f"written at {iso(ts_us)}, and was cosigned before that, at {at}"
            return LeafProblem(index, f"it says that it was {said}")
        return None
