"""Everything of somebody, with proof that nothing is left out."""

from dataclasses import dataclass

import msgspec

from answerable.worker.verbs.base import Word


class LedgerClose(msgspec.Struct, frozen=True, tag="ledger.close"):
    """Commit all counters now, so that what is answered next is complete as of now.

    `person` is whom it will be about, by id or address, if it is a person.
    """

    person: Word = ""


@dataclass(frozen=True, slots=True)
class Closed:
    """The index of the close, and the person's id."""

    index: int
    person: str = ""
