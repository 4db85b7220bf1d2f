"""The agents of a simulated company, their releases and policies: they do what a message says.

A message is a wish, written as JSON, so that who checks knows what should have come of it.
"""

import random
from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from answerable.agents.domain import Patience, Tool
from answerable.base.money import Money
from answerable.cases.domain import Message
from answerable.policy.limits import Limit
from answerable.policy.load import PolicySet, load
from answerable.sdk.agent import Agent
from answerable.sdk.call import ToolCall
from answerable.sdk.context import Context
from answerable.sdk.words import Escalation, Reply
from answerable.testing.simulator.shop import PATIENCE, TOOL_ATTEMPTS_MAX, Shop

Then = Literal["reply", "escalate", "silence", "raise", "spin", "slow"]
ToolName = Literal["refund", "label", "wire"]
AGENTS = {"mail": "shop", "sms": "bank"}
"""Rail -> the agent that answers on it."""
EACH_MAX, PARTY_DAY_MAX = 40_000, 14_000


_AMOUNTS = (700, 2_000, 3_000, 6_000, 6_000, 9_000, 9_000, 50_000)


class Wish(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a message asks for. `canary` is what no file may hold in plain."""

    canary: str
    steps: int = 0
    tools: tuple[tuple[ToolName, int], ...] = ()  # and the amount, in cents
    then: Then = "reply"

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


def read_wish(text: str) -> Wish:
    return msgspec.json.decode(text, type=Wish)


def draw_wish(chance: random.Random, canary: str, craze: ToolName | None) -> Wish:
    """`craze` is what everybody asks for these days, so that its limits are met."""
    thens: tuple[Then, ...] = ("reply", "escalate", "silence", "raise", "spin", "slow")
    then = chance.choices(thens, (80, 6, 3, 3, 3, 3))[0]
    names: tuple[ToolName, ...] = ("refund", "label", "wire")
    likely = [8 if name == craze else 1 for name in names]
    tools = tuple(
        (name, chance.choice(_AMOUNTS))
        for name in chance.choices(names, likely, k=chance.choice((0, 1, 1, 1, 2, 3)))
    )
    return Wish(canary, chance.choice((0, 0, 1, 3)), tools, then)


class House(NamedTuple):
    """What is the same for all agents of a world: how long they hold, how often a tool a day."""

    hold_s: int
    day_count_max: int


def make_agent(name: str, owner: str, version: int, shop: Shop, house: House) -> Agent:
    """One release of an agent; another `version` has another digest."""
    agent = Agent(
        name, owner=owner, desk=f"desk-{name}", purpose="does what it is told",
        hold_expires_after_s=house.hold_s, prompt=f"version {version}", turn_deadline_s=20.0,
    )  # fmt: skip
    limit = Limit(
        amount_minor_each=EACH_MAX, amount_minor_per_party_per_day=PARTY_DAY_MAX,
        count_per_day=house.day_count_max, currency="USD",
    )  # fmt: skip
    kept = Patience(
        deadline_s=PATIENCE.deadline_s, attempts_max=TOOL_ATTEMPTS_MAX, settles_s=PATIENCE.settles_s
    )

    async def find(key: str) -> str | None:
        return await shop.find(key)

    @agent.tool(effect="refund", repeat="idempotent", limit=limit, patience=kept)
    async def refund(call: ToolCall, order: str, amount: Money) -> str:
        return await shop.serve(name, "refund", call.key, (order, amount.amount_minor))

    @agent.tool(effect="label", repeat="reconcilable", find=find, limit=limit, patience=kept)
    async def label(call: ToolCall, order: str, amount: Money) -> str:
        return await shop.serve(name, "label", call.key, (order, amount.amount_minor))

    @agent.tool(effect="wire", repeat="at_most_once", limit=limit, patience=kept)
    async def wire(call: ToolCall, order: str, amount: Money) -> str:
        return await shop.serve(name, "wire", call.key, (order, amount.amount_minor))

    _handle(agent, {"refund": refund, "label": label, "wire": wire}, shop)
    return agent


def _handle(agent: Agent, tools: Mapping[str, Tool], shop: Shop) -> None:
    async def look_up(order: str, number: int) -> int:
        return await shop.look_up(order, number)

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Reply | Escalation | None:
        wish = read_wish(message.text)
        seen = [await ctx.step(look_up, message.external_id, place) for place in range(wish.steps)]
        await shop.misbehave(wish.then)
        if wish.then == "escalate":
            return ctx.escalate("as the message says")
        asked = [
            ctx.propose(tools[tool], order=message.external_id, amount=Money(cents, "USD"))
            for tool, cents in wish.tools
        ]
        if wish.then == "silence":
            return None
        text = f"about {message.external_id}: {seen} {wish.canary}"
        last = asked[-1] if asked else None
        return Reply(text, after=last, otherwise="it did not happen" if last else "")


_REPLIES = '@id("replies") permit (principal, action == Action::"reply", resource);'
_EACH = """
@id("{tool}-small") permit (principal, action == Action::"perform", resource == Tool::"{tool}")
when {{ context has amount && context.amount.minor <= {small} }};
@id("{tool}-large") @hold("owners")
permit (principal, action == Action::"perform", resource == Tool::"{tool}")
when {{ context has amount && context.amount.minor > {small} }};
"""
_HELD_REPLIES = """
@id("sms-replies") @hold("owners")
permit (principal == Agent::"bank", action == Action::"reply", resource);
@id("mail-replies") permit (principal == Agent::"shop", action == Action::"reply", resource);
"""


def verdict_of(rules: int, agent: str, name: str, amount_minor: int | None) -> str:
    """What these rules say, by hand; `amount_minor` is None for a reply."""
    if amount_minor is None:
        return "hold" if (rules, agent) == (1, "bank") else "allow"
    if (rules, name) == (1, "wire"):
        return "deny"
    return "allow" if amount_minor <= (5_000, 1_000)[rules] else "hold"


def policies() -> tuple[PolicySet, PolicySet]:
    """Two sets of rules, of which the second is stricter in some and laxer in others."""
    lax = "".join(_EACH.format(tool=tool, small=5_000) for tool in ("refund", "label", "wire"))
    strict = "".join(_EACH.format(tool=tool, small=1_000) for tool in ("refund", "label"))
    return load({"a.cedar": _REPLIES + lax}), load({"b.cedar": _HELD_REPLIES + strict})
