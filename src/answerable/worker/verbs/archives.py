"""Old bodies put away, and one of them read where it lies."""

from dataclasses import dataclass

import msgspec

from answerable.worker.verbs.base import Index, Word


class LedgerArchive(msgspec.Struct, frozen=True, tag="ledger.archive"):
    """Put away, into a file in folder `to`, whole bundles of entries in which everything had ended
    before `before_us`, and their bodies. Without `is_meant` it only says what that would be."""

    to: str
    before_us: Index
    by: Word = ""
    is_meant: bool = False


@dataclass(frozen=True, slots=True)
class ArchiveView:
    """Entries `first` to `end`, the last one not included: what went, or would go."""

    file: str
    first: int
    end: int
    bodies: int
    steps: int
    bundles: int
    bytes: int  # of the bodies
    because: str  # why it ends where it does
    sha256: str = ""
    index: int = -1  # of the entry that says so; -1 where nothing was put away
    finished: str = ""  # the archive of an earlier run, whose bodies went only now


class ArchiveRead(msgspec.Struct, frozen=True, tag="ledger.read_archive"):
    """The body of one entry out of an archive, opened with the home's keys."""

    file: str
    index: Index


@dataclass(frozen=True, slots=True)
class ArchivedBody:
    index: int
    at: str
    kind: str
    entry: str  # its id
    sender: str  # of a message
    text: str
    request: dict[str, object]  # of a decision: what policy was asked
