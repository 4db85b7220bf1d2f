"""Promises of timers: durable, not early, once."""

import asyncio

from answerable.base.clock import SECOND_US
from answerable.engine.port import Claim
from answerable.testing.conformance.house import House, message, promise, record, timer


@promise
async def a_timer_is_not_early_and_blocks_nobody(house: House) -> None:
    due_us = house.clock.now() + 10 * SECOND_US
    await house.accept(timer("t1", due_us), message("m1"), message("m2"))
    for expected in ("m1", "m2"):
        claim = await house.next_claim()
        assert claim.arrivals[0].id == expected
        await house.finish(claim)
    waiting: asyncio.Task[Claim] = asyncio.create_task(house.next_claim())
    house.clock.advance(due_us - house.clock.now() - 1)
    await house.accept(message("sentinel"))
    claim = await waiting
    assert claim.arrivals[0].id == "sentinel"
    waiting = asyncio.create_task(house.next_claim())
    house.clock.advance(1)
    await house.accept(message("behind"))
    assert not waiting.done(), "the inbox is busy"
    await house.finish(claim)
    claim = await waiting
    assert claim.arrivals == (timer("t1", due_us),)
    await house.finish(claim)
    assert (await house.next_claim()).arrivals[0].id == "behind"


@promise
async def a_timer_fires_once_across_restarts(house: House) -> None:
    start_us = house.clock.now()
    dues = [start_us + seconds * SECOND_US for seconds in (30, 10, 20)]
    await house.accept(*(timer(f"t{due}", due, inbox="timers") for due in dues))
    await house.crash_and_reopen()
    await house.accept(message("early"))
    claim = await house.next_claim()
    assert claim.arrivals[0].id == "early"
    await house.finish(claim)
    for due in sorted(dues):
        waiting: asyncio.Task[Claim] = asyncio.create_task(house.next_claim())
        await house.accept(timer(f"t{due}", due, inbox="timers"))  # set twice, fires once
        house.clock.advance(due - house.clock.now())
        claim = await waiting
        assert claim.arrivals[0].id == f"t{due}"
        await house.finish(claim, record(f"rang-{due}"))
        await house.crash_and_reopen()
    house.clock.advance(60 * SECOND_US)
    await house.accept(message("sentinel", inbox="timers"))
    assert (await house.next_claim()).arrivals[0].id == "sentinel"
