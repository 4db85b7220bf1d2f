"""Promises of append and read: whole or not at all, the first write wins, a feed without gaps."""

import asyncio

from answerable.engine.port import Conflict, Fenced, Record
from answerable.testing.conformance.house import House, message, names, promise, record


async def _conflicts(house: House, *records: Record, done: str = "") -> Record:
    """The first record that this append meets; nothing of the append is written."""
    fence = (await house.next_claim()).fence
    await house.give_up()
    before = await house.feed()
    try:
        await house.engine.append(fence, records, [done] if done else [])
    except Conflict as conflict:
        assert await house.feed() == before
        return conflict.first
    raise AssertionError("a key was written twice")


@promise
async def a_key_is_written_once_and_the_first_write_wins(house: House) -> None:
    await house.accept(message("m1"), message("m2"))
    claim = await house.next_claim()
    (position,) = await house.engine.append(claim.fence, [record("k", data=b"first")])
    first = Record("k", "decided", b"first", b"sealed", None, position)
    for restart in (house.give_up, house.crash_and_reopen):
        await restart()
        met = await _conflicts(
            house, record("new-1"), record("k", data=b"second"), record("new-2"), done="m1"
        )
        assert met == first
    claim = await house.next_claim()
    assert claim.arrivals[0].id == "m1", "a rejected append finished an arrival"
    await house.engine.append(claim.fence, [record("new-1"), record("new-2")])
    assert names(await house.feed()) == ["k", "new-1", "new-2"]


@promise
async def a_rejected_append_harms_no_neighbour(house: House) -> None:
    fence = await house.fence()
    await house.engine.append(fence, [record("taken")])

    async def write(number: int) -> bool:
        mine = [record(f"{number}-a"), record(f"{number}-b")]
        if number % 5 == 0:
            mine.insert(1, record("taken"))
        try:
            await house.engine.append(fence, mine)
        except Conflict:
            return False
        return True

    results = await asyncio.gather(*(write(number) for number in range(40)))
    assert results == [number % 5 != 0 for number in range(40)]
    written = [key for n in range(40) if n % 5 for key in (f"{n}-a", f"{n}-b")]
    assert sorted(names(await house.feed())) == sorted(["taken", *written])
    await house.crash_and_reopen()
    assert sorted(names(await house.feed())) == sorted(["taken", *written])


@promise
async def more_than_a_thousand_records_are_appended_at_once(house: House) -> None:
    fence = await house.fence()
    many = [record(f"k{number}", data=b"%d" % number) for number in range(2_500)]
    positions = await house.engine.append(fence, many)
    assert positions == sorted(set(positions))
    await house.crash_and_reopen()
    feed = await house.feed()
    assert names(feed) == names(many)
    assert [one.position for one in feed] == positions
    assert [one.data for one in feed] == [one.data for one in many]


@promise
async def an_effect_is_not_seen_before_its_intent_can_be_read(house: House) -> None:
    fence = await house.fence()

    async def act(number: int) -> None:
        (position,) = await house.engine.append(fence, [record(f"intent-{number}")])
        seen = await house.feed(position - 1)  # what the other side sees when the effect arrives
        assert seen[0].key == f"intent-{number}"
        await house.engine.append(fence, [record(f"outcome-{number}")])

    await asyncio.gather(*(act(number) for number in range(30)))
    order = names(await house.feed())
    for number in range(30):
        assert order.index(f"intent-{number}") < order.index(f"outcome-{number}")


@promise
async def bodies_that_are_dropped_are_gone_and_their_records_stay(house: House) -> None:
    fence = await house.fence()
    kinds = ("decided", "outcome")
    await house.engine.append(
        fence, [Record(f"k{n}", kinds[n % 2], b"data", b"body") for n in range(8)]
    )
    before = await house.feed()
    after, upto = before[1].position, before[5].position
    assert await house.engine.drop(fence, after, upto, ["decided"]) == 2
    assert await house.engine.drop(fence, after, upto, ["decided"]) == 0
    await house.crash_and_reopen()
    feed = await house.feed()
    assert names(feed) == names(before)
    assert [one.key for one in feed if one.body is None] == ["k2", "k4"]
    assert [one.data for one in feed] == [one.data for one in before]
    await house.fence()
    try:
        await house.engine.drop(fence, 0, upto, kinds)
    except Fenced:
        pass
    else:
        raise AssertionError("a holder from before a crash dropped bodies")
    assert await house.feed() == feed


@promise
async def the_feed_has_no_gaps_while_it_is_written(house: House) -> None:
    """What a reader saw while others wrote is what a reader sees afterwards: nothing came late."""
    fence = await house.fence()

    async def write(lane: int) -> None:
        for number in range(10):
            await house.engine.append(
                fence, [record(f"{lane}-{number}-{part}") for part in range(lane % 4 + 1)]
            )

    writers = asyncio.gather(*(write(lane) for lane in range(16)))
    seen: list[Record] = []
    while not writers.done():
        seen.extend(await house.feed(seen[-1].position if seen else 0))
        await asyncio.sleep(0)
    await writers
    seen.extend(await house.feed(seen[-1].position if seen else 0))
    assert seen == await house.feed()
    assert len(seen) == sum(10 * (lane % 4 + 1) for lane in range(16))
    positions = [one.position for one in seen]
    assert positions == sorted(set(positions))


@promise
async def the_feed_can_be_read_by_kind_and_from_anywhere(house: House) -> None:
    fence = await house.fence()
    kinds = ("decided", "outcome", "seal")
    await house.engine.append(
        fence, [Record(f"k{n}", kinds[n % 3], b"%d" % n, None) for n in range(90)]
    )
    feed = await house.feed()
    assert await house.feed(feed[-1].position) == []
    assert await house.feed(feed[44].position) == feed[45:]
    assert await house.feed(kinds=["outcome"]) == [one for one in feed if one.kind == "outcome"]
    assert await house.feed(kinds=["nothing"]) == []
    assert await house.feed(kinds=[]) == []
    some = await house.feed(feed[9].position, ["decided", "seal"])
    assert some == [one for one in feed[10:] if one.kind != "outcome"]
