"""Leaving and stopping: in force when the command returns, and nobody's work stays with nobody."""

import asyncio
from pathlib import Path

import pytest

from answerable.effects.domain import Status
from answerable.pipeline import desk
from answerable.pipeline.hall import Hall
from answerable.store.sqlite import DiskFull
from answerable.testing.world import OWNER, SPECIALIST, Life, Till
from answerable.worker import commands, verbs
from answerable.worker.commands import leaving
from answerable.worker.verbs.control import Stopped
from offices import office_of
from stories import HOLD_TOOLS, inline_world, queue_of, run, support


async def call(life: Life, verb: verbs.Verb) -> Stopped:
    stopped = await commands.call(office_of(life), verb)
    assert isinstance(stopped, Stopped)
    return stopped


def test_when_the_owner_leaves_open_work_goes_to_the_desk_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        world = inline_world(tmp_path / "home", support(till), policy=HOLD_TOOLS)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.say("hello", external_id="m2", sender="closed@example.org")
            await life.settled()
            assert queue_of(life) == []
            (held,) = life.effects(Status.HELD)
            left = await call(life, verbs.PersonLeave(OWNER))
            assert (left.moved, left.is_late) == (1, False)
            assert queue_of(life) == [("orders", "no_owner")]
            assert life.effects(Status.HELD) == [], "nobody's yes can begin it any more"
            await life.answer(held, "grant")
            await life.run_out()
        assert till.payments == []

    run(scenario)


def test_the_cases_of_a_specialist_who_leaves_go_back_to_the_desk(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:
            await life.say("a human please", external_id="m1")
            await life.settled()
            case = str(life.db.execute('SELECT "case" FROM queue_item').fetchone()[0])
            await desk.take(life.house.hall, case, SPECIALIST)
            left = await call(life, verbs.PersonLeave(SPECIALIST))
            assert left.moved == 1
            assert queue_of(life) == [("orders", "holder_left")]
            lease = life.house.hall.cases.get(case).lease
            assert (lease.holder, lease.epoch) == ("queue:orders", 4)

    run(scenario)


def test_a_worker_ends_whose_full_disk_left_work_with_who_has_left_and_the_next_moves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by the simulator: asked again, they are not here any more, and nothing was moved."""

    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:
            await life.say("a human please", external_id="m1")
            await life.settled()
            case = str(life.db.execute('SELECT "case" FROM queue_item').fetchone()[0])
            await desk.take(life.house.hall, case, SPECIALIST)
            with monkeypatch.context() as broken:
                broken.setattr(leaving, "fill_vacancies", full)
                with pytest.raises(DiskFull):
                    await call(life, verbs.PersonLeave(SPECIALIST))
            assert isinstance(life.dispatcher.failure, DiskFull)
            await life.die()
        async with world.running() as life:
            assert queue_of(life) == [("orders", "holder_left")]

    async def full(_hall: Hall) -> int:
        raise DiskFull("No space is left.")

    run(scenario)


def test_what_a_crash_left_with_nobody_goes_to_the_desk_at_the_next_start(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()), policy=HOLD_TOOLS)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            await life.leave(OWNER)  # durable; the worker dies before it has moved the case
            await life.die()
        async with world.running() as life:
            assert queue_of(life) == [("orders", "no_owner")]

    run(scenario)


def test_a_stop_returns_when_what_was_in_flight_has_ended(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        begun, may_end = asyncio.Event(), asyncio.Event()

        async def slowly(_key: str) -> None:
            begun.set()
            await may_end.wait()

        world.mailbox.before = slowly
        await world.found()
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await begun.wait()
            stopping = asyncio.create_task(call(life, verbs.Stop("*", SPECIALIST)))
            await asyncio.sleep(0.05)
            assert not stopping.done(), "a send is still on its way"
            assert world.mailbox.sent == []
            may_end.set()
            stopped = await stopping
            assert not stopped.is_late
            assert len(world.mailbox.sent) == 1
            await life.say("again", external_id="m2", sender="lee@example.org")
            await life.settled()
        assert len(world.mailbox.sent) == 1

    run(scenario)


def test_a_worker_that_ends_lets_what_it_is_doing_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        begun = asyncio.Event()

        async def slowly(_key: str) -> None:
            begun.set()
            await asyncio.sleep(0.05)

        till.before = slowly
        world = inline_world(tmp_path / "home", support(till, repeat="at_most_once"))
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await begun.wait()
            await life.dispatcher.stop(grace_s=5.0)
            assert life.effects(Status.ASKED) == []
        assert till.payments == [4_000]
        assert world.mailbox.texts == ["Refunded."]

    run(scenario)
