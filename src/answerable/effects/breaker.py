"""Circuit breaker: after failures in a row a door is left alone for a while. Pure, time given.

Ours, because library breakers read the ambient clock and cannot replay a seed. The states are the
usual three (M. Nygard, Release It!, 2nd ed., ch. 5): closed, open, half-open.
"""

from dataclasses import dataclass, field

from answerable.base.clock import SECOND_US

_FAILURES_MAX = 20
_OPEN_US = 10 * SECOND_US


@dataclass(slots=True)
class Breaker:
    """One door's state. `may_try`, then `begin`, then `succeeded` or `failed`, for each try."""

    failures: int = 0
    opened_at: int | None = None
    is_probing: bool = False
    calls: int = 0  # that have begun, and of which it is not told yet how they ended

    def may_try(self, now_us: int) -> bool:
        """Closed: yes. Open: no. After the pause: one probe, and no second until it has ended."""
        if self.opened_at is None:
            return True
        return now_us >= self.opened_at + _OPEN_US and not self.is_probing

    def begin(self) -> None:
        """A try begins in this breath; it must be told how it ended."""
        self.calls += 1
        self.is_probing = self.opened_at is not None

    def succeeded(self) -> None:
        self.calls -= 1
        self.failures = 0
        self.opened_at = None
        self.is_probing = False

    def failed(self, now_us: int) -> None:
        self.calls -= 1
        self.failures += 1
        self.is_probing = False
        if self.failures >= _FAILURES_MAX:
            self.opened_at = now_us


@dataclass(frozen=True, slots=True)
class Doors:
    """All doors of a worker: a tool of one agent is another door than a rail of the same name."""

    _breakers: dict[tuple[str, str, str], Breaker] = field(default_factory=dict)

    def of(self, kind: str, agent: str, name: str) -> Breaker:
        key = kind, agent, name
        known = self._breakers.get(key)
        return known if known is not None else self._breakers.setdefault(key, Breaker())
