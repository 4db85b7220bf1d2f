"""A defect of ours costs one interaction: it is said, people have the case, the day goes on."""

from pathlib import Path

import pytest

from answerable import pipeline
from answerable.agents.stops import Mode
from answerable.base.clock import DAY_US
from answerable.compose.house import open_house
from answerable.effects.domain import Status
from answerable.pipeline.decide import decide as really_decide
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Acted, Decided, Due, Proposed
from answerable.pipeline.record import record as real
from answerable.testing.world import Life, Till, World
from stories import inline_world, queue_of, run, support


class Defect(Exception):
    """Ours."""


def test_a_stage_that_fails_hands_over_and_says_what_may_have_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(_hall: Hall, acted: Acted) -> None:
        if len(acted.ends) == 2:
            raise Defect

    async def scenario() -> None:
        till = Till()
        world: World = inline_world(tmp_path / "home", support(till))
        await world.found()
        async with world.running() as life:

            async def record(hall: Hall, acted: Acted) -> None:
                await breaks(hall, acted)
                await real(hall, acted)

            monkeypatch.setattr(pipeline, "record", record)
            await life.say("refund", external_id="m1")
            await life.say("hello", external_id="m2", sender="lee@example.org")
            await life.settled()
            assert queue_of(life) == [("orders", "internal")]
            statuses = sorted(one.status for one in life.effects())  # ids of one instant: any order
            assert statuses == [Status.ASKED, Status.ASKED, Status.DONE]
            assert world.mailbox.texts == ["Refunded.", "About hello."]
            for effect in life.effects(Status.ASKED):
                await life.answer(effect, "done")
            await life.settled()
            assert all(one.status.is_end for one in life.effects())
            assert life.dispatcher.in_flight == 0
            assert (await life.verified()).problem is None

    run(scenario)


def test_a_message_whose_key_was_destroyed_is_declared_not_lost(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        life = Life(open_house(world.plan()))
        await life.say("hello", external_id="m1")
        keyring = life.house.hall.keyring
        inbox = keyring.identifier_hash("email", "kim@example.org")
        keyring.destroy((await keyring.address_kids([inbox])).values())
        life.house.abandon()
        async with world.running() as life:
            await life.settled()
            await look(life)

    async def look(life: Life) -> None:
        (gap,) = await life.entries("gap.declared")
        assert gap.change is not None
        assert gap.change["why"] == "erased"
        assert life.dispatcher.in_flight == 0
        await life.say("hello", external_id="m2")  # who was forgotten may write again
        await life.settled()
        assert len(await life.entries("gap.declared")) == 1
        assert queue_of(life) == []
        assert (await life.verified()).problem is None

    run(scenario)


def test_a_granted_reply_does_not_wait_for_ever_for_what_was_surrendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def decide(hall: Hall, proposed: Proposed) -> Decided:
        if isinstance(proposed.routed.resolved.received.cause, Due):
            raise Defect
        return await really_decide(hall, proposed)

    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:
            await life.stop_agent("support", mode=Mode.ASK)
            await life.say("refund", external_id="m1")
            await life.settled()
            _, reply = life.effects(Status.HELD)
            await life.answer(reply, "grant")
            await life.settled()
            monkeypatch.setattr(pipeline, "decide", decide)
            await life.run_out(7 * DAY_US)
            assert [one.status for one in life.effects()] == [Status.REFUSED, Status.FAILED]
            assert queue_of(life) == [("orders", "internal")]

    run(scenario)
