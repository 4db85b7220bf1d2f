"""A world for tests: a home, one agent, a rail and an outside of ours that count and can fail."""

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from answerable.adapters.engines.embedded.writer import Commit, commit
from answerable.adapters.signers.file import FileSigner
from answerable.agents.stops import Mode
from answerable.base.chance import SeededChance
from answerable.base.clock import HOUR_US, Clock, ManualClock, SystemClock
from answerable.compose.house import House, Plan, open_house
from answerable.effects import rows as effect_rows
from answerable.effects.domain import EffectState, Status
from answerable.engine.port import Engine, Record
from answerable.ledger.checks import Verified
from answerable.ledger.domain import KINDS, Entry, decode_entry
from answerable.ledger.verify import verify_feed
from answerable.pipeline.hall import Line
from answerable.pipeline.passage import Answer
from answerable.pipeline.receive import accept_causes, accept_messages
from answerable.policy.load import PolicySet, load
from answerable.rails.port import Ack, Incoming, Outgoing, Rail
from answerable.sdk.agent import Agent
from answerable.sdk.port import Model
from answerable.worker.dispatch import Dispatcher

ALLOW_ALL = """
@id("replies") permit (principal, action == Action::"reply", resource);
@id("tools") permit (principal, action == Action::"perform", resource);
"""
OWNER = "owner@acme.example"
SPECIALIST = "sam@acme.example"

Fault = Callable[[str], Awaitable[None]]


async def _no_fault(key: str) -> None: ...


@dataclass
class Mailbox:
    """A rail in memory that outlives the house: what was sent, under which key, how often."""

    repeat: Literal["idempotent", "reconcilable", "at_most_once"] = "reconcilable"
    identifier_kind: str = "email"
    sent: list[Outgoing] = field(default_factory=list)
    before: Fault = _no_fault
    after: Fault = _no_fault

    async def send(self, outgoing: Outgoing) -> str:
        await self.before(outgoing.key)
        self.sent.append(outgoing)
        await self.after(outgoing.key)
        return f"mail-{len(self.sent)}"

    async def find(self, key: str) -> str | None:
        return next((f"found {one.key}" for one in self.sent if one.key == key), None)

    @property
    def texts(self) -> list[str]:
        return [one.text for one in self.sent]


@dataclass
class Till:
    """The other system behind an effect tool: what it did, by key."""

    done: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    before: Fault = _no_fault
    after: Fault = _no_fault

    async def pay(self, key: str, amount_minor: int) -> str:
        await self.before(key)
        self.done[key].append(amount_minor)
        await self.after(key)
        return f"paid {key}"

    async def find(self, key: str) -> str | None:
        return f"paid {key}" if self.done.get(key) else None

    @property
    def payments(self) -> list[int]:
        return [amount for amounts in self.done.values() for amount in amounts]


@dataclass(kw_only=True)
class World:
    """How to build a house again and again over one home, with the same outside."""

    home: Path
    agent: Agent
    mailbox: Mailbox = field(default_factory=Mailbox)
    policy: str | PolicySet = ALLOW_ALL
    clock: Clock = field(default_factory=SystemClock)
    seed: int = 1
    is_threaded: bool = True
    wrap_engine: Callable[[Engine], Engine] = lambda engine: engine
    commit: Commit = commit
    deadline_s: float = 10.0
    rail: Rail | None = None  # instead of the mailbox
    rail_name: str = "email"
    owner: str = OWNER
    in_flight_max: int = 256
    model: Model | None = None  # instead of the one that the agent declares
    _opened: int = 0

    def plan(self, *, with_agent: bool = True) -> Plan:
        self._opened += 1
        blueprints = (self.agent.blueprint(),) if with_agent else ()
        line = Line(self.rail or self.mailbox, self.agent.name, self.deadline_s)
        policy = self.policy
        return Plan(
            home=self.home, blueprints=blueprints, lines={self.rail_name: line}, clock=self.clock,
            policy=policy if isinstance(policy, PolicySet) else load({"world.cedar": policy}),
            models={self.agent.name: self.model} if self.model else {},
            chance=SeededChance(self.seed * 1_000_003 + self._opened),
            is_threaded=self.is_threaded, wrap_engine=self.wrap_engine,
            in_flight_max=self.in_flight_max, commit=self.commit,
        )  # fmt: skip

    @property
    def people(self) -> tuple[str, ...]:
        """The addresses of who is in the directory, in the order in which they came."""
        return tuple(dict.fromkeys((self.owner, SPECIALIST)))

    async def found(self) -> None:
        """The first day: an owner and a specialist exist, and the owner has accepted."""
        async with self._open(with_agent=False) as life:
            people = life.house.hall.people
            for email, name in zip(self.people, ("Olga Owner", "Sam Specialist"), strict=False):
                await life.house.commit_control(people.add(email, name, by="system:test"))
            unit = people.accept_ownership(self.agent.name, self.owner)
            await life.house.commit_control(unit)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Life"]:
        """A worker's life over the home, from open to close."""
        async with self._open() as life:
            yield life

    @asynccontextmanager
    async def _open(self, *, with_agent: bool = True) -> AsyncIterator["Life"]:
        life = Life(open_house(self.plan(with_agent=with_agent)))
        try:
            await life.dispatcher.start()
            yield life
        finally:
            await life.close()


