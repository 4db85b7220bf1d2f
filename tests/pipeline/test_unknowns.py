"""Nobody can say whether it happened: it is looked up, and in the end a person says."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from answerable.base.clock import SECOND_US
from answerable.compose.house import open_house
from answerable.effects.domain import RECONCILE_MAX, Status
from answerable.effects.errors import OutcomeUnknown
from answerable.pipeline import desk
from answerable.testing.world import SPECIALIST, Life, Till
from stories import (
    Fault,
    Repeat,
    breaks,
    cancels,
    clock_of,
    hangs,
    loses_the_answer,
    once,
    queue_of,
    quits,
    refund_of,
    refuses,
    run,
    scene,
)


@pytest.mark.parametrize("fault", [loses_the_answer, breaks, hangs, quits, cancels])
@pytest.mark.parametrize("has_happened", [True, False])
def test_a_reconcilable_effect_without_an_answer_is_looked_up_never_blindly_repeated(
    tmp_path: Path, fault: Fault, *, has_happened: bool
) -> None:
    async def scenario() -> None:
        till = Till(after=once(fault)) if has_happened else Till(before=once(fault))
        world = scene(tmp_path, till, deadline_s=0.02)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            assert refund_of(life).status is Status.UNKNOWN
            assert world.mailbox.texts == []
            await life.run_out()
            assert (till.payments, world.mailbox.texts) == ([4_000], ["Refunded."])
            assert refund_of(life).attempt == (1 if has_happened else 2)

    run(scenario)


def test_look_ups_go_on_for_hours_then_a_person_is_asked_and_says(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till(after=once(loses_the_answer))
        looks = 0

        async def no_answer(key: str) -> str | None:
            nonlocal looks
            looks += 1
            raise OutcomeUnknown("down")

        till.find = no_answer  # type: ignore[method-assign]
        world = scene(tmp_path, till)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.run_out()
            assert looks == RECONCILE_MAX
            assert refund_of(life).status is Status.ASKED
            assert queue_of(life) == [("orders", "effect_unknown")]
            await life.answer(refund_of(life), "done")
            await life.settled()
            assert refund_of(life).status is Status.DONE
            done = (await life.entries("effect.done"))[-1]
            assert done.actor == life.person(SPECIALIST)
            assert world.mailbox.texts == [], "the case is with people: they speak"
            assert all(one.status.is_end for one in life.effects())

    run(scenario)


def test_an_idempotent_effect_is_done_again_under_the_same_key(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till(after=once(loses_the_answer))
        world = scene(tmp_path, till, repeat="idempotent")
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.run_out()
            assert list(till.done) == [refund_of(life).id]
            assert world.mailbox.texts == ["Refunded."]

    run(scenario)


def test_an_idempotent_effect_that_never_answers_ends_with_a_person(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till(after=loses_the_answer)
        world = scene(tmp_path, till, repeat="idempotent")
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.run_out()
            assert refund_of(life).status is Status.ASKED
            assert len(till.payments) <= RECONCILE_MAX + 1
            assert len(till.done) == 1
            assert queue_of(life) == [("orders", "effect_unknown")]

    run(scenario)


@pytest.mark.parametrize("says", ["done", "not_done"])
@pytest.mark.parametrize("repeat", ["idempotent", "reconcilable"])
def test_what_may_have_begun_is_not_said_to_be_undone_when_the_case_is_taken(
    tmp_path: Path, repeat: Repeat, says: str
) -> None:
    async def scenario() -> None:
        till = Till(after=once(loses_the_answer))
        world = scene(tmp_path, till, repeat=repeat)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            await desk.take(life.house.hall, refund_of(life).case, SPECIALIST)
            await life.run_out()
            if repeat == "reconcilable":
                assert refund_of(life).status is Status.DONE, "it was looked up"
            else:
                assert refund_of(life).status is Status.ASKED
                await life.answer(refund_of(life), says)
                await life.settled()
                expected = Status.DONE if says == "done" else Status.FAILED
                assert refund_of(life).status is expected
            assert till.payments == [4_000]
            assert world.mailbox.texts == []

    run(scenario)


@pytest.mark.parametrize(("says", "status"), [("done", Status.DONE), ("not_done", Status.FAILED)])
@pytest.mark.parametrize("how", ["lost", "crash"])
def test_an_effect_that_can_be_done_once_only_is_for_a_person_to_settle(
    tmp_path: Path, says: str, status: Status, how: str
) -> None:
    async def scenario() -> None:
        till = Till(after=hangs if how == "crash" else loses_the_answer)
        world = scene(tmp_path, till, repeat="at_most_once")
        await world.found()
        if how == "crash":
            life = Life(open_house(world.plan()))
            await life.dispatcher.start()
            await life.say("refund", external_id="m1")
            while not till.payments:
                await asyncio.sleep(0)
            await life.die()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.run_out()
            assert refund_of(life).status is Status.ASKED
            assert queue_of(life) == [("orders", "effect_unknown")]
            await life.answer(refund_of(life), says, by="per_nobody", id_="a stranger's")
            await life.settled()
            assert refund_of(life).status is Status.ASKED
            await life.answer(refund_of(life), says)
            await life.run_out()
            assert refund_of(life).status is status
            assert till.payments == [4_000]
            (reply,) = [one for one in life.effects() if one.kind == "reply"]
            assert reply.status is (Status.ASKED if how == "crash" else Status.REFUSED)
            assert world.mailbox.texts == [], "what a dead life may have said is not said again"

    run(scenario)


def test_a_call_that_cannot_be_cancelled_is_not_looked_up_while_it_runs(tmp_path: Path) -> None:
    async def scenario() -> None:
        go_on = asyncio.Event()

        async def stubborn(_key: str) -> None:
            while not go_on.is_set():
                try:
                    await go_on.wait()
                except asyncio.CancelledError:
                    continue

        till = Till(before=once(stubborn))
        world = scene(tmp_path, till, deadline_s=0.02)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            clock_of(life).advance(5 * SECOND_US)
            await life.settled()
            assert (refund_of(life).status, till.payments) == (Status.UNKNOWN, [])
            go_on.set()
            await life.run_out()
            assert (till.payments, world.mailbox.texts) == ([4_000], ["Refunded."])

    run(scenario)


@pytest.mark.parametrize("receipt", [None, 7, "x" * 1_000_000, "\ud800", object()])
def test_a_receipt_of_any_kind_is_a_receipt(tmp_path: Path, receipt: object) -> None:
    async def scenario() -> None:
        till = Till()
        pay = till.pay

        async def odd(key: str, amount_minor: int) -> str:
            await pay(key, amount_minor)
            return receipt  # type: ignore[return-value]

        till.pay = odd  # type: ignore[method-assign]
        world = scene(tmp_path, till)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.run_out()
            assert refund_of(life).status is Status.DONE
            assert (till.payments, world.mailbox.texts) == ([4_000], ["Refunded."])

    run(scenario)


@pytest.mark.parametrize("reason", ["x" * 100_000, "\ud800", 7])
def test_a_reason_of_any_kind_is_recorded(tmp_path: Path, reason: Any) -> None:
    async def scenario() -> None:
        till = Till(before=refuses(9, is_final=True, reason=reason))
        world = scene(tmp_path, till)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.run_out()
            assert refund_of(life).status is Status.FAILED
            assert world.mailbox.texts == ["Not refunded."]

    run(scenario)


def test_a_persons_word_is_about_the_attempt_they_saw_and_no_later_one(tmp_path: Path) -> None:
    class Late(Till):
        """The first payment is not made, the second is; both lose their answer."""

        calls = 0

        async def pay(self, key: str, amount_minor: int) -> str:
            self.calls += 1
            if self.calls > 1:
                await super().pay(key, amount_minor)
            raise OutcomeUnknown("lost")

    async def scenario() -> None:
        till = Late()
        world = scene(tmp_path, till)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            seen = refund_of(life)
            clock_of(life).advance(6 * SECOND_US)
            await life.settled()
            clock_of(life).advance(10 * SECOND_US)  # the look-up that counts is due, and is first
            await life.answer(seen, "not_done")
            await life.settled()
            refund = refund_of(life)
            assert (refund.attempt, refund.status) == (2, Status.UNKNOWN)
            assert await life.answer(refund, "done", id_="of the second")
            await life.settled()
            assert refund_of(life).status is Status.DONE
            assert world.mailbox.texts == ["Refunded."]

    run(scenario)


@pytest.mark.parametrize("is_killed", [True, False])
def test_not_found_counts_only_when_nothing_can_be_on_its_way_any_more(
    tmp_path: Path, *, is_killed: bool
) -> None:
    """The other side takes its time: the look-up is there before what was sent."""

    async def scenario() -> None:
        till = Till(before=once(hangs))
        world = scene(tmp_path, till, deadline_s=0.05)
        await world.found()
        life = Life(open_house(world.plan()))
        await life.dispatcher.start()
        await life.say("refund", external_id="m1")
        if is_killed:
            await asyncio.sleep(0.02)
            await life.die()
        else:
            await life.settled()
            await life.close()
        async with world.running() as life:
            await life.settled()
            clock_of(life).advance(5 * SECOND_US)
            await life.settled()
            assert refund_of(life).status is Status.UNKNOWN
            assert till.payments == [], "it was looked up, not found, and not done again"
            till.done[refund_of(life).id].append(4_000)
            await life.run_out()
            assert (till.payments, world.mailbox.texts) == ([4_000], ["Refunded."])
            assert refund_of(life).attempt == 1

    run(scenario)
