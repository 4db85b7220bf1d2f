"""Decisions are shown with what was asked, which rule said so and what became of it."""

import asyncio
from pathlib import Path

import pytest

from answerable import Agent, Context, Message, Reply
from answerable.base.errors import NotFound
from answerable.desk.domain import QueueItem
from answerable.effects.domain import Status
from answerable.ledger.domain import decode_entry
from answerable.pipeline.desk import Taken
from answerable.pipeline.receive import accept_messages
from answerable.policy.errors import PolicyInvalid
from answerable.rails.port import Incoming
from answerable.sdk.port import ModelAnswer, ModelFailed
from answerable.sdk.words import Outcome
from answerable.testing.scripted import ScriptedModel, calls
from answerable.testing.world import OWNER, SPECIALIST, World
from answerable.worker import commands, verbs
from answerable.worker.commands.office import Office
from answerable.worker.verbs.desk import Said
from answerable.worker.verbs.proofs import (
    DecisionRow,
    DecisionView,
    DryRun,
    EffectView,
    FoundEntry,
    Story,
)
from offices import listening, open_for, small_world
from stories import HOLD_TOOLS
from thoughts import Shop, thinker, world_of

TEXTS = ("hello", "human", "refund 1000", "refund 2000")


async def _told(office: Office, verb: verbs.Verb) -> object:
    return await commands.call(office, verb)


async def held(home: Path) -> World:
    world = await small_world(home)
    world.policy = HOLD_TOOLS
    async with world.running() as life:
        for number, text in enumerate(TEXTS):
            await life.say(text, external_id=f"m{number}", sender=f"kim{number}@example.org")
        await life.settled()
        first, _ = life.effects(Status.HELD)
        await life.answer(first, "grant")
        await life.settled()
    return world


