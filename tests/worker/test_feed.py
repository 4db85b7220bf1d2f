"""The feed of a case, page after page, is all that happened in it: in order, once, nothing lost."""

import asyncio
import time
from pathlib import Path

import pytest

from answerable.base.errors import Broken
from answerable.engine.port import Engine
from answerable.testing.world import Life, Till, World
from answerable.views import places
from answerable.worker import verbs
from answerable.worker.commands import call, feed
from answerable.worker.commands.office import Office
from answerable.worker.verbs.cases import FeedPage, Happened
from offices import office_of, open_for, small_world
from stories import inline_world, run, support


async def page(office: Office, **more: object) -> FeedPage:
    found = await call(office, verbs.CaseFeed(**more))  # type: ignore[arg-type]
    assert isinstance(found, FeedPage)
    return found


async def read_all(office: Office, case: str, *, after: int = 0, limit: int = 3) -> list[Happened]:
    events: list[Happened] = []
    while True:
        found = await page(office, case=case, after=after, limit=limit)
        if found.cursor == after:
            return events
        events, after = [*events, *found.events], found.cursor


async def expected(life: Life, case: str) -> list[str]:
    return [e.id for e in await life.entries() if not case or (e.trace and e.trace.case == case)]


async def small(tmp_path: Path) -> World:
    world = inline_world(tmp_path / "home", support(Till()))
    await world.found()
    return world


async def case_of(life: Life, external_id: str) -> str:
    await life.say("refund", external_id=external_id, sender="kim@example.org")
    await life.settled()
    return str(life.db.execute('SELECT "case" FROM interaction LIMIT 1').fetchone()[0])


class Reader:
    """Reads the feed of one case, or of all, page after page and life after life."""

    def __init__(self, case: str) -> None:
        self.case = case
        self.events: list[Happened] = []
        self.cursor = 0

    async def follow(self, office: Office, is_over: asyncio.Event) -> None:
        """Until nothing new has come after it was over."""
        while True:
            was_over = is_over.is_set()
            found = await page(office, case=self.case, after=self.cursor, limit=3, wait_s=0.05)
            self.events.extend(found.events)
            is_still, self.cursor = found.cursor == self.cursor, found.cursor
            if was_over and is_still:
                return


def test_read_while_it_is_written_and_across_a_restart_every_entry_comes_once(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        readers: list[Reader] = []
        for life_number in range(3):
            async with open_for(world) as office:
                life = Life(office.house)
                life.dispatcher = office.dispatcher
                readers = readers or [Reader(await case_of(life, "first")), Reader("")]
                is_over = asyncio.Event()
                reading = [asyncio.create_task(one.follow(office, is_over)) for one in readers]
                for number in range(40):
                    sender = f"{'kim' if number % 3 else f'lee{number}'}@example.org"
                    text = ("hello", "refund", "human")[number % 3]
                    await life.say(text, external_id=f"{life_number}-{number}", sender=sender)
                await life.settled()
                is_over.set()
                await asyncio.gather(*reading)
                for reader in readers:
                    assert [one.id for one in reader.events] == await expected(life, reader.case)
        assert len(readers[0].events) > 100
        for reader in readers:
            positions = [one.position for one in reader.events]
            assert positions == sorted(set(positions))

    asyncio.run(scenario())


def test_an_index_that_cannot_be_written_leaves_no_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        world = await small(tmp_path)
        async with world.running() as life:
            office = office_of(life)
            case = await case_of(life, "m1")
            first = await read_all(office, case)
            for number in range(5):
                await life.say("refund", external_id=f"n{number}", sender="kim@example.org")
                await life.say("hello", external_id=f"o{number}", sender="lee@example.org")
            await life.settled()

            async def full(_: Engine) -> None:
                raise Broken("The index cannot be written.")

            monkeypatch.setattr(office.index, "follow", full)
            assert office.index.cursor < (await life.records())[-1].position
            events = await read_all(office, case)
            assert events[: len(first)] == first
            assert [one.id for one in events] == await expected(life, case)
            assert len(events) > len(first)
            never_sure = office_of(life)  # its rows may be of another history: none is believed
            monkeypatch.setattr(never_sure.index, "follow", full)
            assert await read_all(never_sure, case) == events

    run(scenario)


def test_one_page_looks_at_a_bounded_stretch_of_the_feed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        world = await small(tmp_path)
        async with world.running() as life:
            office = office_of(life)
            for number in range(20):
                await life.say("hello", external_id=f"m{number}", sender=f"k{number}@example.org")
            await life.settled()
            monkeypatch.setattr(feed, "_SCANNED_MAX", 10)
            first = await page(office, limit=1_000)
            assert 0 < first.cursor <= 10
            events = await read_all(office, "", limit=1_000)
            assert [one.id for one in events] == await expected(life, "")

    run(scenario)


def test_of_one_case_no_page_walks_through_the_history_of_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small(tmp_path)
        async with world.running() as life:
            office = office_of(life)
            case = await case_of(life, "m1")
            for number in range(50):
                await life.say("hello", external_id=f"n{number}", sender=f"k{number}@example.org")
            await life.settled()
            await office.index.follow(life.house.hall.engine)
            read: list[str] = []
            life.db.set_trace_callback(read.append)
            found = await page(office, case=case, limit=1_000)
            life.db.set_trace_callback(None)
            assert found.cursor == (await life.records())[-1].position
            assert [one.id for one in found.events] == await expected(life, case)
            pages = [sql for sql in read if "FROM record WHERE position" in sql]
            assert len(pages) <= len(found.events) + 2
            db, places_of = office.index.db, places.of_case
            for after in range(found.cursor + 2):
                expected_ids = [one.id for one in found.events if one.position > after]
                assert [p.id for p in places_of(db, case, after=after, limit=99)] == expected_ids

    run(scenario)


def test_a_page_waits_for_something_new_and_no_longer(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with open_for(world) as office:
            life = Life(office.house)
            life.dispatcher = office.dispatcher
            case = await case_of(life, "m1")
            after = (await page(office, case=case, limit=1_000)).cursor
            began = time.monotonic()
            nothing = await page(office, case=case, after=after, wait_s=0.2)
            assert (nothing.events, nothing.cursor) == ((), after)
            assert 0.2 <= time.monotonic() - began < 5
            waiting = asyncio.create_task(page(office, case=case, after=after, wait_s=30.0))
            await life.say("hello", external_id="x", sender="other@example.org")
            await life.settled()
            await asyncio.sleep(0.2)
            assert not waiting.done(), "what happens elsewhere is no reason to come back"
            await life.say("hello", external_id="m2", sender="kim@example.org")
            async with asyncio.timeout(10):
                found = await waiting
            assert found.events
            assert {one.case for one in found.events} == {case}

    asyncio.run(scenario())


def test_what_it_says_gives_nobody_away(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small(tmp_path)
        async with world.running() as life:
            office = office_of(life)
            case = await case_of(life, "m1")
            events = await read_all(office, case)
            summaries = [one.summary for one in events]
            assert "refund of 40.00 USD was done" in summaries
            assert "reply by email was sent" in summaries
            assert {one.agent for one in events} == {"support"}
            assert "kim" not in str(events)

    run(scenario)
