"""A party is forgotten: by two persons, whole, in one write; what was proven stays proven."""

import asyncio
from pathlib import Path

import pytest

from answerable import Agent, Context, Message, Reply
from answerable.base.clock import DAY_US
from answerable.compose.rebuild import dump, rebuild
from answerable.desk.errors import CaseEnded
from answerable.effects.domain import Status
from answerable.parties.errors import (
    AnotherMustAgree,
    EffectsOpen,
    HeldAlready,
    NotHeld,
    PartyErased,
    PartyUnknown,
    UnderLegalHold,
)
from answerable.testing.world import OWNER, SPECIALIST, Till, World
from answerable.worker import verbs
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.cases import CaseView, InteractionView, PartyView
from answerable.worker.verbs.forget import ErasedView, ErasingView, ErasureRow
from erasing import KIM, LEE, erase, found, says, told
from offices import asking
from stories import HOLD_TOOLS, clock_of, inline_world, loses_the_answer, run, support

# Who may


def test_one_person_asks_and_another_one_agrees(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            kim = await says(life, "hello")
            asked = await told(life, verbs.PartyErase(kim, OWNER, "by letter"), ErasedView)
            assert not asked.is_erased
            (row,) = await told(life, verbs.ErasureList(), list)
            assert row == ErasureRow(
                kim, "asked", asked.index, life.person(OWNER), asked.expires_at
            )
            with pytest.raises(AnotherMustAgree):
                await told(life, verbs.PartyErase(kim, OWNER), ErasedView)
            would = await told(life, verbs.PartyErasing(kim, SPECIALIST), ErasingView)
            assert would.is_last_word
            assert would.asked_by == life.person(OWNER)
            done = await told(life, verbs.PartyErase(kim, SPECIALIST), ErasedView)
            assert (done.is_erased, done.keys, done.cases) == (True, 2, 1)
            (entry,) = await life.entries("erasure.done")
            assert entry.actor == life.person(SPECIALIST)
            assert (entry.change or {})["asked_at"] == asked.index
            (row,) = await told(life, verbs.ErasureList(), list)
            assert (row.state, row.index) == ("erased", done.index)

    run(scenario)


def test_what_nobody_agrees_to_in_time_is_a_no(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            kim = await says(life, "hello")
            await told(life, verbs.PartyErase(kim, OWNER), ErasedView)
            clock_of(life).advance(7 * DAY_US)
            assert await told(life, verbs.ErasureList(), list) == []
            again = await told(life, verbs.PartyErase(kim, SPECIALIST), ErasedView)
            assert not again.is_erased, "a yes to what has expired is a request of one's own"

    run(scenario)


def test_nobody_agrees_to_their_own_request_by_leaving_and_coming_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            kim = await says(life, "hello")
            await told(life, verbs.PartyErase(kim, OWNER), ErasedView)
            await asking(life)(verbs.PersonLeave(OWNER))
            await asking(life)(verbs.PersonAdd(OWNER, "Olga again"))
            would = await told(life, verbs.PartyErasing(kim, OWNER), ErasingView)
            assert not would.is_last_word
            assert not (await told(life, verbs.PartyErase(kim, OWNER), ErasedView)).is_erased
            assert (await told(life, verbs.PartyErase(kim, SPECIALIST), ErasedView)).is_erased

    run(scenario)


def test_where_the_settings_say_so_one_person_is_enough(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            kim = await says(life, "hello")
            object.__setattr__(life.house.plan, "persons_to_erase", 1)
            done = await told(life, verbs.PartyErase(kim, OWNER, "by letter"), ErasedView)
            assert done.is_erased

    run(scenario)


def test_nobody_erases_who_is_under_legal_hold(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            kim = await says(life, "hello")
            with pytest.raises(NotHeld):
                await told(life, verbs.PartyReleaseHold(kim, OWNER, "over"), Done)
            await told(life, verbs.PartyErase(kim, OWNER), ErasedView)
            await told(life, verbs.PartyHold(kim, OWNER, "court"), Done)
            with pytest.raises(HeldAlready):
                await told(life, verbs.PartyHold(kim, OWNER, "court"), Done)
            view = await told(life, verbs.PartyShow(kim), PartyView)
            assert any("legal hold" in state for state in view.states)
            for ask in (verbs.PartyErasing(kim, SPECIALIST), verbs.PartyErase(kim, SPECIALIST)):
                with pytest.raises(UnderLegalHold):
                    await told(life, ask, ErasedView)
            await told(life, verbs.PartyReleaseHold(kim, SPECIALIST, "settled"), Done)
            done = await told(life, verbs.PartyErase(kim, SPECIALIST), ErasedView)
            assert done.is_erased, "what was asked before the hold stands again"

    run(scenario)


def test_a_party_that_was_erased_or_never_was_is_said_to_be_that(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            kim = await says(life, "hello")
            with pytest.raises(PartyUnknown):
                await told(life, verbs.PartyErase("pty_none", OWNER), ErasedView)
            done = await erase(life, kim)
            for ask in (
                verbs.PartyErase(kim, OWNER), verbs.PartyErasing(kim, OWNER),
                verbs.PartyHold(kim, OWNER, "late"), verbs.PartyReleaseHold(kim, OWNER, "late"),
            ):  # fmt: skip
                with pytest.raises(PartyErased) as gone:
                    await told(life, ask, ErasedView)
                assert gone.value.index == done.index

    run(scenario)


# What ends


def test_holds_timers_cases_and_waiting_messages_end_with_the_party_and_nobody_elses(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        till = Till()
        world = await found(tmp_path, till, policy=HOLD_TOOLS)
        async with world.running() as life:
            kim = await says(life, "refund", "refund", "a human please")
            lee = await says(life, "refund", sender=LEE)
            would = await told(life, verbs.PartyErasing(kim, OWNER), ErasingView)
            assert (would.holds, would.timers, would.cases) == (2, 2, 1)
            done = await erase(life, kim)
            assert (done.holds, done.timers, done.cases) == (2, 2, 1)
            mine = [one for one in life.effects() if one.party == kim]
            assert all(one.status.is_end for one in mine)
            waits = life.db.execute("SELECT kind FROM arrival WHERE done = 0").fetchall()
            assert waits == [("timer",)], "of the other party"
            assert {one.party for one in life.effects(Status.HELD)} == {lee}
            assert life.db.execute("SELECT count(*) FROM queue_item").fetchone() == (0,)
            (held,) = life.effects(Status.HELD)
            await life.answer(held, "grant")
            await life.settled()
            assert till.payments == [4_000], "the other party's, and nothing else"
            await life.run_out(30 * DAY_US)
            assert till.payments == [4_000]
            assert len(world.mailbox.sent) == 1

    run(scenario)


def test_who_may_have_been_done_something_is_not_erased_before_somebody_says_what(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        till = Till(after=loses_the_answer)
        world = inline_world(tmp_path / "home", support(till, repeat="at_most_once"))
        await world.found()
        async with world.running() as life:
            kim = await says(life, "refund")
            (asked,) = life.effects(Status.ASKED)
            would = await told(life, verbs.PartyErasing(kim, OWNER), ErasingView)
            assert would.unsure == (asked.id,)
            await told(life, verbs.PartyErase(kim, OWNER), ErasedView)
            with pytest.raises(EffectsOpen):
                await told(life, verbs.PartyErase(kim, SPECIALIST), ErasedView)
            assert not await life.entries("erasure.done")
            await life.answer(asked, "done")
            await life.settled()
            done = await told(life, verbs.PartyErase(kim, SPECIALIST), ErasedView)
            assert done.is_erased

    run(scenario)


def test_a_send_that_is_on_its_way_ends_before_its_party_does(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            kim = await says(life, "hello")
            goes_on, began = asyncio.Event(), asyncio.Event()

            async def slow(_key: str) -> None:
                began.set()
                await goes_on.wait()

            world.mailbox.before = slow
            await life.say("more", external_id="x2")
            await began.wait()
            await life.say("and this", external_id="x3")
            await told(life, verbs.PartyErase(kim, OWNER), ErasedView)
            ask = told(life, verbs.PartyErase(kim, SPECIALIST), ErasedView)
            erasing = asyncio.create_task(ask)
            for _ in range(200):
                await asyncio.sleep(0)
            assert not erasing.done()
            goes_on.set()
            done = await erasing
            await life.settled()
            assert (done.is_erased, done.messages) == (True, 1)
            assert world.mailbox.texts == ["About hello.", "About more."]
            assert len(await life.entries("effect.done")) == 2
            (gap,) = await life.entries("gap.declared")
            assert (gap.change or {})["why"] == "erased"
            assert not life.db.execute("SELECT 1 FROM arrival WHERE done = 0").fetchall()

    run(scenario)


def test_what_its_agent_is_thinking_ends_and_says_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        agent = Agent("support", owner=OWNER, desk="orders", purpose="Think for long")
        thinks = asyncio.Event()

        @agent.on_message
        async def answer(_ctx: Context, message: Message) -> Reply:
            if "long" in message.text:
                thinks.set()
                await asyncio.sleep(3_600)
            return Reply("Said.")

        world = World(home=tmp_path / "home", agent=agent)
        await world.found()
        async with world.running() as life:
            kim = await says(life, "hello")
            await life.say("a long one", external_id="m9")
            await thinks.wait()
            done = await erase(life, kim)
            assert done.is_erased
            assert world.mailbox.texts == ["Said."]

    run(scenario)


def test_nobody_takes_or_speaks_on_a_case_whose_party_was_erased(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            kim = await says(life, "a human please")
            (case,) = (row[0] for row in life.db.execute('SELECT id FROM "case"').fetchall())
            done = await erase(life, kim)
            interaction = life.db.execute("SELECT id FROM interaction").fetchone()[0]
            for ask in (
                verbs.DeskTake(case, SPECIALIST),
                verbs.DeskSay(case, SPECIALIST, "hello", interaction=interaction),
            ):
                with pytest.raises(CaseEnded) as ended:
                    await told(life, ask, Done)
                assert str(done.index - 1) in str(ended.value)

    run(scenario)


# Who comes afterwards


def test_who_writes_from_the_same_address_afterwards_is_a_new_party(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            parties = []
            for _ in range(3):
                parties.append(await says(life, "hello"))
                await erase(life, parties[-1])
            parties.append(await says(life, "hello again"))
            assert len(set(parties)) == 4
            view = await told(life, verbs.PartyShow(parties[-1]), PartyView)
            assert view.identifiers == (f"email {KIM}",)
            first = await told(life, verbs.PartyShow(parties[0]), PartyView)
            assert all("(erased at index" in one for one in first.identifiers)
            assert any("erased at index" in state for state in first.states)
            assert world.mailbox.texts[-1] == "About hello again."

    run(scenario)


def test_state_that_is_made_again_from_the_feed_knows_who_was_erased(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path, policy=HOLD_TOOLS)
        async with world.running() as life:
            for _ in range(2):
                await erase(life, await says(life, "refund", "a human please"))
            await told(life, verbs.PartyHold(await says(life, "hi", sender=LEE), OWNER, "x"), Done)
            await told(life, verbs.PartyErase(await says(life, "hi"), OWNER), ErasedView)
            before = dump(life.db)
            assert (await life.verified()).problem is None
        rebuild(world.home)
        async with world.running() as life:
            assert dump(life.db) == before

    run(scenario)


# What stays, and what is not readable


def test_every_proof_stays_as_it_was_and_every_page_says_erased(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path, policy=HOLD_TOOLS)
        async with world.running() as life:
            kim = await says(life, "hello", "refund", "a human please")
            before = [(r.key, r.data, r.body) for r in await life.records()]
            done = await erase(life, kim)
            after = [(r.key, r.data, r.body) for r in await life.records()]
            assert after[: len(before)] == before
            assert (await life.verified()).problem is None
            word = f"(erased at index {done.index})"
            case = life.db.execute('SELECT id FROM "case"').fetchone()[0]
            seen = await told(life, verbs.CaseShow(case), CaseView)
            assert {one.text for one in seen.messages} == {word}
            assert seen.holder == "nobody"
            for (interaction,) in life.db.execute("SELECT id FROM interaction").fetchall():
                one = await told(life, verbs.InteractionShow(interaction), InteractionView)
                assert one.text == word
            for entry in await life.entries("decided"):
                for ask in (
                    verbs.DecisionShow(entry.id), verbs.DecisionExplain(entry.id),
                    verbs.DecisionWho(entry.id),
                ):  # fmt: skip
                    await asking(life)(ask)

    run(scenario)
