"""An effect's life: what states there are, which are ends, and when to try again. Pure.

decided ─allow─▶ ready ──▶ done | failed | unknown ─find─▶ done | ready | (a person) done, failed
        ─hold──▶ held ──▶ granted ──▶ ready ...      | refused (a person, or silence)
        ─deny──▶ denied
A reply that waits for another effect is `blocked` until that one has ended.
"""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from answerable.agents.domain import Repeat
from answerable.base.clock import MINUTE_US, SECOND_US
from answerable.cases.domain import Lease
from answerable.ledger.domain import AgentRef, Owner


class Status(StrEnum):
    HELD = "held"
    GRANTED = "granted"  # a reply that a person allowed, while the effect it speaks of is open
    BLOCKED = "blocked"
    READY = "ready"  # the intent is durable: it may have begun
    RETRY = "retry"  # surely not done yet; a timer will try again
    UNKNOWN = "unknown"  # it may have happened; we look it up
    ASKED = "asked"  # it may have happened, and only a person can say
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    DENIED = "denied"

    @property
    def is_end(self) -> bool:
        return self in _ENDS


_ENDS = frozenset({Status.DONE, Status.FAILED, Status.REFUSED, Status.DENIED})


LATE = "late"
"""An outcome that moves nothing: a call that was given up long ago ended only now."""


class EffectState(msgspec.Struct, frozen=True, kw_only=True):
    """An effect's row: all that the hallway needs to go on with it after a crash or a hold."""

    id: str
    decision: str
    position: int  # where the deciding record, with the exact bytes, stands in the feed
    interaction: str
    case: str
    party: str
    agent: str
    release: str
    kind: str  # tool | reply
    name: str
    repeat: Repeat
    status: Status
    attempt: int
    after: str | None
    lease: Lease
    expires_at: int
    day: str
    amount_minor: int
    currency: str
    owner: Owner  # who is accountable for its last start
    started_at: int  # when its last recorded start was, or its decision

    @property
    def agent_ref(self) -> AgentRef | None:
        """Whose proposal it was; None where a person decided it."""
        return AgentRef(id=self.agent, release=self.release) if self.release else None

    @property
    def origin(self) -> str:
        """The tail of what it belongs to: an interaction's, or a specialist's reply's."""
        return self.id.partition("_")[2].rpartition("-")[0]


OPEN = "open"
"""The disposition of an interaction that has not ended."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """An interaction's row."""

    id: str
    inbox: str
    rail: str
    party: str
    case: str
    position: int  # of its received record
    disposition: str  # open, until it has ended
    is_escalated: bool = False  # whether it brought its case to people, under whichever arrival


def counted_as(kind: str, name: str) -> str:
    """The name that limits count under: a tool called as a rail is does not share its room."""
    return f"{kind}:{name}"


_RETRY_US = (1, 5, 30, 2 * 60, 10 * 60, 30 * 60)


def retry_after_us(attempt: int) -> int:
    """How long to wait after the n-th attempt (1-based) surely did nothing.

    A fixed schedule, so that a seed replays it; the spread that jitter would give comes from the
    arrivals themselves.
    """
    return _RETRY_US[min(attempt, len(_RETRY_US)) - 1] * SECOND_US


RECONCILE_MAX = 16  # look-ups, over some three hours, before a person is asked


def reconcile_after_us(look: int) -> int:
    """How long to wait before the n-th look-up (1-based) of an unknown effect."""
    return min(5 * SECOND_US << (look - 1), 20 * MINUTE_US)
