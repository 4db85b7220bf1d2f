"""The last look before the world is touched: who answers, who speaks, through which door."""

from pathlib import Path

import pytest

from answerable.cases.leases import Leases
from answerable.effects.breaker import Doors
from answerable.effects.domain import Status
from answerable.testing.world import OWNER, SPECIALIST, Life, Till, World
from stories import inline_world, queue_of, run, support


def test_a_reply_that_waited_goes_out_under_who_answers_by_then(tmp_path: Path) -> None:
    async def scenario() -> None:
        lives: list[Life] = []

        async def sells(_key: str) -> None:
            hall = lives[0].house.hall
            unit = hall.people.ask_to_own("support", SPECIALIST, by=OWNER)
            await lives[0].house.commit_control(unit)
            unit = hall.people.accept_ownership("support", SPECIALIST)
            await lives[0].house.commit_control(unit)

        till = Till(before=sells)
        world: World = inline_world(tmp_path / "home", support(till))
        await world.found()
        async with world.running() as life:
            lives.append(life)
            await life.say("refund", external_id="m1")
            await life.settled()
            olga, sam = life.person(OWNER), life.person(SPECIALIST)
            (started,) = await life.entries("effect.started")
            assert started.owner is not None
            assert started.owner.person == sam
            done = [one.owner.person for one in await life.entries("effect.done") if one.owner]
            assert done == [olga, sam], "the refund was hers, the reply is his"
            assert world.mailbox.texts == ["Refunded."]

    run(scenario)


def test_a_send_that_may_not_begin_has_ended_as_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:
            monkeypatch.setattr(Leases, "begin_send", lambda _self, case, lease: False)
            await life.say("hello", external_id="m1")
            await life.settled()
            (reply,) = life.effects()
            assert reply.status is Status.REFUSED
            assert queue_of(life) == [("orders", "taken_over")]

    run(scenario)


def test_a_tool_and_a_rail_of_one_name_are_two_doors() -> None:
    doors = Doors()
    for _ in range(20):
        doors.of("tool", "support", "email").failed(0)
    assert not doors.of("tool", "support", "email").may_try(1)
    assert doors.of("tool", "sales", "email").may_try(1)
    assert doors.of("reply", "", "email").may_try(1)
