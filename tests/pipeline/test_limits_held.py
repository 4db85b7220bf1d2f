"""Limits on a tool hold: for a party and for all, at once, across lives and days."""

from dataclasses import replace
from pathlib import Path

from answerable import Agent, Context, Message, Money, Reply
from answerable.base.clock import DAY_US, ManualClock
from answerable.policy.limits import Limit
from answerable.rails.port import Incoming
from answerable.sdk.words import Outcome
from answerable.testing.world import OWNER, Life, Till
from stories import inline_world, refuses, run, support

DAILY = Limit(
    amount_minor_per_party_per_day=10_000, amount_minor_per_day=20_000,
    amount_minor_each=9_000, currency="USD",
)  # fmt: skip


def test_limits_hold_for_a_party_and_for_all_across_restarts_and_a_new_day_is_new(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        till = Till()
        world = inline_world(tmp_path / "home", support(till, limit=DAILY))
        await world.found()
        count = 0

        async def ask(life: Life, minor: int, sender: str) -> None:
            nonlocal count
            count += 1
            await life.say(
                f"refund {minor}", external_id=f"m{count}", sender=f"{sender}@example.org"
            )

        async with world.running() as life:
            await ask(life, 9_001, "kim")
            await ask(life, 6_000, "kim")
            await ask(life, 6_000, "kim")
            await life.settled()
            assert till.payments == [6_000]
        async with world.running() as life:
            await ask(life, 4_001, "kim")
            await ask(life, 4_000, "kim")
            await ask(life, 1, "kim")
            await life.settled()
            assert till.payments == [6_000, 4_000]
            for sender in "abcdefgh":
                await ask(life, 6_000, sender)
            await life.settled()
            assert sum(till.payments) == 16_000, "20,000 for all, in steps of 6,000"
            decided = [
                e for e in await life.entries("decided") if e.action and e.action.amount_minor
            ]
            reasons = {e.policy[-1].reasons for e in decided if e.policy[-1].verdict == "deny"}
            assert reasons == {
                ("limit:amount_minor_each",), ("limit:amount_minor_per_party_per_day",),
                ("limit:amount_minor_per_day",),
            }  # fmt: skip
            clock = life.house.plan.clock
            assert isinstance(clock, ManualClock)
            clock.advance(DAY_US)
            await ask(life, 9_000, "kim")
            await life.settled()
            assert till.payments[-1] == 9_000

    run(scenario)


def test_many_cases_at_once_do_not_pass_a_limit_together(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        limit = Limit(count_per_day=7)
        world = inline_world(tmp_path / "home", support(till, limit=limit))
        await world.found()
        async with world.running() as life:
            await life.receive(
                [
                    Incoming(
                        external_id=f"m{n}", sender=f"{n}@example.org", text="refund", rail="email"
                    )
                    for n in range(60)
                ]
            )
            await life.settled()
            assert len(till.payments) == 7
            assert world.mailbox.texts.count("Not refunded.") == 53

    run(scenario)


def test_what_was_surely_not_done_gives_its_room_back_even_to_another_life(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        till = Till(before=refuses(3))
        world = inline_world(
            tmp_path / "home", support(till, limit=Limit(count_per_day=1), attempts_max=3)
        )
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
        async with world.running() as life:
            await life.say("refund", external_id="m2", sender="lee@example.org")
            await life.settled()
            assert till.payments == [], "the first one may still be done"
            await life.run_out()
            await life.say("refund", external_id="m3", sender="ann@example.org")
            await life.settled()
            assert till.payments == [4_000]

    run(scenario)


def test_a_tool_called_as_a_rail_is_has_room_of_its_own(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        agent = Agent("support", owner=OWNER, desk="orders", purpose="name a tool as the rail")
        declared = support(till, limit=Limit(count_per_day=1)).tools["refund"]
        refund = agent.tools["email"] = replace(declared, name="email")

        @agent.on_message
        async def answer(ctx: Context, message: Message) -> Outcome:
            if message.text == "hello":
                return Reply("Hello.")
            asked = ctx.propose(refund, order_id="A1", amount=Money(4_000, "USD"))
            return Reply("Refunded.", after=asked, otherwise="Not refunded.")

        world = inline_world(tmp_path / "home", agent)
        await world.found()
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await life.settled()
        async with world.running() as life:  # counted out of the rows
            await life.say("refund", external_id="m2")
            await life.settled()
            assert world.mailbox.texts == ["Hello.", "Refunded."]

    run(scenario)
