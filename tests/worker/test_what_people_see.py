"""What people see of cases, interactions and parties: as it was said and done, or as erased."""

from pathlib import Path
from typing import Any, TypeVar

import pytest

from answerable import Agent, Context, Message, Reply
from answerable.base.errors import NotFound
from answerable.compose.house import open_house
from answerable.effects.domain import Status
from answerable.effects.rows import interaction_of
from answerable.pipeline import desk
from answerable.sdk.words import Outcome
from answerable.testing.world import OWNER, SPECIALIST, Life, Till, World
from answerable.worker import verbs
from answerable.worker.verbs.cases import (
    CaseRow,
    CaseView,
    InteractionRow,
    InteractionView,
    PartyRow,
    PartyView,
)
from offices import asking
from stories import HOLD_TOOLS, clock_of, inline_world, refuses, run, support

T = TypeVar("T")
SEVEN = ["receive", "resolve", "route", "run", "decide", "act", "record"]


async def told(life: Life, verb: verbs.Verb, kind: type[T]) -> T:
    answer = await asking(life)(verb)
    assert isinstance(answer, kind)
    return answer


async def rows(life: Life, verb: verbs.Verb, kind: type[T]) -> list[T]:
    answer = await told(life, verb, list)
    assert all(isinstance(one, kind) for one in answer)
    return answer


async def show(life: Life, interaction: str, **more: Any) -> InteractionView:
    return await told(life, verbs.InteractionShow(interaction, **more), InteractionView)


async def found(tmp_path: Path, **more: Any) -> World:
    world = inline_world(tmp_path / "home", support(Till()), **more)
    await world.found()
    return world


def forget(life: Life, sender: str) -> None:
    """Destroy every key that this sender's words are under."""
    keyring = life.house.hall.keyring
    kids = {str(row[0]) for row in life.db.execute("SELECT kid FROM party")}
    inbox = keyring.identifier_hash("email", sender)
    kids |= set(keyring.store.kids_of_addresses([inbox], keyring.new_key).values())
    keyring.destroy(kids)


def said(view: InteractionView, stage: str) -> str:
    return "\n".join(next(one for one in view.stages if one.name == stage).said)


# Cases


