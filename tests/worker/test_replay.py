"""A decision is judged again from what is kept, and its turn run again, and nothing is done."""

import asyncio
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from answerable import Context, Limit, Message, Money, Reply
from answerable.agents.domain import Blueprint
from answerable.agents.stops import Mode
from answerable.base.errors import NotFound
from answerable.effects.domain import Status
from answerable.ledger.draft import Draft, Unit
from answerable.ledger.sealing import STEP_KIND, kid_of
from answerable.pipeline import judge
from answerable.policy.domain import Judgement, Request, Verdict
from answerable.policy.load import PolicySet
from answerable.sdk.port import ModelAnswer, ModelFailed, ModelStep
from answerable.testing.scripted import ScriptedModel, calls
from answerable.testing.world import SPECIALIST, Till, World
from answerable.worker import commands, verbs
from answerable.worker.replay.found import Replayed
from answerable.worker.replay.homes import Asked, replay_all, replay_one
from offices import open_for
from stories import HOLD_TOOLS, support
from thoughts import Shop, thinker, world_of

LIMIT = Limit(amount_minor_per_party_per_day=3_000, currency="USD")


async def lived(home: Path, policy: str = HOLD_TOOLS) -> World:
    """Held, granted, over a limit, stopped, said by a person."""
    world = World(home=home, agent=support(Till(), limit=LIMIT), policy=policy)
    await world.found()
    async with world.running() as life:
        for number, text in enumerate(("hello", "refund 1000", "refund 2500", "refund 900")):
            await life.say(text, external_id=f"m{number}")
            await life.settled()
        for mode in (Mode.READ_ONLY, Mode.ASK):
            await life.stop_agent("support", mode=mode)
            await life.say("refund 100", external_id=f"m{mode}", sender="lee@example.org")
            await life.say("hello again", external_id=f"n{mode}", sender="lee@example.org")
            await life.settled()
            await life.stop_agent("support", mode=mode, is_on=False)
        await life.answer(life.effects(Status.HELD)[0], "grant")
        await life.say("human", external_id="m9", sender="max@example.org")
        await life.settled()
    async with open_for(world) as office:
        waits = await commands.call(office, verbs.DeskList())
        assert isinstance(waits, list)
        [item] = waits
        await commands.call(office, verbs.DeskTake(item.case, SPECIALIST))
        await commands.call(office, verbs.DeskSay(item.case, SPECIALIST, "A person here."))
    return world


def decisions(world: World) -> list[str]:
    with closing(sqlite3.connect(world.home / "answerable.db")) as db:
        rows = db.execute("SELECT key FROM record WHERE kind = 'decided' ORDER BY position")
        return [str(row[0]) for row in rows]


async def again(world: World, decision: str, blueprint: Blueprint | None = None) -> Replayed:
    return await replay_one(world.home, decision, {"support": blueprint or world.agent.blueprint()})


