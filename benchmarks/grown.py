"""One look at a home with a history, in a process of its own; prints one JSON object.

`work`: governed interactions in this process, as `peers/in_process.py` drives them, from parties
drawn by chance out of the whole history. `worker`: a real worker of the home, started, asked,
killed with SIGKILL in the middle of load, and started again. `verify`: the whole ledger.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path

from history import RAIL, connected, sender, spread

from answerable.base.chance import SeededChance
from answerable.base.errors import AnswerableError
from answerable.desk.domain import QueueItem
from answerable.rails.port import Ack, Incoming
from answerable.testing.world import OWNER
from answerable.worker.client import Client
from answerable.worker.verbs import (
    CaseList,
    DecisionWho,
    DeskList,
    InteractionShow,
    MessagesAccept,
    Overview,
    PartyList,
    PartyShow,
    Status,
    Stop,
    Verb,
)
from answerable.worker.verbs.cases import CaseRow, InteractionView, PartyRow, PartyView
from answerable.worker.verbs.control import Standing, Stopped
from answerable.worker.verbs.proofs import Who

sys.path.insert(0, str(Path(__file__).parent / "peers"))

from in_process import InProcess
from workload import Message, Outside, cpu_s, message, peak_bytes
from workload import drive as drive_all

_BATCH = 16
_WAITING_MAX = 4 * _BATCH
_ON_DESK = 50
_TICKS_S = os.sysconf("SC_CLK_TCK")
_ENDS_S = 60.0


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at: a home, how many parties its history has, a name for this look."""

    home: Path
    parties: int
    name: str
    count: int
    seed: int

    def messages(self, name: str, count: int) -> Iterator[Message]:
        chance = SeededChance(self.seed)
        for number in range(count):
            made = message(f"{self.name}-{name}", number)
            party = int(chance.uniform() * self.parties)
            yield Message(made.external_id, sender(party), made.text)