def test_a_case_is_shown_with_what_was_really_sent_and_why_it_waits_for_people(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            for number, text in enumerate(("hello", "refund", "a human please")):
                await life.say(text, external_id=f"m{number}")
                await life.settled()
            (row,) = await rows(life, verbs.CaseList(), CaseRow)
            view = await told(life, verbs.CaseShow(row.case), CaseView)
            assert [one.text for one in view.messages] == ["a human please", "refund", "hello"]
            assert [one.replies for one in view.messages] == [
                (), ("Refunded.",), ("About hello.",),
            ]  # fmt: skip
            assert (view.agent, view.queue, view.code) == ("support", "orders", "asked")
            assert view.reason == "wants a person"
            newest = await told(life, verbs.CaseShow(row.case, limit=1), CaseView)
            assert newest.messages == view.messages[:1]
            older = verbs.CaseShow(row.case, before=newest.messages[0].interaction)
            assert (await told(life, older, CaseView)).messages == view.messages[1:]
            nothing = verbs.CaseShow(row.case, before="int_none")
            assert (await told(life, nothing, CaseView)).messages == ()
            assert (row.agent, row.party, row.holder) == ("support", view.party, "queue:orders")
            assert (row.interactions, row.last, row.epoch) == (3, "escalated", 2)
            assert row.last_at >= view.messages[0].at

    run(scenario)


def test_the_reply_that_is_shown_is_the_one_that_was_sent_instead(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        till.before = refuses(99, is_final=True)
        world = inline_world(tmp_path / "home", support(till))
        await world.found()
        async with world.running() as life:
            ack = await life.say("refund", external_id="m1")
            await life.run_out()
            view = await show(life, ack.interaction)
            assert view.replies == ("Not refunded.",)
            assert world.mailbox.texts == ["Not refunded."]
            case = await told(life, verbs.CaseShow(view.case), CaseView)
            assert case.messages[0].replies == ("Not refunded.",)
            assert "refund of 40.00 USD did not happen" in said(view, "act")

    run(scenario)


def test_what_a_person_said_is_among_the_replies(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            ack = await life.say("a human please", external_id="m1")
            await life.settled()
            case = (await show(life, ack.interaction)).case
            hall = life.house.hall
            await desk.take(hall, case, SPECIALIST)
            await desk.say(hall, ack.interaction, case, SPECIALIST, "A person here.")
            await life.settled()
            view = await show(life, ack.interaction)
            assert view.release == life.house.hall.releases["support"].id, (
                "it asked, under this one"
            )
            assert view.replies == ("A person here.",)
            assert view.disposition == "answered_by_person"
            assert "Sam Specialist accountable" in said(view, "decide")
            assert [line.owner_name for line in view.decisions] == ["Sam Specialist"]
            shown = await told(life, verbs.CaseShow(case), CaseView)
            assert shown.messages[0].replies == ("A person here.",)

    run(scenario)


def test_cases_are_found_by_agent_party_and_holder_and_paged(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            for number in range(6):
                text = "human" if number % 2 else "hello"
                await life.say(text, external_id=f"m{number}", sender=f"kim{number}@example.org")
                await life.settled()
                clock_of(life).advance(2_000)
            every = await rows(life, verbs.CaseList(), CaseRow)
            assert len(every) == 6
            assert [one.case for one in every] == sorted((one.case for one in every), reverse=True)
            pages: list[CaseRow] = []
            while page := await rows(
                life, verbs.CaseList(limit=4, before=pages[-1].case if pages else ""), CaseRow
            ):
                pages += page
            assert pages == every
            people = [one for one in every if one.holder == "queue:orders"]
            agents = [one for one in every if one.holder == "agent:support"]
            for asked, expected in (
                (verbs.CaseList(holder="people"), people),
                (verbs.CaseList(holder="queue:orders"), people),
                (verbs.CaseList(holder="agent"), agents),
                (verbs.CaseList(agent="support"), every),
                (verbs.CaseList(agent="support", holder="people"), people),
                (verbs.CaseList(agent="nobody"), []),
                (verbs.CaseList(party=every[0].party), every[:1]),
                (verbs.CaseList(party=people[0].party, holder="agent:support"), []),
                (verbs.CaseList(holder="people", before=people[0].case), people[1:]),
            ):
                assert await rows(life, asked, CaseRow) == expected, asked

    run(scenario)


def test_no_query_of_a_list_of_cases_or_parties_scans_or_sorts(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await life.settled()
            asked: list[str] = []
            life.db.set_trace_callback(asked.append)
            for holder in ("", "agent", "people", "queue:orders"):
                for agent in ("", "support"):
                    await rows(life, verbs.CaseList(agent=agent, holder=holder), CaseRow)
            (party,) = await rows(life, verbs.PartyList(), PartyRow)
            await told(life, verbs.PartyShow(party.party), PartyView)
            life.db.set_trace_callback(None)
            queries = {sql for sql in asked if sql.startswith("SELECT") and "max(pos" not in sql}
            assert len(queries) > 8
            for sql in queries:
                steps = [row[3] for row in life.db.execute(f"EXPLAIN QUERY PLAN {sql}")]
                assert not [one for one in steps if "TEMP B-TREE" in one and "party =" not in sql]
                assert not [one for one in steps if one.startswith("SCAN")], (sql, steps)

    run(scenario)


# Interactions


def test_an_interaction_says_in_seven_stages_why_it_did_that(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path, policy=HOLD_TOOLS)
        async with world.running() as life:
            ack = await life.say("refund please", external_id="m1")
            await life.settled()
            view = await show(life, ack.interaction)
            assert [stage.name for stage in view.stages] == SEVEN
            assert "waits for a person until" in said(view, "act")
            assert "still open" in said(view, "record")
            (held,) = life.effects(Status.HELD)
            await life.answer(held, "grant", by=life.person(SPECIALIST))
            await life.settled()
            view = await show(life, ack.interaction)
            assert view.disposition == "answered"
            assert "message 'm1' came in by email" in said(view, "receive")
            assert (
                f"kim@example.org is party {view.party}, grade 1 (asserted by the channel)"
                in said(view, "resolve")
            )
            assert "the party is new" in said(view, "resolve")
            release = life.house.hall.releases["support"].id
            assert f"agent support, release {release}, owner Olga Owner" in said(view, "route")
            assert "proposed: refund of 40.00 USD\nproposed: reply by email" in said(view, "run")
            assert "refund of 40.00 USD waits for a yes of desk by world" in said(view, "decide")
            assert "refund of 40.00 USD was granted by Sam Specialist" in said(view, "decide")
            assert "refund of 40.00 USD was done" in said(view, "act")
            assert "reply by email was sent" in said(view, "act")
            assert "ended: answered" in said(view, "record")
            assert "gone on with at" in said(view, "record")
            assert [stage.took_us >= 0 for stage in view.stages[1:]] == [True] * 6
            assert view.stages[0].took_us == -1, "it did not come in through the command"
            assert [line.action for line in view.decisions] == [
                "refund of 40.00 USD", "reply by email",
            ]  # fmt: skip
            assert all("A1" in one.exact for one in view.decisions[:1])
            assert [entry.kind for entry in view.entries][:4] == [
                "identified", "lease", "received", "decided",
            ]  # fmt: skip
            assert (await life.verified()).problem is None

    run(scenario)


def test_interactions_are_listed_found_and_waited_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            acks = [await life.say(f"hello {n}", external_id=f"m{n}") for n in range(3)]
            views = [await show(life, ack.interaction, wait_s=20.0) for ack in acks]
            assert [view.disposition for view in views] == ["answered"] * 3
            listed = await rows(life, verbs.InteractionList(), InteractionRow)
            assert [row.interaction for row in listed] == [a.interaction for a in acks[::-1]]
            assert {(row.agent, row.rail) for row in listed} == {("support", "email")}
            asked = verbs.InteractionList(agent="support", disposition="answered", limit=2)
            assert await rows(life, asked, InteractionRow) == listed[:2]
            by_id = await told(life, verbs.InteractionFind("email", "m1"), InteractionView)
            assert by_id.interaction == acks[1].interaction
            for verb in (
                verbs.InteractionFind("email", "m9"),
                verbs.InteractionFind("fax", "m1"),
                verbs.InteractionShow("int_no", 5.0),
                verbs.InteractionShow(""),
                verbs.CaseShow("cas_no"),
                verbs.PartyShow("pty_no"),
                verbs.CaseFeed("cas_no"),
            ):
                with pytest.raises(NotFound):
                    await asking(life)(verb)

    run(scenario)


def test_a_message_that_no_stage_took_up_is_shown_as_waiting(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        life = Life(open_house(world.plan()))  # nobody works
        ack = await life.say("hello", external_id="m1")
        view = await show(life, ack.interaction)
        assert (view.disposition, view.text, view.agent) == ("waiting", "hello", "support")
        assert [stage.name for stage in view.stages] == SEVEN
        assert interaction_of(life.db, ack.interaction) is None
        life.house.abandon()
        async with world.running() as life:
            assert (await show(life, ack.interaction, wait_s=20.0)).disposition == "answered"

    run(scenario)


# What was erased


def test_what_was_erased_is_shown_as_erased_and_fails_no_page(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            ack = await life.say("refund", external_id="m1")
            await life.say("human", external_id="m2")
            await life.settled()
            before = await show(life, ack.interaction)
            forget(life, "kim@example.org")
            view = await show(life, ack.interaction)
            assert (view.sender, view.text) == ("(erased)", "(erased)")
            assert view.replies == ("(erased)",)
            assert [one.exact for one in view.decisions] == ["", ""]
            assert [one.name for one in view.stages] == SEVEN
            assert view.entries == before.entries, "what the ledger says of it stays"
            case = await told(life, verbs.CaseShow(view.case), CaseView)
            assert {one.text for one in case.messages} == {"(erased)"}
            assert case.reason == "(erased)"
            party = await told(life, verbs.PartyShow(view.party), PartyView)
            assert party.identifiers == ("email (erased)",)

    run(scenario)


def test_a_message_forgotten_before_it_was_read_is_shown_as_unreadable(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        life = Life(open_house(world.plan()))
        ack = await life.say("hello", external_id="m1")
        forget(life, "kim@example.org")
        assert (await show(life, ack.interaction)).text == "(erased)"
        life.house.abandon()
        async with world.running() as life:
            await life.settled()
            view = await show(life, ack.interaction)
            assert (view.disposition, view.text) == ("unreadable", "(erased)")
            assert [entry.kind for entry in view.entries] == ["gap.declared"]
            assert "cannot be read or answered" in said(view, "record")

    run(scenario)


# Parties


def test_a_party_is_shown_with_its_identifier_as_it_last_wrote_and_its_cases(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            await life.say("hello", external_id="m1", sender="Kim <KIM@example.org>")
            await life.say("hello", external_id="m2", sender="lee@example.org")
            await life.settled()
            await life.say("again", external_id="m3", sender="Kim Q <kim@example.org>")
            await life.settled()
            listed = await rows(life, verbs.PartyList(), PartyRow)
            assert sorted(row.interactions for row in listed) == [1, 2]
            assert [(row.cases, row.is_stopped) for row in listed] == [(1, False)] * 2
            kim = next(row.party for row in listed if row.interactions == 2)
            view = await told(life, verbs.PartyShow(kim), PartyView)
            assert view.identifiers == ("email Kim Q <kim@example.org>",)
            assert [case.interactions for case in view.cases] == [2]
            entries = [e for e in await life.entries() if e.subject and e.subject.pid == kim]
            assert view.entries == len(entries) == max(e.subject.sseq for e in entries if e.subject)
            await life.stop_agent(f"party:{kim}")
            view = await told(life, verbs.PartyShow(kim), PartyView)
            assert view.states == ("this party: pause",)
            assert [r.is_stopped for r in await rows(life, verbs.PartyList(), PartyRow)].count(
                True
            ) == 1
            assert await rows(life, verbs.PartyList(before=listed[0].party), PartyRow)
            assert not await rows(life, verbs.PartyList(before=listed[1].party), PartyRow)

    run(scenario)


def test_the_steps_of_a_turn_are_named_and_counted(tmp_path: Path) -> None:
    async def find_order(number: int) -> str:
        return f"order {number}"

    agent = Agent("support", owner=OWNER, desk="orders", purpose="look up")

    @agent.on_message
    async def answer(ctx: Context, _message: Message) -> Outcome:
        found = [await ctx.step(find_order, number) for number in (1, 2)]
        return Reply(f"{found} at {await ctx.now()}")

    async def scenario() -> None:
        world = inline_world(tmp_path / "home", agent)
        await world.found()
        async with world.running() as life:
            ack = await life.say("hello", external_id="m1")
            view = await show(life, ack.interaction, wait_s=20.0)
            name = find_order.__qualname__
            assert view.steps == (name, name, "ctx.now")
            assert f"recorded step {name}, 2 times" in said(view, "run")
            assert "recorded step ctx.now" in said(view, "run")

    run(scenario)