def test_whatever_was_decided_is_decided_again_and_no_file_is_touched(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await lived(tmp_path / "home")
        before = files(world.home)
        seen = [await again(world, one) for one in decisions(world)]
        assert {one.verdict.status for one in seen} == {"same"}
        said = {reason for one in seen for reason in one.recorded.split(" by ")[1].split(", ")}
        assert {"limit:amount_minor_per_party_per_day", "stop:read-only", "stop:ask"} <= said
        assert {"desk:holder", "world.cedar:3 @tools"} <= said
        turns = [one.turn.status for one in seen]
        assert turns == ["same"] * (len(seen) - 1) + ["none"]
        tally = await replay_all(world.home)
        assert (tally.decisions, tally.same) == (len(seen), len(seen))
        assert tally.sets == 1
        assert files(world.home) == before

    asyncio.run(scenario())


def files(home: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")
    }


def test_by_policies_that_were_replaced_since_a_decision_is_judged_as_it_was(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await lived(tmp_path / "home")
        world.policy = HOLD_TOOLS.replace("permit", "forbid", 1)
        async with world.running() as life:
            await life.say("hello", external_id="after")
            await life.settled()
        tally = await replay_all(world.home)
        assert (tally.same, tally.sets) == (tally.decisions, 2)
        first, *_, last = decisions(world)
        assert (await again(world, last)).recorded == "deny by world.cedar:2 @replies"
        found = await again(world, first)  # the code is the same, and so is what it is run by
        assert (found.verdict.status, found.turn.status) == ("same", "same")

    asyncio.run(scenario())


def change(home: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(home / "answerable.db")) as db:
        changed = db.execute(sql, values).rowcount
        db.commit()
    assert changed == 1


def test_a_body_that_was_changed_is_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await lived(tmp_path / "home")
        [one, *_] = decisions(world)
        change(
            world.home, "UPDATE record SET body = CAST(body || x'00' AS BLOB) WHERE key = ?", one
        )
        found = await again(world, one)
        assert found.is_different
        assert found.verdict.difference is not None
        assert found.verdict.difference.field == "body.sha256"
        tally = await replay_all(world.home)
        assert (tally.different, [each.decision for each in tally.first]) == (1, [one])

    asyncio.run(scenario())


def test_a_verdict_that_does_not_come_from_its_inputs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lies(policies: PolicySet, request: Request) -> Judgement:
        return Judgement(Verdict.ALLOW, ("world.cedar:2 @replies",))

    async def scenario() -> None:
        world = World(home=tmp_path / "home", agent=support(Till()), policy=HOLD_TOOLS)
        await world.found()
        monkeypatch.setattr(judge, "weigh", lies)
        async with world.running() as life:
            await life.say("refund 1000", external_id="m1")
            await life.settled()
        found = await again(world, decisions(world)[0])
        assert found.verdict.difference is not None
        assert found.verdict.difference.sentence == (
            "verdict, `policy.verdict`: recorded allow, found hold"
        )

    asyncio.run(scenario())


def test_code_that_is_another_is_not_run_and_what_changed_is_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await lived(tmp_path / "home")
        [one, *_] = decisions(world)
        mine = world.agent.blueprint()
        others = {
            "tools": support(Till(), repeat="idempotent", limit=LIMIT).blueprint(),
            "code": replace(mine, sources=dict.fromkeys(mine.sources, "other")),
            "prompt": replace(mine, prompt="Be rude."),
        }
        for part, other in others.items():
            found = await again(world, one, other)
            assert found.turn.status == "not_loaded"
            assert found.turn.why.endswith(f"; of what is there {part} is another")
            assert found.verdict.status == "same"
        gone = await replay_one(world.home, one, {}, "its module does not load.")
        assert gone.turn.why == "release not loaded: its module does not load."

    asyncio.run(scenario())


def with_handler(world: World, handler: Callable[..., object]) -> Blueprint:
    """As where a module changed that no release covers: the digest is the same."""
    return replace(world.agent.blueprint(), handler=handler)  # type: ignore[arg-type]


def test_code_that_proposes_something_else_is_named_at_the_field(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await lived(tmp_path / "home")
        refund = world.agent.tools["refund"]

        async def more(ctx: Context, message: Message) -> Reply:
            asked = ctx.propose(refund, order_id="A1", amount=Money(9_000, "USD"))
            return Reply("Refunded.", after=asked, otherwise="Not refunded.")

        async def ruder(ctx: Context, message: Message) -> Reply:
            return Reply("No.")

        async def calls_out(ctx: Context, message: Message) -> Reply:
            with socket.socket() as line:
                line.connect(("127.0.0.1", 9))
            return Reply("Called.")

        hello, refunded, *_ = decisions(world)
        expected = {
            (hello, ruder): "reply, `text`: recorded About hello., found No.",
            (hello, calls_out): "turn, `outside call`: recorded nothing, found socket.connect",
            (refunded, more): (
                "proposal 1, `arguments.amount.amount_minor`: recorded 1000, found 9000"
            ),
        }
        for (one, handler), sentence in expected.items():
            found = await again(world, one, with_handler(world, handler))
            assert found.turn.difference is not None
            assert found.turn.difference.sentence == sentence
            assert found.has_words == ("outside" not in sentence)

    asyncio.run(scenario())


async def thought(home: Path) -> World:
    amount = {"amount_minor": 4_000, "currency": "USD"}
    script: list[str | ModelAnswer | ModelFailed] = [
        calls("look_up", order_id="A1"), calls("refund", order_id="A1", amount=amount),
        "You get 40 dollars back.",
    ]  # fmt: skip
    world = await world_of(home, thinker(Shop()), ScriptedModel(script))
    async with world.running() as life:
        await life.say("refund A1", external_id="m1")
        await life.run_out()
    return world


def test_a_turn_that_thought_is_run_on_its_recorded_answers_and_asks_no_model(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await thought(tmp_path / "home")
        for one in decisions(world):
            found = await again(world, one)
            assert found.turn.status == "same", found
            assert found.turn.steps > 2

    asyncio.run(scenario())


def test_a_model_answer_that_was_changed_is_named_by_what_would_have_been_said(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await thought(tmp_path / "home")
        async with world.running() as life:
            keyring = life.house.hall.keyring
            steps = [one for one in await life.records() if one.kind == STEP_KIND]
            last = steps[-1]
            assert last.body is not None
            step = msgspec.json.decode(
                keyring.open(kid_of(last), last.key, last.body), type=ModelStep
            )
            assert step.answer is not None
            lie = msgspec.structs.replace(step.answer, text="You get nothing.")
            data = msgspec.json.encode(msgspec.structs.replace(step, answer=lie))
            sealed = keyring.seal(kid_of(last), last.key, data)
        change(world.home, "UPDATE record SET body = ? WHERE key = ?", sealed, last.key)
        found = await again(world, decisions(world)[0])
        assert found.turn.difference is not None
        assert found.turn.difference.sentence == (
            "reply, `text`: recorded You get 40 dollars back., found You get nothing."
        )
        change(world.home, "DELETE FROM record WHERE key = ?", last.key)
        found = await again(world, decisions(world)[0])
        assert found.turn.difference is not None
        assert (found.turn.difference.field, found.turn.difference.expected) == ("step", "nothing")
        assert "ctx.model" in found.turn.difference.where
        change(world.home, "UPDATE record SET body = x'00' WHERE key = ?", steps[0].key)
        found = await again(world, decisions(world)[0])
        assert found.turn.difference is not None
        assert found.turn.difference.field == "body"

    asyncio.run(scenario())


def test_who_was_erased_is_said_with_the_entry_that_erased_them(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await lived(tmp_path / "home")
        [one, *_] = decisions(world)
        async with world.running() as life:
            entries = await life.entries("decided")
            first = entries[0]
            assert first.body is not None
            assert first.subject is not None
            gone = Draft(
                kind="erasure.done", id="era_1", actor="system:test", party=first.subject.pid
            )
            committed = await life.house.commit_control(Unit(drafts=[gone]))
            life.house.hall.keyring.destroy([first.body.kid])
        found = await again(world, one)
        said = f"erased at index {committed.indexes[0]}"
        assert (found.verdict.status, found.verdict.why) == ("erased", said)
        assert (found.turn.status, found.turn.why) == ("erased", said)
        assert not found.is_different
        tally = await replay_all(world.home)
        theirs = [
            each
            for each in entries
            if each.subject == first.subject
            or (each.subject and each.subject.pid == first.subject.pid)
        ]
        assert tally.erased == len(theirs)
        assert tally.same == tally.decisions - tally.erased > 0

    asyncio.run(scenario())


def test_a_policy_set_is_believed_by_its_digest_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await lived(tmp_path / "home")
        async with world.running() as life:
            [release] = [one for one in await life.records() if one.kind == "release.registered"]
            assert release.body is not None
            keyring, kid = life.house.hall.keyring, kid_of(release)
            kept = keyring.open(kid, release.key, release.body)
            sealed = keyring.seal(kid, release.key, kept.replace(b"@hold", b"@note"))
        change(world.home, "UPDATE record SET body = ? WHERE key = ?", sealed, release.key)
        found = await again(world, decisions(world)[0])
        assert found.verdict.difference is not None
        assert found.verdict.difference.field == "policy set"

    asyncio.run(scenario())


def test_one_owners_decisions_of_a_time_are_replayed_and_no_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await lived(tmp_path / "home")
        async with world.running() as life:
            owner, entries = life.person("owner@acme.example"), await life.entries("decided")
        mine = [one for one in entries if one.accountable == owner]
        since, until = mine[1].ts, mine[-1].ts
        wanted = [one for one in mine if since <= one.ts < until]
        tally = await replay_all(world.home, Asked(owner=owner, since=since, until=until))
        assert 0 < tally.decisions == tally.same == len(wanted) < len(entries)
        with pytest.raises(NotFound):
            await again(world, "dec_nobody")

    asyncio.run(scenario())
