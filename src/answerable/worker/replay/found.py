"""What a replay found, as people and programs read it."""

from typing import Literal

import msgspec

Status = Literal["same", "different", "erased", "archived", "not_kept", "not_loaded", "none"]
"""`not_kept`: an old home did not keep what it was judged on; `not_loaded`: the release that ran is
another than the code that is there; `none`: there is nothing of the kind (a person spoke)."""


SEALED = "(words that are sealed)"
"""Stands where a difference is in what somebody said, and nobody says who reads it."""


class Difference(msgspec.Struct, frozen=True):
    """The first thing that is not as it was recorded."""

    where: str  # verdict, or the step, proposal or reply of the turn
    field: str
    expected: str  # as it is recorded
    found: str
    has_words: bool = False  # of somebody, out of a body

    @property
    def sealed(self) -> "Difference":
        """The same, for who may not read words."""
        if not self.has_words:
            return self
        return msgspec.structs.replace(self, expected=SEALED, found=SEALED)

    @property
    def sentence(self) -> str:
        return f"{self.where}, `{self.field}`: recorded {self.expected}, found {self.found}"


class Part(msgspec.Struct, frozen=True):
    """How one half of a replay ended: the verdict's, or the turn's."""

    status: Status
    why: str = ""  # where it is neither the same nor different
    difference: Difference | None = None
    steps: int = 0  # of a turn: recorded steps that were fed to it


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """One decision, again."""

    decision: str
    index: int
    verdict: Part
    turn: Part
    recorded: str  # the verdict and its reasons, as the entry has them

    @property
    def sealed(self) -> "Replayed":
        """Without words."""
        parts = {
            name: msgspec.structs.replace(part, difference=part.difference.sealed)
            for name, part in (("verdict", self.verdict), ("turn", self.turn))
            if part.difference is not None
        }
        return msgspec.structs.replace(self, **parts)

    @property
    def has_words(self) -> bool:
        found = (self.verdict.difference, self.turn.difference)
        return any(one is not None and one.has_words for one in found)

    @property
    def is_different(self) -> bool:
        return "different" in (self.verdict.status, self.turn.status)

    @property
    def sentences(self) -> tuple[str, ...]:
        return (
            f"Ledger entry {self.index}, {self.decision}: {self.recorded}.",
            f"The verdict from its stored inputs: {_told(self.verdict)}.",
            f"The turn on its recorded steps: {_told(self.turn)}.",
        )


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """Many verdicts, again."""

    decisions: int
    same: int
    different: int
    erased: int
    archived: int
    not_kept: int
    evaluations: int  # how often the policy engine was asked: requests alike are judged once
    sets: int  # policy sets that they were judged by
    seconds: float
    first: tuple[Replayed, ...] = ()  # the first that differ

    @property
    def sentence(self) -> str:
        rate = f" ({self.decisions / self.seconds:,.0f}/s)" if self.seconds else ""
        return (
            f"{self.decisions} verdicts in {self.seconds} s{rate}, by {self.sets} policy sets and "
            f"{self.evaluations} different evaluations: {self.same} the same, {self.different} "
            f"different, {self.erased} erased, {self.archived} archived, {self.not_kept} whose "
            "inputs were not kept."
        )


def _told(part: Part) -> str:
    steps = f", on {part.steps} steps" if part.steps else ""
    if part.difference is not None:
        return f"DIFFERENT at {part.difference.sentence}"
    return f"the same{steps}" if part.status == "same" else part.why
