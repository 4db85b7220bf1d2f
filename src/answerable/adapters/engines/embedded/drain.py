"""How long what comes in now would wait to be taken up: what waits, over the rate at which it went.

Little's law (J. D. C. Little, 1961), with a rate measured while something always waited; while
nobody waits, nothing is known of how fast it could go, and nothing needs to be.
"""

import math

from answerable.base.clock import SECOND_US

_WINDOW_US = SECOND_US


class Drain:
    """Pure, in memory; times in microseconds."""

    def __init__(self) -> None:
        self._since_us: int | None = None  # something has waited ever since
        self._taken = 0
        self._per_us: float | None = None

    def waits(self, now_us: int) -> None:
        """Something is ready and not taken up yet."""
        if self._since_us is None:
            self._since_us, self._taken = now_us, 0

    def took(self, now_us: int, *, has_more: bool) -> None:
        """One was taken up; says whether another was ready."""
        if not has_more:
            self._since_us = self._per_us = None
            return
        self.waits(now_us)
        self._taken += 1
        if self._since_us is not None and now_us >= self._since_us + _WINDOW_US:
            self._per_us = self._rate(now_us)
            self._since_us, self._taken = now_us, 0

    def wait_s(self, waiting: int, now_us: int) -> float:
        """For what comes behind `waiting` others. Infinite where nothing goes at all; 0 until
        something has waited for a second."""
        rate = self._rate(now_us)
        if rate is None or not waiting:
            return 0.0
        return waiting / rate / SECOND_US if rate else math.inf

    def _rate(self, now_us: int) -> float | None:
        """Of this window and the ones before it, each half as much as the next."""
        if self._since_us is None or now_us < self._since_us + _WINDOW_US:
            return self._per_us
        rate = self._taken / (now_us - self._since_us)
        return rate if self._per_us is None else (rate + self._per_us) / 2
