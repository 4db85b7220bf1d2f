"""The one workload, and how a contender is measured at it. Standard library only.

Receive once -> resolve who speaks -> the agent's turn -> the intent durable -> the effect, exactly
once -> the decision (1 KB) durable -> the reply's row durable. A contender is given a message and
returns when everything is durable that it makes durable. It runs in a process of its own, so CPU
and memory are its own; the load client and the outside are a few lines in the same process, and
`nothing.py` measures those alone.

The outside counts how often it was asked under each key; afterwards each key must have been asked
once, also for the messages that are delivered a second time, and as many replies must be on disk.
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

PARTIES = 1_000
THREADS_MAX = 64  # of a contender that blocks: with 512 LangGraph was slower, DBOS the same
AMOUNT_MINOR = 4_000
REPLY = "We have refunded your order. " + "x" * 470
REASONS = "The order was late; the amount is within what this agent may give back. "
_TEXT = "Please refund my order, it came late and broken. " + "y" * 380
_DECISION_BYTES = 1_024
_DELIVERED_TWICE = 20
_WITHIN_S = 300


@dataclass(frozen=True, slots=True)
class Message:
    external_id: str
    sender: str
    text: str


def message(name: str, number: int) -> Message:
    return Message(f"{name}-{number}", f"c{number % PARTIES}@example.org", _TEXT)


def intent(key: str, party: str) -> dict[str, object]:
    """What is about to be done, as far as a contender has no form of its own for it."""
    return {"key": key, "party": party, "tool": "refund", "amount_minor": AMOUNT_MINOR}


def decision(key: str, party: str, receipt: str) -> str:
    """A decision of 1 KB as JSON."""
    said = {"key": key, "party": party, "verdict": "allow", "receipt": receipt, "reasons": ""}
    rest = _DECISION_BYTES - len(json.dumps(said))
    said["reasons"] = (REASONS * (rest // len(REASONS) + 1))[:rest]
    return json.dumps(said)


class Outside:
    """The other system: honours an idempotency key, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def refund(self, key: str, amount_minor: int) -> str:
        self.asked[key] += 1
        return f"refunded {amount_minor} {key}"


class Contender(Protocol):
    """What is measured. `interact` returns when the interaction is as durable as it will be."""

    async def open(self, home: Path, outside: Outside, concurrency: int) -> None: ...

    async def interact(self, message: Message) -> None: ...

    async def close(self) -> None: ...

    def replies(self, home: Path) -> int:
        """How many replies are on disk, counted after `close`."""

    def facts(self) -> dict[str, str]:
        """Versions, and the durability that was found to be in force."""


@dataclass(frozen=True, slots=True)
class Load:
    count: int
    warm: int
    concurrency: int


def main(make: Callable[[], Contender], arguments: Sequence[str] | None = None) -> int:
    """Measure a contender in this process; prints one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--warm", type=int, default=100)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--empty", action="store_true", help="only the bytes of an empty home")
    given = parser.parse_args(arguments)
    given.home.mkdir(parents=True)
    load = Load(given.count, given.warm, given.concurrency)
    work = empty(make(), given.home) if given.empty else measure(make(), given.home, load)
    result = asyncio.run(work)
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


async def empty(contender: Contender, home: Path) -> dict[str, object]:
    """What an empty home of the contender takes: what is not of its interactions."""
    await contender.open(home, Outside(), 1)
    await contender.close()
    return {"home_bytes": size_of(home)}


async def measure(contender: Contender, home: Path, load: Load) -> dict[str, object]:
    outside = Outside()
    await contender.open(home, outside, load.concurrency)
    try:
        async with asyncio.timeout(_WITHIN_S):
            await drive(contender, _messages("warm", load.warm), load.concurrency)
            cpu, wall = cpu_s(), time.perf_counter()
            took = await drive(contender, _messages("m", load.count), load.concurrency)
            wall, cpu = time.perf_counter() - wall, cpu_s() - cpu
            again = min(_DELIVERED_TWICE, load.count)
            await drive(contender, _messages("m", again), load.concurrency)
        peak = peak_bytes()
    finally:
        await contender.close()
    _check(contender, home, outside, load.count + load.warm)
    return {
        "count": load.count,
        "per_s": load.count / wall,
        "cpu_ms": cpu / load.count * 1e3,
        "ms_p50": percentile(took, 0.50) * 1e3,
        "ms_p99": percentile(took, 0.99) * 1e3,
        "home_bytes": size_of(home),
        "interactions": load.count + load.warm,
        "peak_mb": peak / 1e6,
        "facts": contender.facts(),
    }


def _messages(name: str, count: int) -> Iterator[Message]:
    return (message(name, number) for number in range(count))


async def drive(contender: Contender, waiting: Iterator[Message], concurrency: int) -> list[float]:
    """Keep `concurrency` interactions on their way until none waits; the seconds of each."""
    took: list[float] = []

    async def client() -> None:
        for one in waiting:
            began = time.perf_counter()
            await asyncio.sleep(0)  # who blocks the others is waited for by them: that counts
            await contender.interact(one)
            took.append(time.perf_counter() - began)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(client())
    return took


def _check(contender: Contender, home: Path, outside: Outside, count: int) -> None:
    """Each effect once, each reply on disk: else there is no figure."""
    often = [key for key, times in outside.asked.items() if times != 1]
    if often or len(outside.asked) != count:
        raise SystemExit(
            f"{count} interactions: the outside was asked under {len(outside.asked)} keys, "
            f"{len(often)} of them more than once"
        )
    if (found := contender.replies(home)) != count:
        raise SystemExit(f"{count} interactions, but {found} replies are on disk")


def synchronous(level: int | str) -> str:
    """What SQLite's pragma says, in its own words: 2 is FULL, an fsync at every commit."""
    return ("OFF", "NORMAL", "FULL", "EXTRA")[int(level)]


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest value that at least `part` of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(len(ordered) * part * 1_000) // 1_000) - 1)]


def cpu_s() -> float:
    """User and system time of this process and of those it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak_bytes(pid: int | str = "self") -> int:
    """The most memory that a process had at once (VmHWM: `ru_maxrss` starts at its parent's)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def size_of(folder: Path) -> int:
    """Bytes in all files under a folder; one that goes away meanwhile is not counted."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(parent, name).stat().st_size
            except FileNotFoundError:
                continue
    return total
