"""What worlds of the simulator found, each as the shortest story that shows it."""

import asyncio
from pathlib import Path

import pytest

from answerable.compose.house import open_house
from answerable.effects.domain import EffectState, Status
from answerable.effects.errors import NotDone, OutcomeUnknown
from answerable.people.errors import AgentHasNoOwner
from answerable.pipeline import desk
from answerable.testing.world import OWNER, SPECIALIST, Life, Till, World
from stories import breaks, once, queue_of, refund_of, run, scene


def reply_of(life: Life) -> EffectState:
    (reply,) = [one for one in life.effects() if one.kind == "reply"]
    return reply


async def dies_while_it_replies(world: World) -> None:
    """The refund is done, and its reply is said; then the worker is killed, nothing recorded."""
    said = asyncio.Event()

    async def never_ends(_key: str) -> None:
        said.set()
        await asyncio.Event().wait()

    world.mailbox.after = never_ends
    life = Life(open_house(world.plan()))
    await life.dispatcher.start()
    await life.say("refund", external_id="m1")
    await said.wait()
    await life.die()
    world.mailbox.after = once(breaks)  # whatever is said again is not answered either


def test_a_reply_that_a_dead_life_may_have_said_is_looked_up_once_its_effect_is_settled(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        till = Till()
        world = scene(tmp_path, till, repeat="at_most_once")
        world.mailbox.repeat = "reconcilable"
        await world.found()
        await dies_while_it_replies(world)
        async with world.running() as life:
            await life.settled()
            assert refund_of(life).status is Status.ASKED
            assert reply_of(life).status is Status.UNKNOWN, "it may have been said"
            await life.answer(refund_of(life), "done")
            await life.settled()
            assert reply_of(life).status is Status.DONE, "it was found"
            assert world.mailbox.texts == ["Refunded."]

    run(scenario)


def test_a_no_after_an_attempt_of_which_nobody_knows_does_not_say_that_nothing_happened(
    tmp_path: Path,
) -> None:
    """A gate in front of the other side is busy; behind it the first call had gone through."""

    async def scenario() -> None:
        calls = 0

        async def loses_then_is_busy(_key: str) -> None:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise OutcomeUnknown("lost")

        async def is_busy(_key: str) -> None:
            if calls == 1 and till.payments:
                raise NotDone("busy")

        till = Till(before=is_busy, after=loses_then_is_busy)
        world = scene(tmp_path, till, repeat="idempotent", attempts_max=2)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.run_out(until_us=60 * 1_000_000)
            assert refund_of(life).status is not Status.FAILED, "it was paid"
            calls = 2  # the gate is open again
            await life.run_out()
            assert refund_of(life).status is Status.DONE
            assert world.mailbox.texts == ["Refunded."]

    run(scenario)


def test_a_person_can_settle_what_became_of_an_effect_whose_party_was_erased(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        till = Till(after=once(breaks))
        world = scene(tmp_path, till, repeat="at_most_once")
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            refund = refund_of(life)
            assert refund.status is Status.ASKED
            hall = life.house.hall
            hall.keyring.destroy([hall.parties.get(refund.party).kid])
            await life.answer(refund, "done")
            await life.settled()
            assert refund_of(life).status is Status.DONE
            assert reply_of(life).status is Status.REFUSED, "its words are gone"

    run(scenario)


def test_a_persons_word_is_not_lost_where_what_follows_from_it_is_for_an_erased_partys_desk(
    tmp_path: Path,
) -> None:
    """The case is its agent's again; the reply that waited can not be looked up any more."""

    async def scenario() -> None:
        world = scene(tmp_path, Till(), repeat="at_most_once")
        world.mailbox.repeat = "reconcilable"
        await world.found()
        await dies_while_it_replies(world)
        async with world.running() as life:
            await life.settled()
            refund, hall = refund_of(life), life.house.hall
            assert reply_of(life).status is Status.UNKNOWN
            await desk.take(hall, refund.case, SPECIALIST)
            await desk.hand_back(hall, refund.case, SPECIALIST)
            hall.keyring.destroy([hall.parties.get(refund.party).kid])
            await life.answer(refund, "done")
            await life.settled()
            assert refund_of(life).status is Status.DONE
            assert reply_of(life).status is Status.ASKED

    run(scenario)


def test_what_a_message_decided_does_not_stay_open_when_its_sender_is_erased_under_way(
    tmp_path: Path,
) -> None:
    """The refund is on its way when every key of its party is destroyed: how it ended cannot be
    written down as it was to be, and the message cannot be read again."""

    async def scenario() -> None:
        async def is_forgotten(_key: str) -> None:
            hall = life.house.hall
            inbox = hall.keyring.identifier_hash("email", "kim@example.org")
            kids = await hall.keyring.address_kids([inbox])
            hall.keyring.destroy([hall.parties.get(refund_of(life).party).kid, *kids.values()])

        till = Till(after=is_forgotten)
        world = scene(tmp_path, till, repeat="at_most_once")
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            decided = (refund_of(life), reply_of(life))
            assert [one.status for one in decided] == [Status.ASKED] * 2, "a person finds out"
            for one, how in zip(decided, ("done", "not_done"), strict=True):
                await life.answer(one, how)
                await life.settled()
            assert [one.status for one in life.effects()] == [Status.DONE, Status.FAILED]

    run(scenario)


def test_a_worker_begins_though_the_case_of_an_erased_party_is_nobodys(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = scene(tmp_path, Till(after=once(breaks)))
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            assert refund_of(life).status is Status.UNKNOWN, "open, and the agent's"
            hall = life.house.hall
            hall.keyring.destroy([hall.parties.get(refund_of(life).party).kid])
            await life.leave(OWNER)
        async with world.running() as life:
            assert queue_of(life) == [("orders", "no_owner")]

    run(scenario)


def test_no_case_is_handed_back_to_an_agent_that_nobody_answers_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = scene(tmp_path, Till())
        await world.found()
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await life.settled()
            hall, case = life.house.hall, life.effects()[0].case
            await desk.take(hall, case, SPECIALIST)
            await life.leave(OWNER)
            with pytest.raises(AgentHasNoOwner, match="Nothing was handed back"):
                await desk.hand_back(hall, case, SPECIALIST)
            await life.house.commit_control(hall.people.accept_ownership("support", SPECIALIST))
            await desk.hand_back(hall, case, SPECIALIST)
            assert desk.find_case(hall, case).lease.is_held_by_agent("support")

    run(scenario)
