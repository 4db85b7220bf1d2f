"""The agent of the served home, as an author writes it; copied into the home and loaded there.

Each refund is a line in a file beside it: how often the outside was asked, counted afterwards.
"""

import os
from pathlib import Path

from answerable import Agent, Context, Limit, Message, Money, Reply, ToolCall
from answerable.rails.port import Outgoing

ASKED = Path(__file__).with_name("asked")
REPLY = "We have refunded your order. " + "x" * 470
_asked = os.open(ASKED, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


class Post:
    repeat = "idempotent"
    identifier_kind = "email"

    async def send(self, outgoing: Outgoing) -> str:
        return outgoing.key

    async def find(self, _key: str) -> str | None:
        return None


def rail(_home: Path) -> Post:
    return Post()


support = Agent("support", owner="olga@acme.example", desk="orders", purpose="Answer and refund")


@support.tool(
    effect="refund",
    repeat="idempotent",
    needs_grade=1,
    limit=Limit(
        amount_minor_each=20_000,
        amount_minor_per_party_per_day=2_000_000_000,
        count_per_day=10_000_000,
        currency="USD",
    ),
)
async def refund(call: ToolCall, order_id: str, amount: Money) -> str:
    os.write(_asked, f"{call.key}\n".encode())
    return f"refunded {amount} for {order_id}"


@support.on_message
async def answer(ctx: Context, message: Message) -> Reply:
    asked = ctx.propose(refund, order_id=message.external_id, amount=Money(4_000, "USD"))
    return Reply(REPLY, after=asked, otherwise="We could not refund your order.")
