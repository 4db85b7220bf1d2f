"""A first agent, its tool, and a rail that writes replies to a file: all that a home needs."""

import json
from pathlib import Path
from typing import Literal

from answerable import Agent, Context, Escalation, Message, Money, Reply, ToolCall
from answerable.rails.port import Outgoing, Rail

PRICES = {"A1": Money(3_990, "USD"), "A2": Money(12_500, "USD")}
REFUNDS: dict[str, str] = {}  # stands for the other system: it honours our key

support = Agent(
    "support", owner="olive@acme.example", desk="orders",
    purpose="Answer order questions and refund up to 50 USD",
)  # fmt: skip


@support.tool(effect="refund", repeat="idempotent", needs_grade=1)
async def refund(call: ToolCall, order_id: str, amount: Money) -> str:
    return REFUNDS.setdefault(call.key, f"refund of {amount} for {order_id}")


async def find_order(text: str) -> str | None:
    return next((order for order in PRICES if order in text), None)


@support.on_message
async def answer(ctx: Context, message: Message) -> Reply | Escalation:
    order = await ctx.step(find_order, message.text)
    if order is None:
        return ctx.escalate("No order matches")
    if "refund" not in message.text:
        return Reply(f"Order {order} ships on Tuesday.")
    asked = ctx.propose(refund, order_id=order, amount=PRICES[order])
    return Reply(f"Order {order} is refunded.", after=asked, otherwise="We cannot refund that.")


class FileRail:
    """Replies are lines of a file. A look-up by key reads them back: so it is reconcilable."""

    repeat: Literal["reconcilable"] = "reconcilable"
    identifier_kind = "email"

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, outgoing: Outgoing) -> str:
        with self._path.open("a", encoding="utf-8") as file:
            line = {"key": outgoing.key, "to": outgoing.to, "text": outgoing.text}
            file.write(json.dumps(line) + "\n")
        return outgoing.key

    async def find(self, key: str) -> str | None:
        if not self._path.exists():
            return None
        lines = self._path.read_text(encoding="utf-8").splitlines()
        return next((key for line in lines if json.loads(line)["key"] == key), None)


def file_rail(home: Path) -> Rail:
    """What `answerable.toml` names: makes the rail of a home."""
    return FileRail(home / "outbox.jsonl")
