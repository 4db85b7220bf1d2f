"""The agent of the day: reads a message, looks the order up, proposes a refund, or hands over.

No language model: the day measures the platform. What an author writes is this file.
"""

from pathlib import Path

from answerable.agents.domain import Blueprint
from answerable.base.money import Money
from answerable.cases.domain import Message
from answerable.demo.classify import Reading, classifier
from answerable.demo.doors import Shop
from answerable.demo.shop import CURRENCY, NAME, Order
from answerable.policy.limits import Limit
from answerable.sdk.agent import Agent
from answerable.sdk.call import ToolCall
from answerable.sdk.context import Context
from answerable.sdk.words import Outcome, Reply

OWNER = "owner@brindlewick.example"
DESK = "orders"
AGENT = "tea"

_ANSWERS = {
    "order_lookup": "Order {order} ({item}) is {status}; it ships {ships}.",
    "answer": "Thank you for writing to {shop}. Here is what we can tell you about your question.",
}


def tea_agent(outside: Path) -> Blueprint:
    """The agent, wired to the shop that listens in `outside`."""
    shop = Shop(outside)
    agent = Agent(
        AGENT, owner=OWNER, desk=DESK, purpose="Answer order questions, refund within limits"
    )

    @agent.tool(
        effect="refund", repeat="reconcilable", find=shop.find_refund, needs_grade=1,
        limit=Limit(
            count_per_party_per_day=3, amount_minor_per_party_per_day=60_000,
            amount_minor_per_day=50_000_000, currency=CURRENCY,
        ),
    )  # fmt: skip
    async def refund(call: ToolCall, order: str, amount: Money) -> str:
        return await shop.refund(call.key, order, amount)

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Outcome:
        reading = classifier().read(f"{message.subject}\n{message.text}")
        match reading.handling:
            case "answer":
                return Reply(_ANSWERS["answer"].format(shop=NAME))
            case "order_lookup" | "refund" if not reading.order:
                return Reply("Which order is it about? Its number begins with BW-.")
            case "order_lookup" | "refund":
                order = await ctx.step(shop.find_order, reading.order)
                if order is None:
                    return ctx.escalate("No order has this number")
                if reading.handling == "order_lookup":
                    return Reply(_about(order))
                return _refund(ctx, order, reading)
            case "desk":
                return ctx.escalate("A matter for people")
            case _:
                return ctx.escalate("Outside what this agent was made for")

    def _refund(ctx: Context, order: Order, reading: Reading) -> Outcome:
        amount = Money(reading.amount_minor or order.amount_minor, CURRENCY)
        asked = ctx.propose(refund, order=order.order, amount=amount)
        return Reply(
            f"We have refunded {amount} for order {order.order}.",
            after=asked,
            otherwise=f"We could not refund order {order.order}; it stays as it is.",
        )

    return agent.blueprint()


def _about(order: Order) -> str:
    return _ANSWERS["order_lookup"].format(
        order=order.order, item=order.item, status=order.status, ships=order.ships
    )