async def work(look: Look, concurrency: int = 64) -> dict[str, object]:
    """Governed interactions: wall clock, CPU and SQL statements each."""
    contender = InProcess()
    await contender.open(look.home.parent, Outside(), concurrency)
    try:
        await drive_all(contender, look.messages("warm", look.count // 5), concurrency)
        cpu, wall = cpu_s(), time.perf_counter()
        await drive_all(contender, look.messages("m", look.count), concurrency)
        wall, cpu = time.perf_counter() - wall, cpu_s() - cpu
    finally:
        await contender.close()
    return {
        "per_s": look.count / wall,
        "cpu_ms": cpu / look.count * 1e3,
        "peak_mb": peak_bytes() / 1e6,
    }


class Worker:
    """A process that holds the home."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.began = time.perf_counter()
        command = [sys.executable, "-m", "answerable.worker.process", str(home)]
        self._process = subprocess.Popen(command)

    async def ready(self) -> tuple[Client, dict[str, float]]:
        """A client as soon as it answers; what it took until then."""
        client = await connected(self._home)
        return client, {"s": time.perf_counter() - self.began, "cpu_s": self.cpu_s()}

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_S

    def peak_mb(self) -> float:
        return peak_bytes(self._process.pid) / 1e6

    def end(self, number: int) -> None:
        self._process.send_signal(number)
        self._process.wait()


async def worker(look: Look) -> dict[str, object]:
    """Start, questions, load, SIGKILL, start: what each took."""
    first = Worker(look.home)
    try:
        client, start = await first.ready()
        asked = await questions(look, client)
        await to_the_desk(look, client)
        asked["desk list"] = await timed(client, 50, lambda _: (DeskList(), list[QueueItem]))
        load = asyncio.create_task(loaded(look, client))
        await asyncio.sleep(max(1.0, look.count / 1_000))
        peak = first.peak_mb()
    finally:
        first.end(signal.SIGKILL)
    load.cancel()
    await asyncio.gather(load, return_exceptions=True)
    await client.close()
    wal = sum(path.stat().st_size for path in look.home.glob("*.db-wal"))
    second = Worker(look.home)
    try:
        client, again = await second.ready()
        await handled(client, look, "after")
        again["works_s"] = time.perf_counter() - second.began
        await idle(client)
        peak = max(peak, second.peak_mb())
        await client.close()
    finally:
        second.end(signal.SIGTERM)
    return {
        "start": start, "asked_ms": asked, "recovery": again, "peak_mb": peak,
        "wal_mb_at_kill": wal / 1e6,
    }  # fmt: skip


async def questions(look: Look, client: Client) -> dict[str, dict[str, float]]:
    """Each verb on what is drawn by chance out of the whole history."""
    chance, count = SeededChance(look.seed), max(20, look.count // 5)
    draws = [chance.uniform() for _ in range(count)]
    found = {"decision who": await timed(client, count, lambda n: (DecisionWho("", draws[n]), Who))}
    parties: list[str] = []
    for draw in draws:
        who = await client.call(DecisionWho("", draw), Who)
        parties.append(str(json.loads(who.entry)["subject"]["pid"]))
    asks: dict[str, Callable[[int], tuple[Verb, object]]] = {
        "party history": lambda n: (PartyShow(parties[n]), PartyView),
        "party list": lambda n: (PartyList(before=parties[n]), list[PartyRow]),
        "case list": lambda _: (CaseList(), list[CaseRow]),
        "overview": lambda _: (Overview(), dict),
    }
    for name, ask in asks.items():
        found[name] = await timed(client, count, ask)
    return found


async def timed(
    client: Client, count: int, ask: Callable[[int], tuple[Verb, object]]
) -> dict[str, float]:
    ms = []
    for number in range(count):
        verb, answer = ask(number)
        began = time.perf_counter()
        await client.call(verb, answer)  # type: ignore[arg-type]
        ms.append((time.perf_counter() - began) * 1e3)
    return spread(ms)


async def to_the_desk(look: Look, client: Client) -> None:
    """As many cases wait for people in every home, however long its history is."""
    for is_on in (True, False):
        await client.call(Stop("support", by=OWNER, is_on=is_on), Stopped)
        if is_on:
            await accept(client, look, "desk", _ON_DESK)
            await idle(client)


async def accept(client: Client, look: Look, name: str, count: int, first: int = 0) -> list[Ack]:
    batch = tuple(
        Incoming(
            external_id=f"{look.name}-{name}-{number}", sender=f"{name}{number}@new.example",
            text="Please refund my order.", rail=RAIL,
        )
        for number in range(first, first + count)
    )  # fmt: skip
    return await client.call(MessagesAccept(batch), list[Ack])


async def idle(client: Client) -> None:
    async with asyncio.timeout(_ENDS_S):
        while True:
            now = await client.call(Status(), Standing)
            if not now.waiting and not now.in_flight:
                return
            await asyncio.sleep(0.005)


async def loaded(look: Look, client: Client) -> None:
    """Messages as fast as they are taken, until the worker is gone."""
    sent = 0
    with contextlib.suppress(AnswerableError):
        while True:
            await accept(client, look, "load", _BATCH, sent)
            sent += _BATCH
            while (await client.call(Status(), Standing)).waiting > _WAITING_MAX:
                await asyncio.sleep(0.002)


async def handled(client: Client, look: Look, name: str) -> None:
    """A message is taken, answered, and its end is durable."""
    (ack,) = await accept(client, look, name, 1)
    while True:
        view = await client.call(InteractionShow(ack.interaction, wait_s=30), InteractionView)
        if view.disposition not in ("", "open", "waiting"):
            return
        await asyncio.sleep(0.01)


async def verify(look: Look) -> dict[str, object]:
    began = time.perf_counter()
    command = [sys.executable, "-m", "answerable.cli", "ledger", "verify", "--json"]
    process = await asyncio.create_subprocess_exec(*command, "--home", str(look.home), stdout=-1)
    out, _ = await process.communicate()
    told = json.loads(out)
    if not told["verified"]:
        raise SystemExit(f"{look.home} does not verify: {told}")
    return {"s": time.perf_counter() - began, "cpu_s": cpu_s(), "entries": told["entries"]}


LOOKS: dict[str, Callable[[Look], Coroutine[None, None, dict[str, object]]]] = {
    "work": work, "worker": worker, "verify": verify,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("look", choices=LOOKS)
    parser.add_argument("home", type=Path)
    parser.add_argument("--parties", type=int, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--count", type=int, default=2_000)
    given = parser.parse_args()
    seed = sum(given.name.encode())
    look = Look(given.home, given.parties, given.name, given.count, seed)
    sys.stdout.write(json.dumps(asyncio.run(LOOKS[given.look](look))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
