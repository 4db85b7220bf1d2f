"""Budgets of thinking: what a turn and a day of an agent's model may use up, kept in memory.

A day's use is what state has counted plus what turns on their way have used or have reserved; so a
budget of a day is not exceeded by many turns that think at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

_CALLS_MAX = 100  # their request ids stand in one entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What an agent declares for its model; None is no budget. Days are UTC.

    Tokens are those that went in and those that came out. In a turn no call is made once the
    budget is used up, and none may answer with more than is left of it. For a day each call is
    reserved at the most that it can cost before it is made: a day's budget is not exceeded.
    `cost_micros_per_day` is millionths of a US dollar; it needs a model whose price is known.
    Raises ValueError for a budget below one.
    """

    calls_per_turn: int = 12
    tokens_per_turn: int = 100_000
    tokens_per_day: int | None = None
    cost_micros_per_day: int | None = None

    def __post_init__(self) -> None:
        every = (
            self.calls_per_turn, self.tokens_per_turn,
            self.tokens_per_day, self.cost_micros_per_day,
        )  # fmt: skip
        if any(most is not None and most < 1 for most in every):
            raise ValueError("a budget is one or more; for no thinking at all, declare no model")
        if self.calls_per_turn > _CALLS_MAX:
            raise ValueError(f"`calls_per_turn` is at most {_CALLS_MAX}")


BUDGET = Budget()


class Spent(NamedTuple):
    """Tokens in and out together, and millionths of a US dollar."""

    tokens: int = 0
    cost_micros: int = 0

    def plus(self, other: "Spent", sign: int = 1) -> "Spent":
        return Spent(self.tokens + sign * other.tokens, self.cost_micros + sign * other.cost_micros)


Lookup = Callable[[str, str], Spent]
"""What state has counted for an agent on a day `2026-03-02`."""


class Spending:
    """What turns on their way use; one per partition, touched by one task at a time.

    A turn's use leaves here when an entry with it is durable: then state counts it. For a moment
    both may count it, which errs on the safe side.
    """

    def __init__(self, counted: Lookup) -> None:
        self._counted = counted
        self._turns: dict[str, tuple[str, Spent]] = {}  # interaction -> agent, used and reserved

    def exceeded(self, budget: Budget, agent: str, day: str, wanted: Spent) -> str:
        """The field of the budget in which there is no room for `wanted`; empty if there is."""
        if budget.tokens_per_day is None and budget.cost_micros_per_day is None:
            return ""
        would_be = self._counted(agent, day).plus(wanted)
        for whose, spent in self._turns.values():
            would_be = would_be.plus(spent) if whose == agent else would_be
        if budget.tokens_per_day is not None and would_be.tokens > budget.tokens_per_day:
            return "tokens_per_day"
        most = budget.cost_micros_per_day
        return "cost_micros_per_day" if most is not None and would_be.cost_micros > most else ""

    def add(self, interaction: str, agent: str, spent: Spent) -> None:
        """Used or reserved by a turn; what is given back comes as a negative amount."""
        before = self._turns.get(interaction, (agent, Spent()))[1]
        self._turns[interaction] = (agent, before.plus(spent))

    def forget(self, interaction: str) -> None:
        """State counts it now, or the turn begins again from its records."""
        self._turns.pop(interaction, None)
