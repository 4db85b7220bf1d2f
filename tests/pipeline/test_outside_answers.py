"""How the other side answers: surely not, perhaps, or never; and what we make of it."""

from pathlib import Path
from typing import Any

import pytest

from answerable.base.clock import SECOND_US
from answerable.effects.domain import Status
from answerable.effects.errors import NotDone, OutcomeUnknown
from answerable.pipeline.passage import Due
from answerable.pipeline.receive import accept_causes
from answerable.testing.world import OWNER, Life, Till
from stories import clock_of, queue_of, refund_of, refuses, run, scene

# surely not done


def test_what_was_surely_not_done_is_tried_again_later_and_across_a_restart(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        till = Till(before=refuses(2))
        world = scene(tmp_path, till)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            assert refund_of(life).status is Status.RETRY
            clock_of(life).advance(SECOND_US - 1)
            await life.settled()
            assert refund_of(life).attempt == 1, "not before its time"
        async with world.running() as life:
            await life.run_out()
            assert refund_of(life).attempt == 3
            assert (till.payments, world.mailbox.texts) == ([4_000], ["Refunded."])
            failed = await life.entries("effect.failed")
            assert [e.outcome.status for e in failed if e.outcome] == ["retry", "retry"]

    run(scenario)


@pytest.mark.parametrize("noes", [3, 99])
def test_a_busy_side_says_nothing_of_the_call_before_whose_answer_was_lost(
    tmp_path: Path, noes: int
) -> None:
    """Paid, and the answer lost; asked again under the same key, the other side is busy."""

    class Busy(Till):
        calls = 0

        async def pay(self, key: str, amount_minor: int) -> str:
            self.calls += 1
            if self.calls == 1:
                await super().pay(key, amount_minor)
                raise OutcomeUnknown("no answer")
            if self.calls <= noes + 1:
                raise NotDone("busy")
            return f"paid {key}"

    async def scenario() -> None:
        world = scene(tmp_path, Busy(), repeat="idempotent", attempts_max=2)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.run_out()
            ended = Status.DONE if noes == 3 else Status.ASKED
            assert refund_of(life).status is ended, "it was never surely not done"
            assert world.mailbox.texts == (["Refunded."] if noes == 3 else [])

    run(scenario)


def test_a_no_that_stays_a_no_is_told_and_needs_no_person(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till(before=refuses(9, is_final=True))
        world = scene(tmp_path, till)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.run_out()
            assert refund_of(life).status is Status.FAILED
            assert (till.payments, world.mailbox.texts) == ([], ["Not refunded."])
            assert queue_of(life) == []

    run(scenario)


def test_attempts_are_not_endless_then_it_is_told_and_people_get_the_case(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till(before=refuses(99))
        world = scene(tmp_path, till, attempts_max=3)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.run_out()
            assert (refund_of(life).status, refund_of(life).attempt) == (Status.FAILED, 3)
            assert world.mailbox.texts == ["Not refunded."]
            assert queue_of(life) == [("orders", "effect_failed")]

    run(scenario)


def test_a_reply_that_cannot_be_sent_goes_to_people(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = scene(tmp_path, Till())
        world.mailbox.before = refuses(99)
        await world.found()
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await life.run_out()
            assert world.mailbox.texts == []
            assert queue_of(life) == [("orders", "reply_failed")]

    run(scenario)


def test_a_timer_of_an_attempt_that_is_over_does_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till(before=refuses(2))
        world = scene(tmp_path, till)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            clock_of(life).advance(SECOND_US)
            await life.settled()
            assert refund_of(life).attempt == 2
            stray = Due(
                interaction=refund_of(life).interaction,
                effect=refund_of(life).id,
                what="retry",
                attempt=1,
            )
            await accept_causes(life.house.hall, [("stray", stray, 0)])
            await life.settled()
            assert refund_of(life).attempt == 2

    run(scenario)


async def owner_leaves(life: Life) -> None:
    await life.leave(OWNER)


async def agent_is_stopped(life: Life) -> None:
    await life.stop_agent("support")


@pytest.mark.parametrize(
    ("change", "why"), [(owner_leaves, "no_owner"), (agent_is_stopped, "stopped")]
)
@pytest.mark.parametrize("is_restarted", [False, True])
def test_no_owner_no_act_not_even_the_next_attempt(
    tmp_path: Path, change: Any, why: str, *, is_restarted: bool
) -> None:
    async def scenario() -> None:
        till = Till(before=refuses(1))
        world = scene(tmp_path, till)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            await change(life)
            if not is_restarted:
                await goes_on(life)
        if is_restarted:
            async with world.running() as life:
                await goes_on(life)

    async def goes_on(life: Life) -> None:
        await life.run_out()
        mailbox = life.house.plan.lines["email"].rail
        assert (refund_of(life).status, mailbox.sent) == (Status.REFUSED, [])  # type: ignore[attr-defined]
        assert queue_of(life) == [("orders", why)]
        await life.say("hello?", external_id="m2")
        await life.say("hello?", external_id="m3", sender="lee@example.org")
        await life.run_out()
        assert mailbox.sent == []  # type: ignore[attr-defined]
        assert queue_of(life) == [("orders", why), ("orders", why)]

    run(scenario)


# the breaker


def test_after_failures_in_a_row_a_door_is_left_alone_then_tried_with_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = scene(tmp_path, Till())
        tries = 0

        async def down(_key: str) -> None:
            nonlocal tries
            tries += 1
            await refuses(1)(_key)

        world.mailbox.before = down
        await world.found()
        async with world.running() as life:
            for number in range(30):
                await life.say("hello", external_id=f"m{number}", sender=f"{number}@example.org")
                await life.settled()
            assert tries == 20
            clock_of(life).advance(10 * SECOND_US)
            await life.settled()
            assert tries == 21, "one probe, and it failed"
            world.mailbox.before = refuses(0)
            await life.run_out()
            assert len(world.mailbox.sent) == 30
            assert queue_of(life) == []

    run(scenario)


def test_refusals_of_the_other_side_do_not_close_its_door(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till(before=refuses(30, is_final=True))
        world = scene(tmp_path, till)
        await world.found()
        async with world.running() as life:
            for number in range(31):
                await life.say("refund", external_id=f"m{number}", sender=f"{number}@example.org")
            await life.settled()
            assert till.payments == [4_000]

    run(scenario)
