"""An answer for a stranger, as one file."""

from dataclasses import dataclass

import msgspec

from answerable.worker.verbs.base import Index, Word


class LedgerExport(msgspec.Struct, frozen=True, tag="ledger.export"):
    """Write a bundle to file `to`: of `kind` decision, case, party, owner, agent or everything,
    `of` that id; `since` and `until` (microseconds, UTC) bound what is asked of an owner."""

    to: str
    kind: Word
    of: Word = ""
    since: Index | None = None
    until: Index | None = None
    bodies_by: Word = ""  # who is given the bodies that they may read; nobody: no bodies
    is_whole: bool = False  # with the keys themselves, not with what opens one body each
    entries_max: Index = 0  # of the answer; 0: as many as a bundle holds


@dataclass(frozen=True, slots=True)
class BundleView:
    file: str
    entries: int  # in the answer
    size: int  # of the log
    root: str
    members: int
    bytes: int
    bodies: int = 0
    withheld: int = 0  # bodies that this person may not read, or that nobody can
    read: int = -1  # index of the entry that says who was given bodies
    missing: tuple[str, ...] = ()  # policy sets and releases that this home no longer has
