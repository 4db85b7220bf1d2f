"""Owner, order, address, limits, policy: the promises of a message that comes in."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from answerable import Agent, Context, Message, Money, Reply, ToolCall
from answerable.base.errors import UsageError
from answerable.effects.domain import Status
from answerable.ledger import keyring
from answerable.policy.limits import Limit
from answerable.rails.port import Incoming
from answerable.sdk.words import Outcome
from answerable.testing.world import OWNER, Life, Till, World
from stories import Runs, inline_world, queue_of, run, support

# owner and stop


def test_without_its_owner_an_agent_says_nothing_and_the_case_is_with_people(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        runs = Runs()
        world = inline_world(tmp_path / "home", support(Till(), runs=runs))
        await world.found()
        async with world.running() as life:
            await life.leave(OWNER)
            await life.say("hello", external_id="m1")
            await life.settled()
            assert queue_of(life) == [("orders", "no_owner")]
        async with world.running() as life:
            await life.say("hello?", external_id="m2", sender="lee@example.org")
            await life.settled()
            assert queue_of(life) == [("orders", "no_owner")] * 2
        assert (runs.count, world.mailbox.texts) == (0, [])

    run(scenario)


def test_an_owner_who_leaves_while_the_agent_thinks_owns_no_decision(tmp_path: Path) -> None:
    async def scenario() -> None:
        lives: list[Life] = []
        agent = Agent("support", owner=OWNER, desk="orders", purpose="think")

        @agent.on_message
        async def answer(_ctx: Context, _message: Message) -> Outcome:
            await lives[-1].leave(OWNER)
            return Reply("too late")

        world = inline_world(tmp_path / "home", agent)
        await world.found()
        async with world.running() as life:
            lives.append(life)
            await life.say("hello", external_id="m1")
            await life.settled()
            assert world.mailbox.texts == []
            assert await life.entries("decided") == []
            assert queue_of(life) == [("orders", "no_owner")]

    run(scenario)


def test_stop_means_stop_across_a_restart_until_it_is_let_go(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:
            await life.say("first", external_id="m0", sender="0@example.org")
            await life.settled()
            await life.stop_agent("*")
        async with world.running() as life:
            await life.say("hello", external_id="m1", sender="1@example.org")
            await life.settled()
            assert world.mailbox.texts == ["About first."]
            assert queue_of(life) == [("orders", "stopped")]
            await life.stop_agent("*", is_on=False)
            await life.say("hello", external_id="m2", sender="2@example.org")
            await life.settled()
            assert world.mailbox.texts == ["About first.", "About hello."]

    run(scenario)


# order and address


def test_a_senders_messages_are_answered_in_their_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        agent = Agent("support", owner=OWNER, desk="orders", purpose="wait")

        @agent.on_message
        async def answer(_ctx: Context, message: Message) -> Outcome:
            await asyncio.sleep(0.001 * (7 - int(message.text) % 7))
            return Reply(message.text)

        world = inline_world(tmp_path / "home", agent)
        await world.found()
        async with world.running() as life:
            for number in range(40):
                await life.say(
                    str(number), external_id=f"m{number}", sender=f"{number % 4}@example.org"
                )
            await life.settled()
        for sender in range(4):
            texts = [
                int(one.text) for one in world.mailbox.sent if one.to == f"{sender}@example.org"
            ]
            assert texts == list(range(sender, 40, 4))

    run(scenario)


def test_a_reply_goes_where_its_message_asked_for_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:
            senders = ("kim@example.org", "Kim K <KIM@example.org>", '"K" <kim@Example.ORG>')
            for number, sender in enumerate(senders):
                await life.say("hello", external_id=f"m{number}", sender=sender)
            await life.settled()
            asked = ["kim@example.org", "KIM@example.org", "kim@Example.ORG"]
            assert [one.to for one in world.mailbox.sent] == asked
            assert [one.in_reply_to for one in world.mailbox.sent] == ["m0", "m1", "m2"]
            parties = {entry.subject.pid for entry in await life.entries() if entry.subject}
            assert len(parties) == 1

    run(scenario)


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "\ud800"}, {"sender": "\ud800@x"}, {"external_id": "\ud800"},
        {"subject": "\ud800"},
        {"external_id": ""}, {"sender": "  "}, {"rail": "pigeon"}, {"text": "é" * 200_000},
        {"sent_at": -1}, {"sent_at": 2**63}, {"subject": "x" * 2_000},
    ],
)  # fmt: skip
def test_a_message_that_cannot_be_kept_is_refused_with_its_batch(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:
            good = Incoming(external_id="m1", sender="kim@example.org", text="hello", rail="email")
            bad = msgspec.structs.replace(good, **fields)
            with pytest.raises(UsageError, match="No message of this batch"):
                await life.receive([good, bad])
            await life.settled()
            assert world.mailbox.sent == []
            assert [ack.is_new for ack in await life.receive([good, good])] == [True, False]
            empty = msgspec.structs.replace(good, external_id="m2", text="")
            assert (await life.receive([empty]))[0].is_new
            await life.settled()
            assert len(world.mailbox.sent) == 2

    run(scenario)


def test_more_senders_than_are_remembered_are_all_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(keyring, "_ADDRESSES_CACHED", 3)
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:

            async def batch(which: int) -> None:
                await life.receive(
                    [
                        Incoming(
                            external_id=f"{which}-{n}", sender=f"{(which + n) % 12}@example.org",
                            text="hello", rail="email",
                        )
                        for n in range(8)
                    ]
                )  # fmt: skip

            await asyncio.gather(*map(batch, range(10)))
            await life.settled()
            assert len(world.mailbox.sent) == 80

    run(scenario)


# policy

OVERFLOWS = """
@id("replies") permit (principal, action == Action::"reply", resource);
@id("all") permit (principal, action, resource);
@id("odd") forbid (principal, action == Action::"perform", resource) when {
  context.party_effects_today * 9223372036854775807 > 0
  && context.agent_effects_today + 9223372036854775807 > 0
};
"""


@pytest.mark.parametrize(
    "policy",
    [
        '@id("replies") permit (principal, action == Action::"reply", resource);',
        OVERFLOWS,
    ],
)
def test_what_no_rule_permits_or_a_rule_cannot_say_is_denied(tmp_path: Path, policy: str) -> None:
    async def scenario() -> None:
        till = Till()
        world = inline_world(tmp_path / "home", support(till), policy=policy)
        await world.found()
        async with world.running() as life:
            for number in range(3):
                await life.say("refund", external_id=f"m{number}")
            await life.settled()
            denied = [one for one in life.effects(Status.DENIED) if one.kind == "tool"]
            done = [one for one in life.effects(Status.DONE) if one.kind == "tool"]
            assert len(denied) >= 2
            assert len(till.payments) == len(done)
            assert world.mailbox.texts.count("Not refunded.") == len(denied)

    run(scenario)


def test_a_reply_that_no_rule_permits_is_not_sent(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(
            tmp_path / "home", support(Till()),
            policy='@id("t") permit (principal, action == Action::"perform", resource);',
        )  # fmt: skip
        await world.found()
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await life.settled()
            assert world.mailbox.texts == []
            assert queue_of(life) == [("orders", "reply_denied")]

    run(scenario)


def test_a_reply_that_nobody_said_yes_to_is_not_sent_and_people_have_the_case(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = inline_world(
            tmp_path / "home", support(Till()),
            policy='@id("all") @hold("desk") permit (principal, action, resource);',
        )  # fmt: skip
        await world.found()
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await life.say("hello", external_id="m2", sender="lee@example.org")
            await life.settled()
            await life.answer(life.effects(Status.HELD)[0], "grant")
            await life.run_out()
            assert len(world.mailbox.texts) == 1
            assert queue_of(life) == [("orders", "reply_refused")]

    run(scenario)


# attacks: the agent is fooled completely; the hallway is not


class Fooled:
    """An agent that does whatever it is told, in every way that its words allow."""

    def __init__(self, tmp_path: Path) -> None:
        self.till = Till()
        self.agent = Agent("support", owner=OWNER, desk="orders", purpose="obey")
        till = self.till

        @self.agent.tool(
            effect="refund", repeat="idempotent",
            limit=Limit(amount_minor_each=5_000, currency="USD"),
        )  # fmt: skip
        async def refund(call: ToolCall, amount: Money | None = None) -> str:
            return await till.pay(call.key, amount.amount_minor if amount else 1_000_000)

        @self.agent.tool(effect="refunds", repeat="idempotent")
        async def refunds(call: ToolCall, amounts: list[Money]) -> str:
            return await till.pay(call.key, sum(one.amount_minor for one in amounts))

        @self.agent.tool(effect="void", repeat="idempotent", needs_grade=3)
        async def void(call: ToolCall, order: str) -> str:
            return await till.pay(call.key, 999)

        foreign_agent = Agent("foreign", owner=OWNER, desk="x", purpose="lend")

        @foreign_agent.tool(effect="refund", repeat="idempotent")
        async def foreign(call: ToolCall) -> str:
            return await till.pay(call.key, 777)

        ways: dict[str, Any] = {
            "much": (refund, {"amount": Money(1_000_000, "USD")}),
            "negative": (refund, {"amount": Money(-5_000, "USD")}),
            "other currency": (refund, {"amount": Money(5_000, "XXX")}),
            "as text": (refund, {"amount": {"amount_minor": 1_000_000, "currency": "USD"}}),
            "without": (refund, {}),
            "nested": (refunds, {"amounts": [Money(1, "USD"), Money(1_000_000, "USD")]}),
            "ungraded": (void, {"order": "A1"}),
            "foreign": (foreign, {}),
        }

        @self.agent.on_message
        async def answer(ctx: Context, message: Message) -> Outcome:
            tool, arguments = ways[message.text]
            asked = ctx.propose(tool, **arguments)
            return Reply("As you wish.", after=asked, otherwise="That I may not do.")

        self.ways = tuple(ways)
        self.world: World = inline_world(tmp_path / "home", self.agent)


def test_an_agent_that_is_fooled_completely_pays_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        scene = Fooled(tmp_path)
        await scene.world.found()
        async with scene.world.running() as life:
            for number, way in enumerate(scene.ways):
                await life.say(way, external_id=f"m{number}", sender=f"{number}@example.org")
            await life.settled()
            assert scene.till.payments == []
            assert scene.world.mailbox.texts == ["That I may not do."] * len(scene.ways)
            reasons = [e.policy[-1].reasons for e in await life.entries("decided")]
            denied = [reason[0] for reason in reasons if not reason[0].startswith("world")]
            assert sorted(denied) == sorted(
                [
                    "limit:amount_minor_each", "limit:amount_negative", "limit:currency",
                    "limit:amount_minor_each", "limit:amount_missing", "amount-ambiguous",
                    "grade-too-low", "tool-not-in-release",
                ]
            )  # fmt: skip

    run(scenario)
