"""How long a message would wait, by the rate at which others are taken up."""

import asyncio
import math
from pathlib import Path

import pytest

from answerable.adapters.engines.embedded import EmbeddedJournal
from answerable.adapters.engines.embedded.drain import Drain
from answerable.base.clock import SECOND_US, ManualClock
from answerable.engine.port import Arrival


def busy(drain: Drain, *, per_s: int, seconds: int, since_us: int = 0) -> int:
    """Taken up at this rate while others wait; the time by then."""
    drain.waits(since_us)
    for n in range(1, per_s * seconds + 1):
        drain.took(since_us + n * SECOND_US // per_s, has_more=True)
    return since_us + seconds * SECOND_US


def test_what_waits_over_the_rate_is_the_wait() -> None:
    drain = Drain()
    now_us = busy(drain, per_s=50, seconds=3)
    assert drain.wait_s(500, now_us) == pytest.approx(10)
    assert drain.wait_s(0, now_us) == 0


def test_where_nobody_waits_nothing_is_said_of_the_rate() -> None:
    """17 a second on an idle machine is not the most that it can do."""
    drain = Drain()
    for n in range(100):
        drain.waits(n * SECOND_US)
        drain.took(n * SECOND_US, has_more=False)
    assert drain.wait_s(10_000, 101 * SECOND_US) == 0


def test_a_slower_worker_is_noticed_within_seconds() -> None:
    drain = Drain()
    now_us = busy(drain, per_s=100, seconds=5)
    now_us = busy(drain, per_s=10, seconds=4, since_us=now_us)
    assert drain.wait_s(160, now_us) == pytest.approx(10, rel=0.1)


def test_where_nothing_goes_the_wait_has_no_end() -> None:
    drain = Drain()
    drain.waits(0)
    assert drain.wait_s(10, SECOND_US // 2) == 0
    assert drain.wait_s(10, SECOND_US) == math.inf


def test_the_journal_says_it_of_what_its_claimer_leaves_waiting(tmp_path: Path) -> None:
    async def story() -> None:
        clock = ManualClock()
        journal = EmbeddedJournal.open(tmp_path / "home", clock=clock, threaded=False)
        try:
            assert journal.wait_s() == 0
            claims = journal.claim("w", 1_000)
            messages = [Arrival(f"a{n}", f"i{n}", "message", b"m") for n in range(100)]
            taking = asyncio.ensure_future(anext(claims))
            await asyncio.sleep(0)
            await journal.accept(messages)
            await taking
            for _ in range(20):
                clock.advance(SECOND_US // 10)
                await anext(claims)
            assert journal.wait_s() == pytest.approx(79 / 10, rel=0.1)
            await claims.aclose()  # type: ignore[attr-defined]
            assert journal.wait_s() == 0
        finally:
            journal.close()

    asyncio.run(story())
