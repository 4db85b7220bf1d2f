"""Promises of accept: durable, once, in order."""

import asyncio
import itertools

from answerable.base.clock import SECOND_US
from answerable.engine.port import Arrival
from answerable.testing.conformance.house import House, message, names, promise, record, timer

_SENDERS = 512
_EACH = 3
_INBOXES = 16


@promise
async def an_acknowledged_arrival_is_there_after_a_crash(house: House) -> None:
    arrival = message("m1", data=bytes(range(256)))
    assert await house.accept(arrival) == [True]
    await house.crash_and_reopen()
    claim = await house.next_claim()
    assert claim.arrivals == (arrival,)
    assert claim.memo == ()


@promise
async def an_id_is_accepted_once_before_and_after_it_is_finished_and_after_restarts(
    house: House,
) -> None:
    assert await house.accept(message("m1"), message("m1"), message("m2")) == [True, False, True]
    together = await asyncio.gather(*(house.accept(message("m3")) for _ in range(8)))
    assert sum(is_new for (is_new,) in together) == 1
    assert await house.accept(message("m1")) == [False]
    for expected in ("m1", "m2", "m3"):
        claim = await house.next_claim()
        assert [one.id for one in claim.arrivals] == [expected]
        await house.finish(claim)
        assert await house.accept(message(expected)) == [False]
    await house.crash_and_reopen()
    assert await house.accept(message("m1"), message("m4")) == [False, True]
    await house.close_and_reopen()
    assert await house.accept(message("m1"), message("m4")) == [False, False]
    assert (await house.next_claim()).arrivals[0].id == "m4"


@promise
async def a_redelivery_that_claims_to_be_the_first_changes_nothing(house: House) -> None:
    first = message("m1", data=b"first")
    await house.accept(first)
    liar = Arrival("m1", "cas_2", "answer", b"no, I am the first", not_before_us=1)
    assert await house.accept(liar) == [False]
    claim = await house.next_claim()
    assert claim.arrivals == (first,)
    assert await house.accept(liar) == [False]
    await house.finish(claim)
    assert await house.accept(liar) == [False]
    await house.accept(message("sentinel", inbox="cas_2"))
    assert (await house.next_claim()).arrivals[0].id == "sentinel"


@promise
async def an_inbox_keeps_accept_order_under_512_senders(house: House) -> None:
    ticks = itertools.count()
    asked: dict[str, int] = {}
    acknowledged: dict[str, int] = {}

    async def send(sender: int) -> None:
        for number in range(_EACH):
            name = f"{sender}-{number}"
            asked[name] = next(ticks)
            await house.accept(message(name, inbox=f"cas_{sender % _INBOXES}"))
            acknowledged[name] = next(ticks)

    await asyncio.gather(*(send(sender) for sender in range(_SENDERS)))
    seen: dict[str, list[str]] = {}
    for _ in range(_SENDERS * _EACH):
        claim = await house.next_claim()
        for arrival in claim.arrivals:
            seen.setdefault(arrival.inbox, []).append(arrival.id)
        await house.finish(claim)
    assert sorted(itertools.chain(*seen.values())) == sorted(asked)
    for order in seen.values():
        soonest = len(asked) * 2
        for name in reversed(order):
            soonest = min(soonest, acknowledged[name])
            assert asked[name] < soonest, f"{name} came before one that was acknowledged earlier"


