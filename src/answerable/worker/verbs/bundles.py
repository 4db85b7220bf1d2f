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


@dataclass(frozen=True, slots=True)
class BundleView:
    file: str
    entries: int  # in the answer
    size: int  # of the log
    root: str
    members: int
    bytes: int
