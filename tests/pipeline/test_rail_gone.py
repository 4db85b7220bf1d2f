"""A rail that is taken out of the settings takes nothing with it that waits for it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from answerable.base.errors import UsageError
from answerable.compose.house import open_house
from answerable.effects.domain import Status
from answerable.pipeline import desk
from answerable.pipeline.receive import RailGone
from answerable.testing.world import SPECIALIST, Life, Till, World
from answerable.worker.dispatch import Dispatcher
from stories import HOLD_TOOLS, inline_world, run, support


async def started_without_its_rail(world: World) -> RailGone | None:
    """What a worker says that starts without any rail; None if it works."""
    house = open_house(replace(world.plan(), lines={}))
    dispatcher = Dispatcher(house, worker="test")
    try:
        await dispatcher.start()
        for _ in range(20):
            if dispatcher.failure is not None:
                raise dispatcher.failure
            await asyncio.sleep(0)
    except RailGone as gone:
        return gone
    finally:
        await dispatcher.stop()
        await house.close()
    return None


def test_a_message_that_waits_for_it_keeps_a_worker_from_starting_and_is_answered_later(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        life = Life(open_house(world.plan()))
        await life.say("hello", external_id="m1")  # accepted; nobody works
        await life.house.close()

        gone = await started_without_its_rail(world)
        assert gone is not None
        assert "rail 'email'" in str(gone)
        assert "answerable.toml" in gone.next_command

        async with world.running() as life:
            await life.settled()
            assert await life.entries("gap.declared") == []
        assert world.mailbox.texts == ["About hello."]

    run(scenario)


def test_a_reply_that_is_still_held_keeps_a_worker_from_starting(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()), policy=HOLD_TOOLS)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
        assert await started_without_its_rail(world) is not None

        async with world.running() as life:
            (held,) = life.effects(Status.HELD)
            await life.answer(held, "grant")
            await life.settled()
        assert world.mailbox.texts == ["Refunded."]
        assert await started_without_its_rail(world) is None  # nothing waits for it any more

    run(scenario)


def test_a_specialist_is_told_that_the_rail_is_gone(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:
            await life.say("a human please", external_id="m1")
            await life.settled()
        house = open_house(replace(world.plan(), lines={}))
        dispatcher = Dispatcher(house, worker="test")
        await dispatcher.start()
        case, interaction = house.hall.db.execute('SELECT "case", id FROM interaction').fetchone()
        await desk.take(house.hall, case, SPECIALIST)
        with pytest.raises(UsageError, match="rail 'email'"):
            await desk.say(house.hall, interaction, case, SPECIALIST, "I am here")
        await dispatcher.stop()
        await house.close()

    run(scenario)