@promise
async def an_answer_comes_in_before_and_after_the_wait(house: House) -> None:
    """A turn waits by finishing its arrival with a record; the answer is an arrival of its own."""
    await house.accept(message("m1"), message("m2", inbox="cas_2"))
    early = await house.next_claim()
    late = await house.next_claim()
    assert await house.accept(Arrival("yes-1", "cas_1", "answer", b"yes")) == [True]
    await house.crash_and_reopen()
    early = await house.next_claim()
    late = await house.next_claim()
    assert {early.arrivals[0].id, late.arrivals[0].id} == {"m1", "m2"}
    await house.finish(late, record("waits-2", arrival="m2"))
    assert await house.accept(Arrival("yes-2", "cas_2", "answer", b"yes")) == [True]
    await house.finish(early, record("waits-1", arrival="m1"))
    answers = {(await house.next_claim()).arrivals[0] for _ in range(2)}
    assert answers == {
        Arrival("yes-1", "cas_1", "answer", b"yes"),
        Arrival("yes-2", "cas_2", "answer", b"yes"),
    }
    assert sorted(names(await house.feed())) == ["waits-1", "waits-2"]


@promise
async def more_than_a_thousand_arrivals_are_accepted_at_once(house: House) -> None:
    many = [message(f"m{number}", inbox=f"cas_{number % 7}") for number in range(1_500)]
    assert await house.accept(*many) == [True] * len(many)
    await house.crash_and_reopen()
    assert await house.accept(*many, message("one-more")) == [False] * len(many) + [True]
    claimed = [(await house.next_claim()).arrivals[0] for _ in range(7)]
    assert sorted(one.id for one in claimed) == sorted(one.id for one in many[:7])


@promise
async def what_became_of_an_arrival_is_found_waiting_and_finished_and_after_a_crash(
    house: House,
) -> None:
    first = message("m1", data=b"first")
    assert await house.engine.find("m1") is None
    await house.accept(first)
    await house.crash_and_reopen()
    waiting = await house.engine.find("m1")
    assert waiting is not None
    assert (waiting.arrival, waiting.memo, waiting.is_done) == (first, (), False)
    claim = await house.next_claim()
    await house.engine.append(claim.fence, [record("r1", arrival="m1"), record("other")])
    await house.finish(claim, record("r2", arrival="m1"))
    for restart in (house.give_up, house.crash_and_reopen):
        await restart()
        finished = await house.engine.find("m1")
        assert finished is not None
        assert (finished.arrival.id, finished.arrival.data, finished.is_done) == ("m1", b"", True)
        assert names(finished.memo) == ["r1", "r2"]
        assert finished.memo[0].body == b"sealed"


@promise
async def what_waits_is_listed_by_kind_in_accept_order(house: House) -> None:
    many = [message(f"m{number}", inbox=f"cas_{number % 7}") for number in range(1_200)]
    await house.accept(*many, timer("t1", 1))
    assert (await house.next_claim()).arrivals[0].id == "m0"
    await house.finish(await house.next_claim())  # m1
    await house.crash_and_reopen()
    listed = [one async for one in house.engine.waiting("message")]
    assert listed == [many[0], *many[2:]]
    assert [one.id async for one in house.engine.waiting("timer")] == ["t1"]
    assert [one async for one in house.engine.waiting("answer")] == []


@promise
async def what_waits_in_an_inbox_is_all_that_is_not_finished_there(house: House) -> None:
    """Taken, waiting and timed alike; and again after a crash."""
    due_us = house.clock.now() + 10 * SECOND_US
    await house.accept(message("m1"), message("m2"), timer("t1", due_us, inbox="a"))
    await house.accept(message("other", inbox="b"), message("also", inbox="c"))
    inbox = message("m1").inbox
    claim = await house.next_claim()
    assert claim.arrivals[0].id == "m1"
    assert await _ids_in(house, inbox) == {"m1", "m2"}
    assert await _ids_in(house, "a", "c") == {"t1", "also"}
    assert await _ids_in(house, "nobody's") == set()
    await house.finish(claim)
    assert await _ids_in(house, inbox) == {"m2"}
    await house.crash_and_reopen()
    assert await _ids_in(house, inbox) == {"m2"}
    assert await _ids_in(house, "a", "b") == {"t1", "other"}


async def _ids_in(house: House, *inboxes: str) -> set[str]:
    found = [one.id for one in await house.engine.waiting_in(inboxes)]
    assert len(found) == len(set(found)), "each is said once"
    return set(found)
