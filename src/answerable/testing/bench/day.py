"""The workload: receive, resolve, a turn, two decisions, one effect, one reply, all recorded."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

from answerable.base.errors import Broken
from answerable.base.money import Money
from answerable.rails.port import Incoming, Outgoing
from answerable.sdk.agent import Agent
from answerable.sdk.call import ToolCall
from answerable.sdk.context import Context
from answerable.sdk.words import Reply
from answerable.telemetry.stages import Stages
from answerable.testing.bench.sampler import Sampler
from answerable.testing.world import OWNER, Life, World
from answerable.worker.collecting import collect_seldom

STAGES = ("receive", "resolve", "route", "run", "decide", "act", "record")
_WARM_UP = 200
_PARTIES = 5_000
_AMOUNT_MINOR = 4_000
POLICY = """
@id("replies") permit (principal, action == Action::"reply", resource);
@id("small-refunds") permit (principal, action == Action::"perform", resource == Tool::"refund")
  when { context has amount && context.amount.minor <= 5000 && context.party_effects_today < 500 };
"""
_TEXT = "Please refund my order, it came late and broken. " + "y" * 380
_REPLY = "We have refunded your order. " + "x" * 470


@dataclass
class _Outside:
    """Does what is asked once per key, and tells the driver whose reply has come."""

    done: set[str] = field(default_factory=set)
    replies: int = 0
    repeat: str = "idempotent"
    identifier_kind: str = "email"
    awaited: dict[str, asyncio.Event] = field(default_factory=dict)

    async def send(self, outgoing: Outgoing) -> str:
        self.replies += 1
        self.awaited.pop(outgoing.in_reply_to).set()
        return f"mail-{self.replies}"

    async def find(self, key: str) -> str | None:
        raise LookupError(f"an idempotent rail is not asked what became of {key}")


@dataclass(frozen=True, slots=True)
class Measured:
    """One run. Times in seconds, latencies in milliseconds from the call to the reply."""

    interactions: int
    concurrency: int
    seconds: float
    cpu_s: float
    p50_ms: float
    p99_ms: float
    commits: int
    records: int
    bodies: int
    bytes_on_disk: int
    stages_ms: dict[str, float]  # p50 of each stage
    samples: dict[tuple[str, str], int]  # by stage and kind of work; empty unless asked for

    @property
    def cpu_us_each(self) -> float:
        return self.cpu_s / self.interactions * 1e6


async def run(
    home: Path, interactions: int, concurrency: int, *, is_sampled: bool = False
) -> Measured:
    """In a new home. Raises Broken where what was asked for was not all done, once."""
    outside = _Outside()
    world = World(home=home, agent=_agent(outside), rail=outside, policy=POLICY)  # type: ignore[arg-type]
    await world.found()
    async with world.running() as life:
        await _drive(life, outside, range(_WARM_UP), concurrency)
        life.dispatcher.stages = Stages()
        collect_seldom()  # as a worker does when it is open
        before = _standing(life)
        sampler = Sampler() if is_sampled else None
        began, cpu = time.perf_counter(), time.process_time()
        with sampler or nullcontext():
            numbers = range(_WARM_UP, _WARM_UP + interactions)
            took = await _drive(life, outside, numbers, concurrency)
        seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
        commits, records, bodies = (
            after - earlier for after, earlier in zip(_standing(life), before, strict=True)
        )
        stages = life.dispatcher.stages
    if len(outside.done) != _WARM_UP + interactions or outside.replies != len(outside.done):
        raise Broken("An effect or a reply is missing, or was made twice: nothing was measured.")
    cuts = quantiles(took, n=100)
    return Measured(
        interactions, concurrency, seconds, cpu_s, cuts[49] * 1e3, cuts[98] * 1e3,
        commits, records, bodies, _size(home),
        {name: stages.percentile_ms(name, 0.5) for name in STAGES},
        dict(sampler.seen) if sampler else {},
    )  # fmt: skip


def _agent(outside: _Outside) -> Agent:
    agent = Agent("support", owner=OWNER, desk="orders", purpose="refunds")

    @agent.tool(effect="refund", repeat="idempotent", needs_grade=1)
    async def refund(call: ToolCall, order_id: str, amount: Money) -> str:
        outside.done.add(call.key)
        return f"refunded {amount.amount_minor} of {order_id}"

    @agent.on_message
    async def answer(ctx: Context, message: object) -> Reply:
        order = str(getattr(message, "external_id", ""))
        asked = ctx.propose(refund, order_id=order, amount=Money(_AMOUNT_MINOR, "USD"))
        return Reply(_REPLY, after=asked, otherwise="A colleague will answer you.")

    return agent


async def _drive(life: Life, outside: _Outside, numbers: range, concurrency: int) -> list[float]:
    """Each of `concurrency` customers writes when the last one was answered; seconds of each."""
    took: list[float] = []
    waiting = iter(numbers)

    async def write(numbers: Iterator[int]) -> None:
        for number in numbers:
            name = f"m{number}"
            answered = outside.awaited[name] = asyncio.Event()
            began = time.perf_counter()
            sender = f"c{number % _PARTIES}@example.org"
            letter = Incoming(external_id=name, sender=sender, text=_TEXT, rail="email")
            await life.receive([letter])
            await answered.wait()
            took.append(time.perf_counter() - began)

    await asyncio.gather(*(write(waiting) for _ in range(concurrency)))
    await life.settled()
    return took


def _size(home: Path) -> int:
    return sum(one.stat().st_size for one in home.rglob("*") if one.is_file())


def _standing(life: Life) -> tuple[int, int, int]:
    """Commits, records and bodies so far."""
    records, bodies = life.db.execute("SELECT count(*), count(body) FROM record").fetchone()
    return life.house.journal.commits, records, bodies