class Life:
    """One worker's life."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.dispatcher = Dispatcher(house, worker="test", in_flight_max=house.plan.in_flight_max)

    async def receive(self, messages: Sequence[Incoming]) -> list[Ack]:
        return await accept_messages(self.house.hall, messages)

    async def say(self, text: str, *, external_id: str, sender: str = "kim@example.org") -> Ack:
        incoming = Incoming(external_id=external_id, sender=sender, text=text, rail="email")
        return (await self.receive([incoming]))[0]

    async def settled(self, timeout_s: float = 20.0) -> None:
        """Wait until nothing is claimed and nothing ready waits (timers may)."""
        is_inline = not self.house.plan.is_threaded
        async with asyncio.timeout(timeout_s):
            quiet = 0
            while quiet < (_QUIET_ROUNDS_INLINE if is_inline else _QUIET_ROUNDS):
                if self.dispatcher.failure is not None:
                    raise self.dispatcher.failure
                quiet = 0 if self.dispatcher.in_flight else quiet + 1
                await asyncio.sleep(0 if is_inline else 0.002)

    async def run_out(self, until_us: int = 8 * HOUR_US) -> None:
        """Let time pass from timer to timer, until none is left (or `until_us` from now)."""
        clock = self.house.plan.clock
        assert isinstance(clock, ManualClock), "time passes by hand only on a ManualClock"
        end_us = clock.now() + until_us
        await self.settled()
        while (due_us := self._next_timer_us()) is not None and due_us <= end_us:
            clock.advance(max(0, due_us - clock.now()))
            await self.settled()

    def _next_timer_us(self) -> int | None:
        row = self.db.execute(
            "SELECT min(not_before_us) FROM arrival WHERE done = 0 AND not_before_us > ?",
            (self.house.plan.clock.now(),),
        ).fetchone()
        return None if row[0] is None else int(row[0])

    @property
    def db(self) -> sqlite3.Connection:
        return self.house.hall.db

    def person(self, who: str) -> str:
        return self.house.hall.people.find(who).id

    def effects(self, *statuses: Status) -> list[EffectState]:
        """All effects of the home in these states (or in any), in order of their ids."""
        ids = [str(row[0]) for row in self.db.execute("SELECT id FROM effect ORDER BY id")]
        every = [effect_rows.find(self.db, effect_id) for effect_id in ids]
        return [one for one in every if one and (not statuses or one.status in statuses)]

    async def answer(self, effect: EffectState, says: str, *, id_: str = "", by: str = "") -> bool:
        """A person's word on an effect, by the front door; says whether it was new."""
        answer = Answer(
            interaction=effect.interaction, effect=effect.id, says=says,
            by=by or self.person(SPECIALIST), attempt=effect.attempt,
        )  # fmt: skip
        is_new = await accept_causes(self.house.hall, [(id_ or f"{effect.id}/{says}", answer, 0)])
        return is_new[0]

    async def leave(self, who: str) -> None:
        await self.house.commit_control(self.house.hall.people.leave(who, by="system:test"))

    async def stop_agent(self, scope: str, *, is_on: bool = True, mode: Mode = Mode.PAUSE) -> None:
        by = self.person(SPECIALIST)
        unit = self.house.hall.agents.stop(scope, by=by, is_on=is_on, mode=mode)
        await self.house.commit_control(unit)

    async def verified(self) -> Verified:
        """Whether the ledger is what was signed."""
        home, origin = self.house.home, self.house.plan.origin
        signer = FileSigner.open(home / "signer.key", name=origin, chance=SeededChance(0))
        return await verify_feed(self.house.hall.engine.read(0), [signer.vkey])

    async def records(self) -> list[Record]:
        return [record async for record in self.house.hall.engine.read(0)]

    async def entries(self, *kinds: str) -> list[Entry]:
        wanted = kinds or KINDS
        return [decode_entry(r.data) for r in await self.records() if r.kind in wanted]

    async def close(self) -> None:
        await self.dispatcher.stop()
        await self.house.close()

    async def die(self) -> None:
        """As a SIGKILL would: nothing is finished, nothing is said goodbye to."""
        self.house.abandon()
        await self.dispatcher.stop()


_QUIET_ROUNDS = 5
_QUIET_ROUNDS_INLINE = 40
