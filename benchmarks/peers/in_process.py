"""Answerable in one process, driven as a test world is: the real hallway, journal and ledger.

Full durability (`synchronous=FULL`, WAL), bodies encrypted under a key of each party, Cedar
policies with conditions, an owner who accepted, limits per party and day, the case's lease, a
signed checkpoint a batch. Two decisions (refund, reply), one effect, one reply, three barriers.

Tiles and views, which a worker writes beside it, are in the figures over HTTP.

An interaction is over when the write that finishes its arrival is durable, not when the reply is
given to the rail: the others are waited for as long.
"""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from workload import AMOUNT_MINOR, REPLY, Message, Outside, main

from answerable import Agent, Context, Limit, Money, Reply, ToolCall
from answerable import Message as Said
from answerable.adapters.engines.embedded import DATABASE
from answerable.engine.port import Engine, Fence, Record
from answerable.rails.port import Incoming, Outgoing
from answerable.store.sqlite import open_reader
from answerable.testing.world import OWNER, World
from answerable.worker.collecting import collect_seldom

POLICY = """
@id("answer") permit (principal, action == Action::"reply", resource);

@id("refund-small")
permit (principal == Agent::"support", action == Action::"perform", resource == Tool::"refund")
when { context has amount && context.amount.currency == "USD" && context.amount.minor <= 20000 };

@id("refund-only-to-the-known")
forbid (principal, action == Action::"perform", resource == Tool::"refund")
when { context.grade < 1 };

@id("refunds-per-party")
forbid (principal, action == Action::"perform", resource == Tool::"refund")
when { context.party_effects_today >= 100000 };

@id("one-speaker") forbid (principal, action, resource) when { context.case_holder != "agent" };
"""
LIMIT = Limit(
    amount_minor_each=20_000,
    amount_minor_per_party_per_day=2_000_000_000,
    count_per_day=10_000_000,
    currency="USD",
)


def support(outside: Outside) -> Agent:
    """Refunds the order, and says so."""
    agent = Agent("support", owner=OWNER, desk="orders", purpose="Answer and refund")

    @agent.tool(effect="refund", repeat="idempotent", needs_grade=1, limit=LIMIT)
    async def refund(call: ToolCall, order_id: str, amount: Money) -> str:  # noqa: ARG001 - what a till would be told
        return outside.refund(call.key, amount.amount_minor)

    @agent.on_message
    async def answer(ctx: Context, message: Said) -> Reply:
        amount = Money(AMOUNT_MINOR, "USD")
        asked = ctx.propose(refund, order_id=message.external_id, amount=amount)
        return Reply(REPLY, after=asked, otherwise="We could not refund your order.")

    return agent


class Post:
    """A rail that takes every reply."""

    repeat: Literal["idempotent"] = "idempotent"
    identifier_kind = "email"

    async def send(self, outgoing: Outgoing) -> str:
        return outgoing.key

    async def find(self, _key: str) -> str | None:
        return None


class Watched:
    """The engine, and who waits for which arrival to be finished."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.accept, self.claim, self.renew = engine.accept, engine.claim, engine.renew
        self.read, self.find, self.waiting = engine.read, engine.find, engine.waiting
        self.waiting_in = engine.waiting_in
        self.drop = engine.drop
        self.ends: dict[str, asyncio.Future[None]] = {}

    async def append(
        self, fence: Fence, records: Sequence[Record], done: Sequence[str] = ()
    ) -> list[int]:
        positions = await self._engine.append(fence, records, done)
        for arrival in done:
            if end := self.ends.pop(arrival, None):
                end.set_result(None)
        return positions


def done_replies(home: Path) -> int:
    """Replies that the home has recorded as sent."""
    db = open_reader(home / DATABASE)
    sql = "SELECT count(*) FROM effect WHERE status = 'done' AND kind = 'reply'"
    found = int(db.execute(sql).fetchone()[0])
    db.close()
    return found


class InProcess:
    async def open(self, home: Path, outside: Outside, _concurrency: int) -> None:
        self._stack = AsyncExitStack()

        def watch(engine: Engine) -> Engine:
            self._watched = Watched(engine)
            return self._watched

        self._world = World(
            home=home / "home", agent=support(outside), rail=Post(), policy=POLICY,
            wrap_engine=watch,
        )  # fmt: skip
        if not (home / "home" / DATABASE).exists():  # or one that has a history
            await self._world.found()
        self._life = await self._stack.enter_async_context(self._world.running())
        collect_seldom()  # as a worker does when it is open

    async def interact(self, message: Message) -> None:
        arrival = self._life.house.hall.keyring.dedup_id("email", message.external_id)
        end = asyncio.get_running_loop().create_future()
        self._watched.ends[arrival] = end
        incoming = Incoming(
            external_id=message.external_id, sender=message.sender, text=message.text, rail="email"
        )
        (ack,) = await self._life.receive([incoming])
        if ack.is_new:
            await end
        else:
            self._watched.ends.pop(arrival, None)

    async def close(self) -> None:
        self._entries = self._life.house.hall.committer.size
        await self._life.settled()
        await self._stack.aclose()

    def replies(self, home: Path) -> int:
        return done_replies(home / "home")

    def facts(self) -> dict[str, str]:
        return {
            "durability": "WAL, synchronous=FULL, group commit, encrypted, signed",
            "answerable": version("answerable"),
            "entries": str(self._entries),
        }


if __name__ == "__main__":
    sys.exit(main(InProcess))
