"""A stop that was asked for is in force, also when the worker dies with it in its hands."""

import asyncio
from pathlib import Path

import pytest

from answerable.agents.stops import FILE, Mode
from answerable.base.errors import NotFound
from answerable.testing.world import SPECIALIST, Till, World
from answerable.worker import commands, stopping, verbs
from answerable.worker.ask import ask_home
from answerable.worker.commands.office import Office
from answerable.worker.commands.stop import note_stop_file
from answerable.worker.verbs.control import Stopped, StopRow
from offices import open_for, small_world
from stories import support


def story(scenario: object) -> None:
    asyncio.run(scenario())  # type: ignore[operator]


def test_a_stop_that_died_with_its_worker_is_in_force_before_the_next_lifes_first_effect(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with open_for(world):
            pass  # the release is registered: there is an agent to be stopped
        order = verbs.Stop("support", SPECIALIST)
        stopping.note(world.home, order)  # and the worker was killed before it was recorded
        async with open_for(world) as office:
            hall = office.house.hall
            assert hall.agents.is_stopped(Mode.PAUSE, agent="support")
            rows = await commands.call(office, verbs.StopList())
            assert isinstance(rows, list)
            assert [(row.scope, row.since > 0) for row in rows] == [("support", True)]
            assert stopping.pending(world.home) == [], "it is recorded now"

    story(scenario)


def test_a_refused_order_leaves_no_note_behind(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        with pytest.raises(NotFound):
            await ask_home(world.home, verbs.Stop("nobody", SPECIALIST), Stopped)
        assert stopping.pending(world.home) == []

    story(scenario)


def test_a_note_of_what_nobody_may_order_keeps_no_worker_from_starting(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(home=tmp_path / "home", agent=support(Till()))
        await world.found()
        stopping.note(world.home, verbs.Stop("*", "nobody@acme.example"))
        async with open_for(world) as office:
            assert not office.house.hall.agents.is_everything_paused()
        assert stopping.pending(world.home) == []

    story(scenario)


def test_the_stop_file_is_recorded_when_it_is_pressed_and_when_it_is_gone(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with open_for(world) as office:
            hall = office.house.hall
            hall.stop_file.press()
            await note_stop_file(office)
            await note_stop_file(office)
            assert (FILE, Mode.PAUSE) in hall.agents.registry.stops.orders
            rows = await ask_rows(office)
            assert [row.scope for row in rows] == [FILE]
            hall.stop_file.lift()
            assert await ask_rows(office) == [], "what lies there counts, not what is recorded"
            await note_stop_file(office)
            assert hall.agents.registry.stops.orders == {}

    async def ask_rows(office: Office) -> list[StopRow]:
        rows = await commands.call(office, verbs.StopList())
        assert isinstance(rows, list)
        return rows

    story(scenario)
