"""What the hallway promises, at its two doors: the rail and the outside."""

import asyncio
from pathlib import Path

from answerable import Agent, Context, Message, Money, Reply, ToolCall
from answerable.sdk.words import Outcome
from answerable.testing.world import OWNER, Till, World


def support(till: Till) -> Agent:
    agent = Agent("support", owner=OWNER, desk="orders", purpose="Answer and refund")

    async def find(key: str) -> str | None:
        return await till.find(key)

    @agent.tool(effect="refund", repeat="reconcilable", find=find)
    async def refund(call: ToolCall, order_id: str, amount: Money) -> str:
        return await till.pay(call.key, amount.amount_minor)

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Outcome:
        if "refund" in message.text:
            asked = ctx.propose(refund, order_id="A1", amount=Money(4_000, "USD"))
            return Reply("Refunded.", after=asked, otherwise="Not refunded.")
        if "human" in message.text:
            return ctx.escalate("wants a person")
        return Reply("It ships on Tuesday.")

    return agent


def test_a_message_is_answered_once_where_it_was_asked(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(home=tmp_path / "home", agent=support(Till()))
        await world.found()
        async with world.running() as life:
            first = await life.say("Where is my order?", external_id="m1")
            again = await life.say("Where is my order?", external_id="m1")
            await life.settled()
            assert (first.is_new, again.is_new) == (True, False)
        assert world.mailbox.texts == ["It ships on Tuesday."]
        assert world.mailbox.sent[0].to == "kim@example.org"

    asyncio.run(scenario())


def test_a_refund_is_decided_with_its_owner_and_done_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        world = World(home=tmp_path / "home", agent=support(till))
        await world.found()
        async with world.running() as life:
            await life.say("please refund me", external_id="m1")
            await life.settled()
            decided = await life.entries("decided")
            kinds = [entry.kind for entry in await life.entries()]
        assert till.payments == [4_000]
        assert world.mailbox.texts == ["Refunded."]
        assert all(e.owner is not None and e.owner.person.startswith("per_") for e in decided)
        assert kinds[-7:] == [
            "lease", "received", "decided", "decided", "effect.done", "effect.done", "outcome",
        ]  # fmt: skip

    asyncio.run(scenario())
