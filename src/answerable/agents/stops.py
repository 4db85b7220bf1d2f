"""The stop: what is told to stand still, how still, and since when.

A stop is put on a scope and stays until it is let go: `*` is everything, people's replies included;
an agent's name is that agent; `tool:AGENT/TOOL` one tool of it; `party:pty_...` whatever agents
would do for that party. The stop file in the home is a stop of everything that needs no command.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

EVERYTHING = "*"
FILE = "file"  # the scope under which pressing and removing the stop file are recorded
TOOL, PARTY = "tool:", "party:"


class Mode(StrEnum):
    """How still, the strongest first."""

    PAUSE = "pause"  # nothing starts; cases go to people
    READ_ONLY = "read_only"  # agents answer; no effect tool is performed
    ASK = "ask"  # whatever policy would allow waits for a person


@dataclass(frozen=True, slots=True)
class StopOrder:
    """One stop in force, since the entry with this ledger index."""

    scope: str
    mode: Mode
    since: int
    by: str


@dataclass(slots=True)
class Stops:
    """Every stop in force. Read before every effect; changed only by committed entries."""

    orders: dict[tuple[str, Mode], StopOrder] = field(default_factory=dict)

    def is_on(self, mode: Mode, *, agent: str, tool: str = "", party: str = "") -> bool:
        return self.find(mode, agent=agent, tool=tool, party=party) is not None

    def find(self, mode: Mode, *, agent: str, tool: str = "", party: str = "") -> StopOrder | None:
        """The stop that bears on what this agent would do, with this tool, for this party; of
        several the widest."""
        if not self.orders:
            return None
        scopes = (EVERYTHING, agent, f"{TOOL}{agent}/{tool}", f"{PARTY}{party}")
        return next(
            (self.orders[scope, mode] for scope in scopes if (scope, mode) in self.orders), None
        )

    def on(self, scope: str) -> list[StopOrder]:
        """Each stop of exactly this scope, the strongest first."""
        found = (self.orders.get((scope, mode)) for mode in Mode)
        return [order for order in found if order is not None]

    def bearing_on(self, agent: str) -> Iterator[StopOrder]:
        """Each stop that touches something of this agent, for people to read."""
        for order in self.orders.values():
            if order.scope in (EVERYTHING, agent) or order.scope.startswith(f"{TOOL}{agent}/"):
                yield order


def scope_of(word: str) -> str:
    """A scope as people type it, or as the ledger writes it, as the ledger writes it."""
    if word in ("everything", EVERYTHING):
        return EVERYTHING
    if word.startswith((TOOL, PARTY)):
        return word
    if word.startswith("pty_"):
        return f"{PARTY}{word}"
    return f"{TOOL}{word}" if "/" in word else word


def typed_scope(scope: str) -> str:
    """A scope of the ledger as people type it: `everything`, AGENT, AGENT/TOOL, `pty_...`."""
    if scope == EVERYTHING:
        return "everything"
    return scope.removeprefix(TOOL).removeprefix(PARTY)


def tell_scope(scope: str) -> str:
    """A scope of the ledger in words: `everything`, `agent support`, `tool support/refund`."""
    if scope in (EVERYTHING, FILE):
        return {EVERYTHING: "everything", FILE: "the stop file"}[scope]
    if scope.startswith((TOOL, PARTY)):
        return scope.replace(":", " ", 1)
    return f"agent {scope}"


def tell_mode(mode: str) -> str:
    """As people type it: `pause`, `read-only`, `ask`."""
    return mode.replace("_", "-")


def tool_of_scope(scope: str) -> tuple[str, str]:
    """The agent and the tool of `tool:AGENT/TOOL`; empty where it is not of that form."""
    agent, _, tool = scope.removeprefix(TOOL).partition("/")
    return (agent, tool) if scope.startswith(TOOL) else ("", "")
