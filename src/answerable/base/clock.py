"""Time is an argument: microseconds since the epoch, UTC, as a plain integer."""

import asyncio
import re
import time
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US


class Clock(Protocol):
    """What the platform asks for the time; the machine's, a day's or a simulated one."""

    def now(self) -> int:
        """Microseconds since 1970-01-01T00:00:00Z."""
        ...

    async def sleep_until(self, at_us: int) -> None:
        """Return as soon as `now()` is at or after `at_us`; never before."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1000  # noqa: TID251 - the one place that may ask the machine

    async def sleep_until(self, at_us: int) -> None:
        while (left_us := at_us - self.now()) > 0:
            await asyncio.sleep(left_us / SECOND_US)


class ManualClock:
    """A clock that stands still until it is told to move; wakes its sleepers in order."""

    def __init__(self, at_us: int = 1_767_225_600 * SECOND_US) -> None:
        self._now_us = at_us
        self._moved = asyncio.Event()

    def now(self) -> int:
        return self._now_us

    def advance(self, by_us: int) -> None:
        self._now_us += by_us
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep_until(self, at_us: int) -> None:
        while self._now_us < at_us:
            await self._moved.wait()


def iso(at_us: int) -> str:
    """`2026-03-02T14:01:09Z`: how a time is written for people and in errors."""
    return datetime.fromtimestamp(at_us // SECOND_US, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_UNITS = {"m": MINUTE_US, "h": HOUR_US, "d": DAY_US}
_SPAN = re.compile(r"\+(\d{1,4})([mhd])")


def read_time(text: str, now_us: int) -> int:
    """A time as people type it: `2026-12-24T18:00` (UTC, unless it names an offset), or `+8h`.

    A day alone is to its end, in UTC: who says "until the 24th" means the 24th as well.
    Raises ValueError, with what is wrong in words.
    """
    span = _SPAN.fullmatch(text)
    if span is not None:
        return now_us + int(span[1]) * _UNITS[span[2]]
    try:
        at = datetime.fromisoformat(text) if "T" in text else _end_of_day(text)
    except ValueError:
        at = None
    if at is None:
        raise ValueError(
            f"'{text}' is no time: say 2026-12-24, 2026-12-24T18:00 (UTC), +30m or +3d"
        )
    return us_of(at)


def us_of(at: datetime) -> int:
    """Microseconds of a time to the second, which is UTC where it names no offset."""
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return int(at.timestamp()) * SECOND_US


def _end_of_day(text: str) -> datetime:
    day = date.fromisoformat(text)
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def day_of(at_us: int) -> str:
    """The UTC day `2026-03-02` that a time belongs to; limits and `day.closed` count by it."""
    return _day(at_us // DAY_US)


@lru_cache(maxsize=64)
def _day(number: int) -> str:
    return iso(number * DAY_US)[:10]
