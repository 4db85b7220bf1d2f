"""Complete answers in a long history: `python benchmarks/about_at_a_million.py [ENTRIES] [FOLDER]`.

Builds a home of that many sealed entries, spread over a year, through the real committer and
journal (see `history.py`: each fifth interaction is from a new party, and one owner answers for
all of them), and starts its worker, which closes the year's days. Then it asks for everything of
parties drawn by chance, and for a quarter of the owner: closed, found, proven and encoded, and
beside that how long checking takes. Prints JSON; exit code 1 where a bar is not held.
"""

import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import history
from history import connected, project, spread

from answerable.adapters.engines.embedded.journal import DATABASE
from answerable.base.chance import SeededChance
from answerable.base.clock import DAY_US, SystemClock
from answerable.compose.configured import office_plan, plan
from answerable.compose.house import Plan
from answerable.ledger.answer import Question, read_answer, verify_answer
from answerable.store.sqlite import open_reader
from answerable.testing.world import OWNER
from answerable.worker.answering import answer_from, encode_answer
from answerable.worker.client import Client
from answerable.worker.commands.office import Office
from answerable.worker.process import open_office
from answerable.worker.verbs import LedgerClose
from answerable.worker.verbs.completeness import Closed
from answerable.worker.verification import keys_of

PARTY_BAR_MS, QUARTER_BAR_MS = 100.0, 2_000.0
_PARTIES, _QUARTERS = 200, 3
_YEAR_US = 365 * DAY_US


@dataclass
class YearClock(SystemClock):
    """A year that goes by as the entries are written, and ends today."""

    entries: int
    size: Callable[[], int] = int
    began_us: int = field(default_factory=lambda: SystemClock().now() - _YEAR_US)

    def now(self) -> int:
        return self.began_us + min(self.size(), self.entries) * _YEAR_US // self.entries


def build(home: Path, entries: int) -> dict[str, float]:
    clock = YearClock(entries)

    async def opened(settled: Plan, *, works: bool) -> Office:
        office = await open_office(settled, works=works)
        committer = office.house.hall.committer
        clock.size = lambda: committer.size
        return office

    swapped = {
        "plan": lambda home: replace(plan(home), clock=clock),
        "office_plan": lambda home: replace(office_plan(home), clock=clock),
        "open_office": opened,
    }
    for name, swap in swapped.items():  # what `build` asks for, on this clock
        setattr(history, name, swap)
    return asyncio.run(history.build(home, entries))


def drawn_parties(home: Path) -> list[str]:
    with closing(open_reader(home / DATABASE)) as state:
        names = state.execute("SELECT name FROM counter WHERE name LIKE 's/%'").fetchall()
    chance = SeededChance(5)
    return [names[int(chance.uniform() * len(names))][0][2:] for _ in range(_PARTIES)]


async def ask(client: Client, home: Path, question: Question, person: str = "") -> dict[str, float]:
    """Milliseconds: until the answer is a file, and to check it; what it has."""
    began = time.perf_counter()
    closed = await client.call(LedgerClose(person), Closed)
    question = Question(
        party=question.party, owner=closed.person, since=question.since, until=question.until
    )
    data = encode_answer(answer_from(home, question))
    answered = time.perf_counter()
    whole = verify_answer(read_answer(data), await asyncio.to_thread(keys_of, home))
    checked = time.perf_counter()
    return {
        "ms": (answered - began) * 1e3, "check_ms": (checked - answered) * 1e3,
        "entries": len(whole.entries), "bytes": len(data),
    }  # fmt: skip


async def measure(home: Path) -> dict[str, object]:
    client = await connected(home)
    await client.call(LedgerClose(), Closed)
    parties = [await ask(client, home, Question(party=p)) for p in drawn_parties(home)]
    now_us = SystemClock().now()
    quarter = Question(
        owner="-", since=now_us - 3 * _YEAR_US // 4, until=now_us - 2 * _YEAR_US // 4
    )
    quarters = [await ask(client, home, quarter, OWNER) for _ in range(_QUARTERS)]
    await client.close()
    return {
        "party_ms": spread([one["ms"] for one in parties]),
        "party_check_ms": spread([one["check_ms"] for one in parties]),
        "party_entries_max": max(one["entries"] for one in parties),
        "party_bytes_max": max(one["bytes"] for one in parties),
        "quarter_ms": [round(one["ms"]) for one in quarters],
        "quarter_check_ms": [round(one["check_ms"]) for one in quarters],
        "quarter_entries": quarters[0]["entries"],
        "quarter_bytes": quarters[0]["bytes"],
        "is_held": spread([one["ms"] for one in parties])["p95"] <= PARTY_BAR_MS
        and min(one["ms"] for one in quarters) <= QUARTER_BAR_MS,
    }


def main(entries: int, folder: Path) -> int:
    home = project(folder / "project")
    built = build(home, entries)
    worker = subprocess.Popen([sys.executable, "-m", "answerable.worker.process", str(home)])
    try:
        measured = asyncio.run(measure(home))
    finally:
        worker.terminate()
        worker.wait()
    memory = {"memory_mb_max": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    bars = {"party_bar_ms": PARTY_BAR_MS, "quarter_bar_ms": QUARTER_BAR_MS}
    sys.stdout.write(json.dumps({"built": built} | measured | memory | bars, indent=2) + "\n")
    return 0 if measured["is_held"] else 1


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    place = Path(tempfile.mkdtemp(prefix="about-", dir=given.get(1)))
    os.environ.pop("ANSWERABLE_HOME", None)
    try:
        sys.exit(main(int(given.get(0, "1000000")), place))
    finally:
        shutil.rmtree(place, ignore_errors=True)
