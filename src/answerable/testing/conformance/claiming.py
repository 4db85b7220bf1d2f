"""Promises of claim: one holder, one arrival of an inbox at a time, nothing lost, nothing twice."""

import asyncio

from answerable.engine.port import Claim, Fence, Fenced
from answerable.testing.conformance.house import House, close, message, names, promise, record


async def _refuses(house: House, fence: Fence, key: str, done: str) -> None:
    """An append under this fence is rejected whole."""
    before = names(await house.feed())
    try:
        await house.engine.append(fence, [record(key), record(f"{key}-too")], [done])
    except Fenced as error:
        assert error.fence == fence  # noqa: PT017 - the kit runs without pytest
    else:
        raise AssertionError(f"{fence} may still write")
    assert names(await house.feed()) == before


@promise
async def an_inbox_hands_out_one_arrival_at_a_time(house: House) -> None:
    await house.accept(message("a1", inbox="A"), message("a2", inbox="A"))
    first = await house.next_claim()
    assert [one.id for one in first.arrivals] == ["a1"]
    await house.accept(message("sentinel", inbox="B"))
    assert (await house.next_claim()).arrivals[0].id == "sentinel"
    await house.finish(first)
    assert (await house.next_claim()).arrivals[0].id == "a2"


@promise
async def a_slow_inbox_delays_no_other(house: House) -> None:
    await house.accept(*(message(f"slow-{n}", inbox="slow") for n in range(50)))
    slow = await house.next_claim()
    for number in range(20):
        await house.accept(message(f"fast-{number}", inbox=f"fast-{number % 3}"))
        claim = await house.next_claim()
        assert claim.arrivals[0].id == f"fast-{number}"
        await house.finish(claim)
    await house.finish(slow)
    assert (await house.next_claim()).arrivals[0].id == "slow-1"


@promise
async def no_more_than_n_claims_are_unfinished(house: House) -> None:
    await house.accept(*(message(f"m{number}", inbox=f"cas_{number}") for number in range(3)))
    first, _second = await house.next_claim(2), await house.next_claim(2)
    third: asyncio.Task[Claim] = asyncio.create_task(house.next_claim(2))
    for number in range(5):
        await house.accept(message(f"later-{number}", inbox=f"later-{number}"))
        assert not third.done()
    await house.finish(first)
    assert (await third).arrivals[0].id == "m2"


@promise
async def a_partition_has_one_holder(house: House) -> None:
    await house.accept(message("m1"), message("m2", inbox="cas_2"))
    first = house.engine.claim("first", 10)
    old = await anext(first)
    waiting = asyncio.create_task(_next_of(first, 2))
    second = house.engine.claim("second", 10)
    new = await anext(second)
    assert new.fence.partition == old.fence.partition
    assert new.fence.epoch > old.fence.epoch
    assert new.arrivals == old.arrivals
    assert await waiting, "the first holder was not told"
    await house.engine.renew(new.fence)
    try:
        await house.engine.renew(old.fence)
    except Fenced:
        pass
    else:
        raise AssertionError("two holders can renew")
    await close(second)


async def _next_of(claims: object, count: int) -> bool:
    """Whether the claim ends as Fenced within `count` more steps."""
    for _ in range(count):
        try:
            await anext(claims)  # type: ignore[call-overload]
        except Fenced:
            return True
    return False


@promise
async def a_paused_zombie_writes_nothing(house: House) -> None:
    await house.accept(message("m1"))
    zombie = await house.next_claim()
    await house.give_up()
    holder = await house.next_claim()
    await _refuses(house, zombie.fence, "zombie", "m1")
    await house.engine.append(holder.fence, [record("living", arrival="m1")])
    await _refuses(house, zombie.fence, "zombie", "m1")
    await house.give_up()
    assert names((await house.next_claim()).memo) == ["living"]


@promise
async def a_holder_from_before_a_crash_is_fenced(house: House) -> None:
    await house.accept(message("m1"))
    before = await house.next_claim()
    await house.crash_and_reopen()
    after = await house.next_claim()
    assert after.fence.epoch > before.fence.epoch
    await _refuses(house, before.fence, "late", "m1")
    await house.finish(after, record("in-time"))


@promise
async def unfinished_arrivals_come_again_first_and_with_their_memo(house: House) -> None:
    await house.accept(message("m1"), message("m2", inbox="cas_2"), message("m3"))
    claim = await house.next_claim()
    steps = [record(f"step-{number}", arrival="m1") for number in range(3)]
    await house.engine.append(claim.fence, [*steps[:2], record("other", arrival="m2")])
    await house.engine.append(claim.fence, steps[2:])
    for restart in (house.crash_and_reopen, house.close_and_reopen, house.give_up):
        await restart()
        await house.accept(message(f"fresh-{restart.__name__}", inbox=restart.__name__))
        again = await house.next_claim()
        assert again.arrivals[0].id == "m1"
        assert names(again.memo) == ["step-0", "step-1", "step-2"]
        assert [one.data for one in again.memo] == [one.data for one in steps]
        assert all(one.body == b"sealed" and one.position for one in again.memo)
        second = await house.next_claim()
        assert (second.arrivals[0].id, names(second.memo)) == ("m2", ["other"])
    await house.finish(again)
    later = [await house.next_claim() for _ in range(4)]
    assert {one.arrivals[0].id for one in later} >= {"m3"}
    assert all(one.memo == () for one in later)


@promise
async def a_finished_arrival_never_comes_again(house: House) -> None:
    await house.accept(message("m1"), message("m2"))
    await house.finish(await house.next_claim(), record("r1", arrival="m1"))
    for restart in (house.give_up, house.crash_and_reopen, house.close_and_reopen):
        await restart()
        claim = await house.next_claim()
        assert [one.id for one in claim.arrivals] == ["m2"]
    await house.finish(claim)
    await house.crash_and_reopen()
    await house.accept(message("sentinel"))
    assert (await house.next_claim()).arrivals[0].id == "sentinel"
