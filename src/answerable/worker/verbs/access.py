"""An access request: everything that is held about one party, in one file."""

from dataclasses import dataclass

import msgspec

from answerable.worker.verbs.base import Word


class PartyExport(msgspec.Struct, frozen=True, tag="party.export"):
    """Write all that is held about `party`, as far as person `by` may read it, into file `to`.

    Raises PersonUnknown, PartyUnknown, PartyErased, UsageError, Busy, Broken.
    """

    to: str
    party: Word
    by: Word


@dataclass(frozen=True, slots=True)
class AccessView:
    file: str
    party: str
    read: int  # index of the entry that says who was given it
    messages: int
    entries: int
    bodies: int  # that were given: of entries, recorded steps, and messages that wait
    withheld: int  # that `by` may not read: somebody else has to ask for the file
    archived: int  # that lie in an archive, which the file names
    bytes: int
