"""More than the machine can do, for a minute: what is accepted, what is refused, what it costs.

A served home (the worker and HTTP in processes of their own), first kept busy by 32 clients to find
its sustained rate, then offered several times that by clients who come whether or not it is ready:
by default ten times the mean of a busy hour (17.4 a second), and at least three times what it
sustains. Nobody who is refused comes again. Exit code 1 where a promise is broken:

every answer is 202, or a refusal that says when to come again as problem details; what was accepted
has one outcome, within a bounded time, and did what it did once; what was refused did nothing;
memory stands still (the last quarter of the samples against the second, as `checks/soak.py` judges
it); no process ended; the ledger verifies.

Speeds are printed and judged by nobody: client, HTTP and worker share the machine.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Self

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "peers"), str(HERE.parent / "tests")]

from served import Served, bodies, make_home, served  # noqa: E402
from wire import Answer, Link, Sender  # noqa: E402
from workload import percentile  # noqa: E402

from answerable.adapters.engines.embedded import DATABASE  # noqa: E402
from answerable.base.clock import SystemClock  # noqa: E402
from answerable.store.sqlite import open_reader  # noqa: E402
from homes import OWNER, SmallHome, until  # noqa: E402

PEAK_PER_S = 10 * 17.4
TIMES_SUSTAINED = 3
WITHIN_S = 45.0  # a wait of 30 s at the estimated rate, and half as much for the estimate
CLOCK = SystemClock()  # the worker's outcomes are stamped by the same
_LINKS_MAX = 2_500  # the server answers on 1,000, and tells the others to come again
_SETTLED_WITHIN_S = 300
_TENTH, _ALLOWANCE_BYTES, _SAMPLES_MIN = 1.1, 8_000_000, 20
_REFUSALS = (429, 503)
_NOBODY_KNOWS = ("deadline_passed", "worker_away")  # a refusal that says so itself
_DOSE_BACKLOG = "\n[worker]\nbacklog_max = 300\n"  # so that a few seconds are an overload


@dataclass
class Told:
    """What became of what was offered, as its senders heard it."""

    accepted: dict[str, float] = field(default_factory=dict)  # interaction: when, by the clock
    took_s: list[float] = field(default_factory=list)  # until accepted
    refused_s: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    amiss: list[str] = field(default_factory=list)  # neither accepted nor refused as promised

    def note(self, answer: Answer, took_s: float) -> None:
        if answer.status == 202:
            self.accepted[json.loads(answer.body)["interaction"]] = CLOCK.now() / 1e6
            self.took_s.append(took_s)
            return
        is_told = answer.status in _REFUSALS and answer.again_s is not None
        if not is_told or answer.media != "application/problem+json":
            self.amiss.append(f"{answer!r:.300}")
            return
        self.refused[json.loads(answer.body)["code"]] += 1
        self.refused_s.append(took_s)


class Crowd:
    """Comes at a steady rate, whether or not it is answered."""

    def __init__(self, url: str, secret: str) -> None:
        self._url, self._secret = url, secret
        self._idle: list[Link] = []
        self.told = Told()

    async def come(self, requests: list[bytes], per_s: float) -> float:
        """Offer them all; the seconds that it took to offer them."""
        tasks: set[asyncio.Task[None]] = set()
        began, sent = time.perf_counter(), 0
        while sent < len(requests):
            due = min(len(requests), int((time.perf_counter() - began) * per_s) + 1)
            while sent < due and len(tasks) < _LINKS_MAX:
                task = asyncio.create_task(self._offer(requests[sent]))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                sent += 1
            await asyncio.sleep(0.002)
        offered_s = time.perf_counter() - began
        await asyncio.gather(*tasks)
        for link in self._idle:
            link.close()
        return offered_s

    async def _offer(self, body: bytes) -> None:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(60):
                answer = await self._post(body)
        except (OSError, EOFError) as error:  # a timeout is an OSError
            self.told.amiss.append(repr(error))
            return
        self.told.note(answer, time.perf_counter() - began)

    async def _post(self, body: bytes) -> Answer:
        """On a connection that idles, where one does; on a new one where it just ended."""
        while self._idle:
            link = self._idle.pop()
            if not link.is_open:
                link.close()
                continue
            try:
                return self._kept(link, await link.post(body))
            except (OSError, EOFError):
                link.close()
                break
        link = await Link.open(self._url, self._secret)
        return self._kept(link, await link.post(body))

    def _kept(self, link: Link, answer: Answer) -> Answer:
        if link.is_open:
            self._idle.append(link)
        else:
            link.close()
        return answer


class Memory:
    """Resident bytes of the worker and of HTTP, each second, from a thread of its own."""

    def __init__(self, it: Served) -> None:
        self._of = {_name(pid): pid for pid in it.pids()}
        self.samples: dict[str, list[int]] = {"worker": [], "http": []}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def is_alive(self, it: Served) -> bool:
        """Whether they are the processes that they were."""
        return sorted(it.pids()) == sorted(self._of.values())

    def grew(self) -> dict[str, tuple[float, float]]:
        """Whose memory did not stand still: in the second quarter, and in the last."""
        found = {}
        for name, samples in self.samples.items():
            quarter = len(samples) // 4
            if len(samples) < _SAMPLES_MIN:
                continue
            second, last = median(samples[quarter : 2 * quarter]), median(samples[3 * quarter :])
            if last > second * _TENTH + _ALLOWANCE_BYTES:
                found[name] = (second, last)
        return found

    def _run(self) -> None:
        while not self._ended.wait(1.0):
            for name, samples in self.samples.items():
                try:
                    status = Path(f"/proc/{self._of[name]}/status").read_text()
                    samples.append(int(status.partition("VmRSS:")[2].split()[0]) * 1024)
                except (OSError, IndexError):  # it ended: `is_alive` says so
                    continue


def _name(pid: int) -> str:
    said = Path(f"/proc/{pid}/cmdline").read_bytes()
    names = {b"answerable.server.process": "http", b"answerable.worker.process": "worker"}
    return next((name for module, name in names.items() if module in said), "supervisor")


@dataclass(frozen=True)
class Done:
    """What the home has on record of what was offered."""

    interactions: int  # all that it has, of which `before` were there before
    before: int
    outcome_at_s: dict[str, float]
    not_once: int  # accepted, and without exactly one outcome
    replies: int
    refunds: int
    refunds_twice: int
    verifies: bool


def look(home: SmallHome, told: Told, before: int) -> Done:
    """After the processes have ended."""
    with closing(open_reader(home.path / "views.db")) as db:
        rows = db.execute("SELECT interaction, at FROM entry WHERE kind = 'outcome'").fetchall()
    with closing(open_reader(home.path / DATABASE)) as db:
        (interactions,) = db.execute("SELECT count(*) FROM interaction").fetchone()
        (replies,) = db.execute(
            "SELECT count(*) FROM effect WHERE kind = 'reply' AND status = 'done'"
        ).fetchone()
    often = Counter(str(row[0]) for row in rows)
    asked = Counter((home.path / "asked").read_text().splitlines())
    return Done(
        interactions, before, {str(row[0]): int(row[1]) / 1e6 for row in rows},
        sum(often[one] != 1 for one in told.accepted), replies, len(asked),
        sum(times > 1 for times in asked.values()), home.cli("ledger", "verify").code == 0,
    )  # fmt: skip


def outcomes(home: SmallHome) -> int:
    with closing(open_reader(home.path / "views.db")) as db:
        return int(db.execute("SELECT count(*) FROM entry WHERE kind = 'outcome'").fetchone()[0])


def waits_s(told: Told, done: Done) -> list[float]:
    """From each acceptance to its outcome."""
    at = done.outcome_at_s
    return [max(0.0, at[one] - since) for one, since in told.accepted.items() if one in at]


def broken(told: Told, done: Done, memory: Memory, *, lived: bool) -> list[str]:
    """Promises that were not kept, each said in a line."""
    unknown = sum(told.refused[code] for code in _NOBODY_KNOWS)
    begun, accepted = done.interactions - done.before, len(told.accepted)
    waits = waits_s(told, done)
    grew = (f"{name} {a / 1e6:.0f} -> {b / 1e6:.0f} MB" for name, (a, b) in memory.grew().items())
    found = {
        f"{len(told.amiss)} answers are amiss: {told.amiss[:1]}": told.amiss,
        f"{done.not_once} accepted messages have not one outcome": done.not_once,
        f"{begun} interactions of {accepted} accepted messages (and {unknown} of which nobody "
        "knows)": not accepted <= begun <= accepted + unknown,
        f"{done.refunds} refunds and {done.replies} replies of {done.interactions} interactions":
            not done.refunds == done.replies == done.interactions,
        f"{done.refunds_twice} refunds were asked for twice": done.refunds_twice,
        f"an outcome took {max(waits, default=0):.1f} s, of at most {WITHIN_S:g}":
            max(waits, default=0.0) > WITHIN_S,
        f"memory grew: {', '.join(grew)}": memory.grew(),
        "the worker or HTTP ended": not lived,
        "the ledger does not verify": not done.verifies,
    }  # fmt: skip
    return [said for said, is_so in found.items() if is_so]


def run(folder: Path, given: argparse.Namespace) -> dict[str, object]:
    home = make_home(folder / "home")
    if given.dose:
        home.settings.write_text(home.settings.read_text() + _DOSE_BACKLOG)
    key = home.cli("key", "add", "--person", OWNER, "--scope", "messages").check().out.strip()
    with served(home) as it:
        warm = bodies("warm", 200 if given.dose else 1_000, 1)
        sustained = _sustained(home, it, key, warm)
        per_s = given.peak or max(PEAK_PER_S, TIMES_SUSTAINED * sustained)
        before = outcomes_settled(home, len(warm))
        crowd = Crowd(it.url, key)
        requests = bodies("m", int(per_s * given.seconds), 1)
        with Memory(it) as memory:
            offered_s = asyncio.run(crowd.come(requests, per_s))
        began = time.perf_counter()
        home.settled(_SETTLED_WITHIN_S)
        drained_s = time.perf_counter() - began
        outcomes_settled(home, before + len(crowd.told.accepted))
        lived = memory.is_alive(it)
    told = crowd.told
    done = look(home, told, before)
    waits, samples = waits_s(told, done), memory.samples
    return {
        "sustained_per_s": round(sustained), "offered_per_s": round(len(requests) / offered_s),
        "offered": len(requests), "accepted": len(told.accepted), "refused": dict(told.refused),
        "amiss": len(told.amiss), "drained_s": round(drained_s, 1),
        "accepting_ms": spread(told.took_s, 1e3), "refusing_ms": spread(told.refused_s, 1e3),
        "outcome_s": spread(waits, 1.0),
        "rss_mb": {name: [round(one / 1e6) for one in of] for name, of in samples.items()},
        "done": {k: v for k, v in asdict(done).items() if k != "outcome_at_s"},
        "broken": broken(told, done, memory, lived=lived),
    }  # fmt: skip


def _sustained(home: SmallHome, it: Served, key: str, warm: list[bytes]) -> float:
    """Messages a second, worked off, with 32 clients who wait for their answers."""
    began = time.perf_counter()
    asyncio.run(Sender(it.url, key).run(warm, 32))
    home.settled(_SETTLED_WITHIN_S)
    return len(warm) / (time.perf_counter() - began)


def outcomes_settled(home: SmallHome, count: int) -> int:
    """Views are a round behind the journal: how many outcomes, once as many as that are there."""
    until(lambda: outcomes(home) >= count, 60)
    return outcomes(home)


def spread(values: list[float], unit: float) -> dict[str, float]:
    if not values:
        return {}
    parts = {"p50": 0.50, "p99": 0.99, "max": 1.0}
    return {name: round(percentile(values, part) * unit, 1) for name, part in parts.items()}


def table(found: dict[str, object]) -> str:
    rows = [(name, value) for name, value in found.items() if name not in ("rss_mb", "done")]
    memory = found["rss_mb"]
    assert isinstance(memory, dict)
    for name, of in memory.items():
        rows.append((f"{name}_mb", f"{of[0]} -> {of[-1]}, at most {max(of)}" if of else "-"))
    return "".join(f"{name:<18}{value}\n" for name, value in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--peak", type=float, default=0.0, help="messages a second to offer")
    parser.add_argument("--dose", action="store_true", help="a few seconds, and a small backlog")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.seconds = min(given.seconds, 3.0) if given.dose else given.seconds
    with tempfile.TemporaryDirectory(prefix="answerable-overload-") as folder:
        found = run(Path(folder), given)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    sys.stdout.write(table(found))
    return 1 if found["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