def test_a_decision_is_shown_with_its_rules_as_written_and_what_was_asked(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with listening(await held(tmp_path / "home")) as (_, client):
            rows = await client.call(verbs.DecisionList(), list[DecisionRow])
            assert [row.index for row in rows] == sorted((r.index for r in rows), reverse=True)
            by_verdict = {"allow": 3, "hold": 2, "deny": 0}  # replies: hello, and two that wait
            for verdict, count in by_verdict.items():
                some = await client.call(verbs.DecisionList(verdict=verdict), list[DecisionRow])
                assert [one for one in rows if one.verdict == verdict] == some
                assert len(some) == count
            older = verbs.DecisionList(agent="support", before=rows[1].index, limit=2)
            assert await client.call(older, list[DecisionRow]) == rows[2:4]
            assert await client.call(verbs.DecisionList(agent="nobody"), list[DecisionRow]) == []

            hold = next(one for one in rows if one.verdict == "hold" and one.status == "done")
            view = await client.call(verbs.DecisionShow(hold.decision), DecisionView)
            assert view.rules == ("world.cedar:3 @tools",)
            assert view.rule_texts == (HOLD_TOOLS.strip().splitlines()[1],)
            assert (view.action, view.status) == ("refund of 10.00 USD", "done")
            assert '"amount_minor":1000' in view.exact
            assert view.request["grade"] == 1
            assert view.owner_name == "Olga Owner"
            assert decode_entry(view.entry.encode()).id == hold.decision

            effect = await client.call(verbs.EffectShow(view.effect), EffectView)
            assert [what for _, _, what in effect.entries][1:] == [
                f"refund of 10.00 USD was granted by {_person(view, effect)}",
                "refund of 10.00 USD was started",
                "refund of 10.00 USD was done",
            ]

    asyncio.run(scenario())


def _person(view: DecisionView, effect: EffectView) -> str:
    granted = next(what for _, _, what in effect.entries if "granted" in what)
    person = granted.rpartition(" ")[2]
    assert person not in ("", view.owner)
    return person


def test_a_decision_is_explained_from_arrival_to_outcome(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with listening(await held(tmp_path / "home")) as (_, client):
            rows = await client.call(verbs.DecisionList(verdict="hold"), list[DecisionRow])
            done = next(one for one in rows if one.status == "done")
            story = await client.call(verbs.DecisionExplain(done.decision), Story)
            whole = "\n".join(story.sentences)
            in_order = (
                "a message came in by email from kim2@example.org: 'refund 1000'",
                "Its sender is of grade 1 (asserted by the channel)",
                "Agent 'support' ran as release rel_",
                "The proposal: refund of 10.00 USD, exactly: refund {",
                "held it for a person's yes or no",
                'Rule \'world.cedar:3 @tools\': @id("tools") @hold("desk")',
                "Olga Owner (per_",
                "was granted by Sam Specialist",
                "refund of 10.00 USD was done",
                "The effect is done; its interaction ended at",
                f"Ledger entry {done.index} captures it",
            )
            places = [whole.find(each) for each in in_order]
            assert -1 not in places, (in_order[places.index(-1)], whole)
            assert places == sorted(places)

            indexes = [step.index for step in story.steps]
            assert done.index in indexes
            assert indexes == sorted(indexes)
            for step in story.steps:
                assert step.prove == f"answerable ledger prove {step.index}"
                assert await client.call(verbs.LedgerProve(step.index), str)
            (decided,) = [step for step in story.steps if step.index == done.index]
            assert decided.accountable == done.owner

            waits = next(one for one in rows if one.status == "held")
            open_ = await client.call(verbs.DecisionExplain(waits.decision), Story)
            assert "The effect is held; its interaction is still open." in open_.sentences

    asyncio.run(scenario())


def test_the_rules_of_a_set_that_was_replaced_are_shown_as_they_were_written(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await held(tmp_path / "home")
        world.policy = HOLD_TOOLS.replace("desk", "other")
        async with listening(world) as (_, client):
            [row, *_] = await client.call(verbs.DecisionList(verdict="hold"), list[DecisionRow])
            view = await client.call(verbs.DecisionShow(row.decision), DecisionView)
            assert view.rule_texts == (HOLD_TOOLS.strip().splitlines()[1],)

    asyncio.run(scenario())


def test_what_a_person_said_is_explained_as_theirs(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with listening(await held(tmp_path / "home")) as (_, client):
            [item] = await client.call(verbs.DeskList(), list[QueueItem])
            await client.call(verbs.DeskTake(item.case, SPECIALIST), Taken)
            said = verbs.DeskSay(item.case, SPECIALIST, "A person here.")
            assert (await client.call(said, Said)).status == "done"
            newest, *_ = await client.call(verbs.DecisionList(limit=1), list[DecisionRow])
            assert newest.agent == ""
            story = await client.call(verbs.DecisionExplain(newest.decision), Story)
            assert any(one.startswith("A person spoke: Sam Specialist") for one in story.sentences)
            assert any("held the case spoke in their own name" in one for one in story.sentences)

    asyncio.run(scenario())


def test_the_ledger_is_searched_by_any_id_and_by_kind(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await held(tmp_path / "home")
        async with listening(world) as (office, client):
            entries = [
                decode_entry(record.data)
                async for record in office.house.hall.engine.read(0)
                if record.kind not in ("checkpoint", "step")
            ]

            async def found(**asked: object) -> list[int]:
                verb = verbs.LedgerSearch(**asked)  # type: ignore[arg-type]
                return [one.index for one in await client.call(verb, list[FoundEntry])]

            granted = next(one for one in entries if one.kind == "approval")
            assert granted.effect is not None
            of_effect = [e.seq for e in entries if e.effect and e.effect.id == granted.effect.id]
            assert await found(id=granted.effect.id) == of_effect[::-1]
            assert await found(id=granted.parent or "") == of_effect[::-1]
            assert await found(id=granted.effect.id, kind="approval") == [granted.seq]
            assert await found(id=granted.effect.id, before=granted.seq) == [of_effect[0]]
            assert await found(id=granted.id) == [granted.seq]
            person = granted.actor or ""
            mine = [e.seq for e in entries if person in (e.id, e.actor)]
            assert await found(id=person) == mine[::-1]
            party = granted.subject.pid if granted.subject else ""
            of_party = [e.seq for e in entries if e.subject and e.subject.pid == party]
            assert await found(id=party) == of_party[::-1]
            kinds = [e.seq for e in entries if e.kind == "decided"]
            assert await found(kind="decided") == kinds[::-1]
            assert await found(limit=3) == [e.seq for e in entries[:-4:-1]]
            assert await found(id="eff_nobody") == []
            release = next(e for e in entries if e.kind == "release.registered")
            assert await found(id=release.id) == [release.seq]

    asyncio.run(scenario())


def test_another_policy_says_which_verdicts_it_would_change_and_does_nothing(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await held(tmp_path / "home")
        async with listening(world) as (office, client):
            size = office.house.hall.committer.size
            same = verbs.PolicyDryRun({"world.cedar": HOLD_TOOLS})
            found = await client.call(same, DryRun)
            assert (found.judged, found.not_asked, found.unread, found.changed) == (5, 0, 0, ())
            stricter = HOLD_TOOLS.replace(
                '@hold("desk") permit (principal, action == Action::"perform", resource);',
                '@hold("desk") permit (principal, action == Action::"perform", resource) when'
                " { context has amount && context.amount.minor < 1500 };",
            )
            found = await client.call(verbs.PolicyDryRun({"other.cedar": stricter}), DryRun)
            [change] = found.changed
            assert (change.was, change.would_be) == ("hold", "deny")
            assert change.action == "refund of 20.00 USD"
            assert office.house.hall.committer.size == size
            with pytest.raises(PolicyInvalid):
                await _told(office, verbs.PolicyDryRun({"x.cedar": "permit everything"}))

    asyncio.run(scenario())


def test_a_request_that_was_erased_is_counted_as_unread(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await held(tmp_path / "home")
        async with listening(world) as (office, client):
            rows = await client.call(verbs.DecisionList(), list[DecisionRow])
            record = (await office.entry(rows[-1].decision))[0]
            assert record.body is not None
            office.house.hall.keyring.destroy([record.body.kid])
            found = await client.call(verbs.PolicyDryRun({"w.cedar": HOLD_TOOLS}), DryRun)
            assert (found.judged, found.unread) == (4, 1)
            view = await client.call(verbs.DecisionShow(rows[-1].decision), DecisionView)
            assert (view.exact, view.request) == ("", {})

    asyncio.run(scenario())


def test_what_is_no_decision_is_said_with_where_to_find_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with listening(await small_world(tmp_path / "home")) as (office, _):
            for verb in (verbs.DecisionShow("dec_no"), verbs.DecisionExplain(OWNER)):
                with pytest.raises(NotFound) as told:
                    await _told(office, verb)
                assert told.value.next_command == "answerable decision list"
            with pytest.raises(NotFound):
                await _told(office, verbs.EffectShow("eff_no"))

    asyncio.run(scenario())


def test_what_a_turn_asked_of_its_model_is_said_with_the_decision(tmp_path: Path) -> None:
    async def scenario() -> None:
        amount = {"amount_minor": 4_000, "currency": "USD"}
        script: list[str | ModelAnswer | ModelFailed] = [
            calls("refund", order_id="A1", amount=amount), "You get 40 dollars back.",
        ]  # fmt: skip
        world = await world_of(tmp_path / "home", thinker(Shop()), ScriptedModel(script))
        async with world.running() as life:
            await life.say("refund A1", external_id="m1")
            await life.run_out()
        async with open_for(world) as office:
            rows = await _told(office, verbs.DecisionList())
            assert isinstance(rows, list)
            assert len(rows) == 2
            said = set()
            for row in rows:  # the use stands on one entry of the turn; each decision tells it
                view = await _told(office, verbs.DecisionShow(row.decision))
                assert isinstance(view, DecisionView)
                said.add(view.model)
            [model] = said
            assert model.startswith("2 calls of openai:scripted-1, ")
            story = await _told(office, verbs.DecisionExplain(rows[0].decision))
            assert isinstance(story, Story)
            assert f"It asked its model: {model}." in story.sentences

    asyncio.run(scenario())


def test_what_a_turn_looked_up_is_part_of_its_story(tmp_path: Path) -> None:
    async def find_order(number: int) -> str:
        return f"order {number} is late"

    agent = Agent("support", owner=OWNER, desk="orders", purpose="look up")

    @agent.on_message
    async def answer(ctx: Context, _message: Message) -> Outcome:
        return Reply(await ctx.step(find_order, 7))

    async def scenario() -> None:
        world = World(home=tmp_path / "home", agent=agent)
        await world.found()
        async with listening(world) as (office, client):
            arrived = Incoming(external_id="m1", sender="kim@a.example", text="late?", rail="email")
            await accept_messages(office.house.hall, [arrived])
            rows: list[DecisionRow] = []
            while not (rows and rows[0].status == "done"):
                rows = await client.call(verbs.DecisionList(), list[DecisionRow])
            story = await client.call(verbs.DecisionExplain(rows[0].decision), Story)
            name = find_order.__qualname__
            assert f'Step 1, {name}: "order 7 is late".' in story.sentences

    asyncio.run(scenario())
