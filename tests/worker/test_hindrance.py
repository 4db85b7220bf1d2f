"""What is in the way of a yes, looked at where it is taken."""

from pathlib import Path

import pytest

from answerable.base.clock import DAY_US
from answerable.effects.domain import Status
from answerable.effects.errors import CannotActNow, HoldEnded
from answerable.pipeline import desk
from answerable.testing.world import OWNER, SPECIALIST, Till
from answerable.worker import verbs
from answerable.worker.commands import answers
from answerable.worker.verbs.desk import Answered
from offices import asking
from stories import HOLD_TOOLS, clock_of, inline_world, run, support


def test_who_answers_too_late_is_told_so_and_nothing_is_recorded(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()), policy=HOLD_TOOLS)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            (held,) = life.effects(Status.HELD)
            clock_of(life).advance(30 * DAY_US)
            before = len(await life.entries())
            with pytest.raises(HoldEnded, match="expired"):
                await asking(life)(verbs.ApprovalAnswer(held.id, OWNER, "grant"))
            assert len(await life.entries()) == before

    run(scenario)


def test_what_an_agent_proposed_before_its_case_was_taken_over_gets_no_yes(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        world = inline_world(tmp_path / "home", support(till), policy=HOLD_TOOLS)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            (held,) = life.effects(Status.HELD)
            await desk.take(life.house.hall, held.case, SPECIALIST)
            with pytest.raises(CannotActNow, match="taken its case over") as refused:
                await asking(life)(verbs.ApprovalAnswer(held.id, OWNER, "grant"))
            assert "approval refuse" in refused.value.next_command
            assert life.effects(Status.HELD) == [held]
        assert till.payments == []

    run(scenario)


def test_of_several_stops_the_one_that_is_in_the_way_is_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()), policy=HOLD_TOOLS)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            (held,) = life.effects(Status.HELD)
            ask = asking(life)
            await ask(verbs.Stop(scope="support", mode="read_only", by=OWNER))
            await ask(verbs.Stop(scope="*", mode="pause", by=OWNER))
            with pytest.raises(CannotActNow, match=r"stop \(pause\) is on everything") as refused:
                await ask(verbs.ApprovalAnswer(held.id, OWNER, "grant"))
            assert "stop lift everything --mode pause" in refused.value.next_command

    run(scenario)


def test_a_stop_that_comes_after_the_look_ends_the_hold_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        till = Till()
        world = inline_world(tmp_path / "home", support(till), policy=HOLD_TOOLS)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            (held,) = life.effects(Status.HELD)
            await life.stop_agent("support")
            monkeypatch.setattr(answers, "hindrance", lambda *_: None)  # it looked before the stop
            answered = await asking(life)(verbs.ApprovalAnswer(held.id, OWNER, "grant"))
            assert isinstance(answered, Answered)
            assert answered.status == "refused"
            assert answered.said.endswith("was refused: stopped")
        assert till.payments == []

    run(scenario)
