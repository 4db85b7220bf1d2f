"""Words that are read for a replay: written down before."""

from dataclasses import dataclass

import msgspec

from answerable.worker.verbs.base import Word


class DecisionRead(msgspec.Struct, frozen=True, tag="decision.read"):
    """Write down that `by` is going to read what a decision was made on, where they may."""

    decision: Word
    by: Word


@dataclass(frozen=True, slots=True)
class ReadView:
    decision: str
    by: str
    read: int  # index of the entry that says so
    bodies: int
