"""The agent and the worlds that the hallway's tests share."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Literal

from answerable import Agent, Context, Message, Money, Patience, Reply, ToolCall
from answerable.base.clock import ManualClock
from answerable.effects.domain import EffectState
from answerable.effects.errors import NotDone, OutcomeUnknown
from answerable.policy.limits import Limit
from answerable.sdk.words import Outcome
from answerable.testing.world import OWNER, Life, Till, World

Repeat = Literal["idempotent", "reconcilable", "at_most_once"]
Fault = Callable[[str], Awaitable[None]]
HOLD_TOOLS = """
@id("replies") permit (principal, action == Action::"reply", resource);
@id("tools") @hold("desk") permit (principal, action == Action::"perform", resource);
"""


class Runs:
    """How often the agent's own code was run."""

    def __init__(self) -> None:
        self.count = 0


def support(
    till: Till, *, repeat: Repeat = "reconcilable", limit: Limit | None = None,
    runs: Runs | None = None, deadline_s: float = 10.0, attempts_max: int = 6,
) -> Agent:  # fmt: skip
    """Refunds on 'refund', hands over on 'human', thinks on 'think', answers everything else."""
    agent = Agent("support", owner=OWNER, desk="orders", purpose="Answer and refund")

    async def find(key: str) -> str | None:
        return await till.find(key)

    @agent.tool(
        effect="refund", repeat=repeat, find=find, limit=limit,
        patience=Patience(deadline_s=deadline_s, attempts_max=attempts_max),
    )  # fmt: skip
    async def refund(call: ToolCall, order_id: str, amount: Money) -> str:
        return await till.pay(call.key, amount.amount_minor)

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Outcome:
        if runs is not None:
            runs.count += 1
        if "refund" in message.text:
            minor = next((int(word) for word in message.text.split() if word.isdigit()), 4_000)
            asked = ctx.propose(refund, order_id="A1", amount=Money(minor, "USD"))
            return Reply("Refunded.", after=asked, otherwise="Not refunded.")
        if "human" in message.text:
            return ctx.escalate("wants a person")
        if "think" in message.text:
            return await ctx.think("Be kind.")
        return Reply(f"About {message.text}.")

    return agent


def inline_world(home: Path, agent: Agent, *, policy: str = "", **more: Any) -> World:
    """One loop, one thread, time by hand."""
    world = World(
        home=home, agent=agent, clock=ManualClock(), is_threaded=False, **more,
    )  # fmt: skip
    if policy:
        world.policy = policy
    return world


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


def refuses(times: int, *, is_final: bool = False, reason: str = "busy") -> Fault:
    """The other side surely does nothing, the first `times` times."""
    left = [times]

    async def before(_key: str) -> None:
        if left[0]:
            left[0] -= 1
            raise NotDone(reason, is_final=is_final)

    return before


async def hangs(_key: str) -> None:
    await asyncio.sleep(3600)


def queue_of(life: Life) -> list[tuple[str, str]]:
    """(queue, why) of what waits at the desk."""
    return [
        (row[0], row[1])
        for row in life.db.execute("SELECT queue, code FROM queue_item ORDER BY since")
    ]


def scene(tmp_path: Path, till: Till, **agent: Any) -> World:
    world = inline_world(tmp_path / "home", support(till, **agent))
    world.mailbox.repeat = agent.get("repeat", "reconcilable")
    return world


def clock_of(life: Life) -> ManualClock:
    clock = life.house.plan.clock
    assert isinstance(clock, ManualClock)
    return clock


def refund_of(life: Life) -> EffectState:
    (refund,) = [one for one in life.effects() if one.kind == "tool"]
    return refund


def once(fault: Fault) -> Fault:
    """A fault that happens to the first call only."""
    calls = 0

    async def first(key: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            await fault(key)

    return first


async def loses_the_answer(_key: str) -> None:
    raise OutcomeUnknown("no answer")


async def breaks(_key: str) -> None:
    raise ZeroDivisionError


async def quits(_key: str) -> None:
    raise SystemExit


async def cancels(_key: str) -> None:
    raise asyncio.CancelledError
