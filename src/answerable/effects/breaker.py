"""Circuit breaker: after failures in a row a door is left alone for a while. Pure, time given.

Ours, because library breakers read the ambient clock and cannot replay a seed. The states are the
usual three (M. Nygard, Release It!, 2nd ed., ch. 5): closed, open, half-open.
"""

from dataclasses import dataclass

from answerable.base.clock import SECOND_US

_FAILURES_MAX = 20
_OPEN_US = 10 * SECOND_US


@dataclass(slots=True)
class Breaker:
    """One door's state. `may_try` before, `succeeded` or `failed` after each try."""

    failures: int = 0
    opened_at: int | None = None
    is_probing: bool = False

    def may_try(self, now_us: int) -> bool:
        """Closed: yes. Open: no. After the pause: one probe, and no second until it has ended."""
        if self.opened_at is None:
            return True
        if now_us < self.opened_at + _OPEN_US or self.is_probing:
            return False
        self.is_probing = True
        return True

    def succeeded(self) -> None:
        self.failures = 0
        self.opened_at = None
        self.is_probing = False

    def failed(self, now_us: int) -> None:
        self.failures += 1
        self.is_probing = False
        if self.failures >= _FAILURES_MAX:
            self.opened_at = now_us
