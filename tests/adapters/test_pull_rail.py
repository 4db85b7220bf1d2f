"""Replies that are fetched: once, by the one who asked, and never after a person has taken over."""

from pathlib import Path

from answerable.adapters.rails.pull import PullRail
from answerable.compose.house import open_house
from answerable.effects.domain import Status
from answerable.pipeline import desk
from answerable.testing.mortal import live
from answerable.testing.world import SPECIALIST, Life, Till, World
from answerable.worker.dispatch import Dispatcher
from stories import inline_world, run, support


async def pulling(home: Path) -> World:
    world = inline_world(home, support(Till()), rail=PullRail("email"))
    await world.found()
    return world


async def says_hello(life: Life) -> None:
    await life.say("hello", external_id="m1")
    await life.settled()


async def cut_off(home: Path) -> World:
    """A world whose worker died between `send` and its record."""
    whole = await live(await pulling(home.with_name("whole")), says_hello)
    world = await pulling(home)
    await live(world, says_hello, die_at=whole.trail.index("act.after_send") + 1)
    world.wrap_engine = lambda engine: engine
    return world


def test_a_reply_is_done_once_its_record_is_durable(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await pulling(tmp_path / "home")
        async with world.running() as life:
            await says_hello(life)
            await says_hello(life)  # delivered twice
            (reply,) = life.effects()
            assert (reply.status, reply.repeat, reply.attempt) == (Status.DONE, "idempotent", 1)
            assert len(await life.entries("effect.done")) == 1

    run(scenario)


def test_a_reply_cut_off_by_a_crash_is_done_in_the_next_life(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await cut_off(tmp_path / "home")
        async with world.running() as life:
            await life.settled()
            (reply,) = life.effects()
            assert (reply.status, reply.attempt) == (Status.DONE, 2)
            assert len(await life.entries("effect.done")) == 1

    run(scenario)


def test_a_reply_cut_off_by_a_crash_is_read_by_nobody_once_a_person_has_the_case(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await cut_off(tmp_path / "home")
        house = open_house(world.plan())
        dispatcher = Dispatcher(house, worker="command", works=False)
        await dispatcher.start()
        (case,) = house.hall.db.execute('SELECT id FROM "case"').fetchone()
        await desk.take(house.hall, case, SPECIALIST)
        await dispatcher.stop()
        await house.close()

        async with world.running() as life:
            await life.settled()
            (reply,) = life.effects()
            assert reply.status is not Status.DONE
            assert await life.entries("effect.done") == []

    run(scenario)
