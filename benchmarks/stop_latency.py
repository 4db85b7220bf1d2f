"""How long after a stop the last new effect begins: `python benchmarks/stop_latency.py [TRIALS]`.

A supervised worker works under load; its tool and its rail write down when each call begins, on the
machine's monotonic clock. Each trial stops everything or the agent, by command or by the stop file,
in half of them with a SIGKILL of the worker at that moment; then it waits while messages keep
coming, and looks when the last call began. One JSON line; exits 1 over 250 ms at p99.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from answerable.base.errors import AnswerableError
from answerable.rails.port import Ack, Incoming
from answerable.store.stopfile import StopFile
from answerable.worker.ask import ask_home
from answerable.worker.client import Client
from answerable.worker.verbs import (
    MessagesAccept,
    OwnerAccept,
    PersonAdd,
    Status,
    Stop,
)
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.control import Standing, Stopped

OWNER = "olga@acme.example"
P99_MS_MAX = 250.0
_LOOKS_FOR_S = 1.0  # how long after a stop calls would still be seen
_BATCH = 16
_SETTINGS = """
agents = ["till_agent:support"]
[rails.email]
use = "till_agent:rail"
agent = "support"
"""
_POLICY = """
@id("replies") permit (principal, action == Action::"reply", resource);
@id("tools") permit (principal, action == Action::"perform", resource);
"""
_AGENT = """
import asyncio, os, time
from pathlib import Path
from answerable import Agent, Reply

LOG = os.open(Path(__file__).parent / "begun.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def begins():
    os.write(LOG, b"%d\\n" % time.monotonic_ns())

class Mailbox:
    repeat = "idempotent"
    identifier_kind = "email"
    async def send(self, outgoing):
        begins()
        await asyncio.sleep(0.005)
        return "sent"
    async def find(self, key):
        return None

def rail(home):
    return Mailbox()

support = Agent("support", owner="olga@acme.example", desk="orders", purpose="Refund")

@support.tool(effect="refund", repeat="idempotent")
async def refund(call, order: str) -> str:
    begins()
    await asyncio.sleep(0.005)
    return "paid"

@support.on_message
async def answer(ctx, message):
    asked = ctx.propose(refund, order=message.external_id)
    return Reply("Refunded.", after=asked, otherwise="Not refunded.")
"""


@dataclass
class Load:
    """Messages of ever new senders, as fast as they are taken; a dead worker is waited for."""

    home: Path
    sent: int = 0
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        while not self._ended.is_set():
            try:
                client = await Client.connect(self.home)
                try:
                    await self._send(client)
                finally:
                    await client.close()
            except AnswerableError:
                await asyncio.sleep(0.02)

    async def _send(self, client: Client) -> None:
        while not self._ended.is_set():
            batch = tuple(
                Incoming(
                    external_id=f"m{n}", sender=f"p{n}@example.org", text="refund", rail="email"
                )
                for n in range(self.sent, self.sent + _BATCH)
            )
            self.sent += _BATCH
            await client.call(MessagesAccept(batch), list[Ack])
            while (await client.call(Status(), Standing)).waiting > 4 * _BATCH:
                await asyncio.sleep(0.005)

    def end(self) -> None:
        self._ended.set()


async def order(home: Path, verb: Stop) -> None:
    """Until it is answered: whoever stops repeats, while the worker comes back."""
    while True:
        with contextlib.suppress(AnswerableError):
            try:
                await ask_home(home, verb, Stopped)
            except AnswerableError as error:
                if error.code == "not_stopped":  # the first answer was lost; it is lifted
                    return
                raise
            else:
                return
        await asyncio.sleep(0.02)


def kill_worker(home: Path) -> None:
    with contextlib.suppress(ProcessLookupError, ValueError):
        os.kill(int((home / "lock").read_text()), signal.SIGKILL)


def begun(home: Path) -> list[int]:
    text = (home / "begun.log").read_text()
    return [int(line) for line in text.splitlines()]


async def trial(home: Path, number: int) -> tuple[str, float, int]:
    """(which kind, ms from the stop to the last new call, calls seen before it in a second)."""
    by_file, is_killed = number % 2 == 0, number % 4 >= 2
    scope = "*" if number % 3 else "support"
    before = begun(home)
    stopped_at = time.monotonic_ns()
    if by_file:
        StopFile(home).press()
        if is_killed:
            kill_worker(home)
    else:
        stopping = asyncio.create_task(order(home, Stop(scope, OWNER)))
        if is_killed:
            await asyncio.sleep(0.001)  # on its way
            kill_worker(home)
        await stopping
    await asyncio.sleep(_LOOKS_FOR_S)
    after = [at for at in begun(home)[len(before) :] if at > stopped_at]
    rate = sum(1 for at in before if at > stopped_at - 1_000_000_000)
    if by_file:
        StopFile(home).lift()
    else:
        await order(home, Stop(scope, OWNER, is_on=False))
    kind = ("file" if by_file else "command") + (" + SIGKILL" if is_killed else "")
    return kind, max([0, *(at - stopped_at for at in after)]) / 1e6, rate


@asynccontextmanager
async def working(home: Path) -> AsyncIterator[None]:
    command = [sys.executable, "-m", "answerable.cli", "worker", "--home", str(home)]
    worker = await asyncio.create_subprocess_exec(*command, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        worker.terminate()
        await worker.wait()


def make_home(home: Path) -> Path:
    home.mkdir()
    (home / "policies").mkdir()
    (home / "answerable.toml").write_text(_SETTINGS)
    (home / "till_agent.py").write_text(_AGENT)
    (home / "policies" / "all.cedar").write_text(_POLICY)
    (home / "begun.log").touch()
    return home


async def measure(home: Path, trials: int) -> dict[str, object]:
    await ask_home(home, PersonAdd(OWNER, "Olga Owner"), Done)
    await ask_home(home, OwnerAccept("support", OWNER), Done)
    found = []
    async with working(home):
        load = Load(home)
        loading = asyncio.create_task(load.run())
        for number in range(trials):
            quiet = len(begun(home))
            while len(begun(home)) < quiet + 4 * _BATCH:  # under load again
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.2)
            found.append(await trial(home, number))
        load.end()
        await loading
    return _told(found)


def _told(found: list[tuple[str, float, int]]) -> dict[str, object]:
    every = sorted(ms for _, ms, _ in found)
    kinds = sorted({kind for kind, _, _ in found})
    return {
        "trials": len(found),
        "last_new_effect_ms_p50": round(_at(every, 0.5), 1),
        "last_new_effect_ms_p99": round(_at(every, 0.99), 1),
        "last_new_effect_ms_max": round(every[-1], 1),
        "max_by_kind": {k: round(max(ms for kind, ms, _ in found if kind == k), 1) for k in kinds},
        "effects_per_s_before_median": sorted(rate for _, _, rate in found)[len(found) // 2],
    }


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main(trials: int = 200) -> int:
    with tempfile.TemporaryDirectory(prefix="stops-") as folder:
        told = asyncio.run(measure(make_home(Path(folder) / "home"), trials))
    sys.stdout.write(json.dumps(told) + "\n")
    return 1 if float(str(told["last_new_effect_ms_p99"])) > P99_MS_MAX else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
