"""Who leaves while something of theirs is on its way to the disk leaves nothing behind."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from answerable.base import faults
from answerable.effects.domain import Status
from answerable.people.errors import PersonUnknown
from answerable.pipeline import desk
from answerable.testing.world import OWNER, SPECIALIST, Life, Till
from answerable.worker import verbs
from offices import asking
from stories import HOLD_TOOLS, inline_world, queue_of, run, support


@pytest.fixture(autouse=True)
def no_fault() -> Iterator[None]:
    yield
    faults.install(None)


def once_at(point: str, does: Callable[[], Awaitable[object]]) -> None:
    async def fault(name: str) -> None:
        if name == point:
            faults.install(None)
            await does()

    faults.install(fault)


async def leaves(life: Life, who: str) -> None:
    await asking(life)(verbs.PersonLeave(person=who))


def test_a_hold_that_was_judged_before_its_owner_left_goes_to_people(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        world = inline_world(tmp_path / "home", support(till), policy=HOLD_TOOLS)
        await world.found()
        async with world.running() as life:
            once_at("decide.before_commit", lambda: leaves(life, OWNER))
            await life.say("refund", external_id="m1")
            await life.settled()
            assert queue_of(life) == [("orders", "no_owner")]
            assert life.effects(Status.HELD) == []
            await life.run_out()
            assert all(one.status.is_end for one in life.effects())
            assert till.payments == []
            assert world.mailbox.texts == []

    run(scenario)


def test_who_left_while_they_took_a_case_does_not_have_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:
            await life.say("human", external_id="m1")
            await life.settled()
            (case,) = (str(row[0]) for row in life.db.execute('SELECT id FROM "case"'))
            sam = life.person(SPECIALIST)
            taking: list[asyncio.Task[desk.Taken]] = []

            async def take() -> None:
                taking.append(asyncio.create_task(desk.take(life.house.hall, case, sam)))
                await asyncio.sleep(0)

            once_at("committer.after_append", take)  # of the leaving
            await leaves(life, SPECIALIST)
            with pytest.raises(PersonUnknown):
                await taking[0]
            assert desk.find_case(life.house.hall, case).lease.holder.startswith("queue:")
            assert queue_of(life) == [("orders", "holder_left")]

    run(scenario)
