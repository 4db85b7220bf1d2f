"""A worker starts, and follows its feed, with the same work however long its history is.

What SQLite does is counted; nothing is timed.
"""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from answerable.base.errors import NotFound
from answerable.testing.world import World
from answerable.worker import verbs
from answerable.worker.commands import call
from answerable.worker.process import close_office, follow, open_office
from offices import open_for, small_world

SHORT, LONG = 30, 300
STEPS = 10  # of SQLite's machine between two counts


class Counted(sqlite3.Connection):
    """A connection whose statements' steps are counted."""

    counts = 0

    def execute(self, sql: str, *arguments: object) -> sqlite3.Cursor:
        def step() -> int:
            Counted.counts += 1
            return 0

        self.set_progress_handler(step, STEPS)
        return super().execute(sql, *arguments)  # type: ignore[arg-type]


async def lived(home: Path, messages: int) -> World:
    world = await small_world(home)
    async with world.running() as life:
        for number in range(messages):
            await life.say("hello", external_id=f"m{number}", sender=f"kim{number}@a.example")
            if number % 20 == 0:
                await life.settled()
        await life.settled()
    async with open_for(world) as office:
        await office.publisher.heal(office.house.hall.engine)
    return world


async def steps_of_a_start(world: World) -> int:
    Counted.counts = 0
    office = await open_office(world.plan())
    ended = asyncio.Event()
    following = asyncio.create_task(follow(office, ended, every_s=0.01))
    await asyncio.sleep(0.1)
    ended.set()
    await following
    taken = Counted.counts
    await close_office(office)
    return taken


async def steps_of_lists(world: World) -> int:
    """What people look at most: what waits, what is new, how it stands."""
    async with open_for(world) as office:
        await office.index.follow(office.house.hall.engine)
        Counted.counts = 0
        for verb in (
            verbs.Overview(), verbs.DeskList(), verbs.CaseList(limit=10), verbs.Status(),
            verbs.InteractionList(limit=10), verbs.DecisionList(limit=10),
            verbs.PartyList(limit=10), verbs.ApprovalList(), verbs.DecisionWho("", 0.5),
        ):  # fmt: skip
            try:
                await call(office, verb)
            except NotFound:
                pytest.fail(f"{verb} found nothing")
        return Counted.counts


def test_a_start_and_what_is_looked_at_most_do_not_grow_with_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def counting(*arguments: object, **named: object) -> sqlite3.Connection:
        return connect(*arguments, **named, factory=Counted)  # type: ignore[call-overload,no-any-return]

    async def scenario() -> None:
        short = await lived(tmp_path / "short", SHORT)
        long = await lived(tmp_path / "long", LONG)
        monkeypatch.setattr(sqlite3, "connect", counting)
        for count in (steps_of_a_start, steps_of_lists):
            few, many = await count(short), await count(long)
            assert few > 0
            assert many < few * 1.5 + 50, f"{count.__name__}: {few}, then {many}"

    asyncio.run(scenario())
