"""Complete answers in a long history: `python benchmarks/about_at_a_million.py [ENTRIES] [FOLDER]`.

Builds a home of that many sealed entries, spread over a year, through the real committer and
journal (see `history.py`: each fifth interaction is from a new party). Eight persons answer for
its agent, drawn by chance, an interaction each; but in the second quarter one of them answers for
everything. The first close, of all that was never closed, is timed, as an old home meets it after
an upgrade. Then its worker starts, and the benchmark asks for everything of parties drawn by
chance, for the third quarter of one owner among eight (the bar), and for the second quarter of the
one who has everything in it: closed, found, proven, and written to a file; and beside that how
long checking takes. Prints JSON; exit code 1 where a bar is not held.

The home is made in FOLDER and kept there, and a home that is there already is asked again; without
FOLDER it is made in a temporary folder and thrown away.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import history
from history import AGENT, connected, owner_in, project, spread

from answerable.adapters.engines.embedded.journal import DATABASE
from answerable.base.chance import SeededChance
from answerable.base.clock import DAY_US, SystemClock
from answerable.compose.configured import office_plan, plan
from answerable.compose.house import Plan
from answerable.ledger import closes
from answerable.ledger import domain as ledger
from answerable.ledger.answer import Question, read_answer, verify_answer
from answerable.ledger.draft import Draft
from answerable.store.sqlite import open_reader
from answerable.testing.world import OWNER
from answerable.worker.answering import answer_from, encode_answer
from answerable.worker.client import Client
from answerable.worker.commands import call
from answerable.worker.commands.office import Office
from answerable.worker.process import close_office, open_office
from answerable.worker.verbs import LedgerClose, OwnerAccept, PersonAdd
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.completeness import Closed
from answerable.worker.verification import keys_of

PARTY_BAR_MS, QUARTER_BAR_MS = 100.0, 2_000.0
OWNERS = 8
_PARTIES, _QUARTERS = 200, 5
_YEAR_US = 365 * DAY_US


@dataclass
class YearClock(SystemClock):
    """A year that goes by as the entries are written, and ends today."""

    entries: int
    size: Callable[[], int] = int
    began_us: int = field(default_factory=lambda: SystemClock().now() - _YEAR_US)

    def now(self) -> int:
        return self.began_us + min(self.size(), self.entries) * _YEAR_US // self.entries


class Company(history.History):
    """Several owners; in the second quarter of the history one of them has everything."""

    owners: Sequence[ledger.Owner] = ()
    entries = 0

    def _interaction(self, came: history.Came) -> list[Draft]:
        is_of_one = self._hall.committer.size * 4 // self.entries == 1
        self._owner = self.owners[0 if is_of_one else self.interactions % len(self.owners)]
        return super()._interaction(came)


async def hire(office: Office) -> ledger.Owner:
    """Each owner accepts to answer; the first one for the agent, the others for one of its kind."""
    first = await owner_in(office)
    others = []
    for number in range(1, OWNERS):
        email = f"owner{number}@acme.example"
        person = await call(office, PersonAdd(email, f"Owner {number}"))
        accepted = await call(office, OwnerAccept(f"{AGENT}{number}", email))
        if not isinstance(person, Done) or not isinstance(accepted, Done):
            raise SystemExit("no owner, no ledger")
        others.append(ledger.Owner(person=person.id, accepted_at=accepted.index))
    Company.owners = (first, *others)
    return first


def build(home: Path, entries: int) -> dict[str, float]:
    clock = YearClock(entries)
    Company.entries = entries

    async def opened(settled: Plan, *, works: bool) -> Office:
        office = await open_office(settled, works=works)
        committer = office.house.hall.committer
        clock.size = lambda: committer.size
        return office

    swapped = {
        "plan": lambda home: replace(plan(home), clock=clock),
        "office_plan": lambda home: replace(office_plan(home), clock=clock),
        "open_office": opened,
        "owner_in": hire,
        "History": Company,
    }
    for name, swap in swapped.items():  # what `build` asks for, on this clock
        setattr(history, name, swap)
    return asyncio.run(history.build(home, entries))


def drawn_parties(home: Path) -> list[str]:
    with closing(open_reader(home / DATABASE)) as state:
        names = state.execute("SELECT name FROM counter WHERE name LIKE 's/%'").fetchall()
    chance = SeededChance(5)
    return [names[int(chance.uniform() * len(names))][0][2:] for _ in range(_PARTIES)]


async def first_close_s(home: Path) -> float:
    """Of a home that was never closed, as one is that comes from before there were closes."""
    office = await open_office(office_plan(home), works=False)
    began = time.perf_counter()
    await call(office, LedgerClose(""))
    took = time.perf_counter() - began
    await close_office(office)
    return round(took, 2)


async def ask(client: Client, home: Path, question: Question, person: str = "") -> dict[str, float]:
    """Milliseconds: until the answer is a file, by the clock and of this process's own work (on a
    machine with others they differ), and to check it; what it has."""
    file = home.parent / "answer.json"
    began, began_cpu = time.perf_counter(), time.process_time()
    closed = await client.call(LedgerClose(person), Closed)
    question = Question(
        party=question.party, owner=closed.person, since=question.since, until=question.until
    )
    file.write_bytes(encode_answer(answer_from(home, question)))
    answered, answered_cpu = time.perf_counter(), time.process_time()
    whole = verify_answer(read_answer(file.read_bytes()), await asyncio.to_thread(keys_of, home))
    checked = time.perf_counter()
    return {
        "ms": (answered - began) * 1e3, "cpu_ms": (answered_cpu - began_cpu) * 1e3,
        "check_ms": (checked - answered) * 1e3,
        "entries": len(whole.entries), "bytes": file.stat().st_size,
    }  # fmt: skip


def told(asked: Sequence[dict[str, float]]) -> dict[str, object]:
    return {
        "ms": spread([one["ms"] for one in asked]),
        "cpu_ms": spread([one["cpu_ms"] for one in asked]),
        "check_ms": spread([one["check_ms"] for one in asked]),
        "entries_max": max(one["entries"] for one in asked),
        "bytes_max": max(one["bytes"] for one in asked),
    }


def quarter(home: Path, number: int) -> Question:
    """Of the year that the home's entries take, the `number`th from 0."""
    with closing(open_reader(home / DATABASE)) as state:
        times = closes.times(state)
    width = (times.latest - times.first) // 4
    since = times.first + number * width
    return Question(owner="-", since=since, until=since + width)


async def measure(home: Path) -> dict[str, object]:
    second, third = quarter(home, 1), quarter(home, 2)
    client = await connected(home)
    await client.call(LedgerClose(), Closed)
    parties = [await ask(client, home, Question(party=p)) for p in drawn_parties(home)]
    one = [await ask(client, home, third, OWNER) for _ in range(_QUARTERS)]
    alone = [await ask(client, home, second, OWNER) for _ in range(_QUARTERS)]
    await client.close()
    return {
        "party": told(parties),
        f"quarter of one of {OWNERS} owners": told(one),
        "quarter of the only owner": told(alone),
        "is_held": spread([each["ms"] for each in parties])["p95"] <= PARTY_BAR_MS
        and spread([each["ms"] for each in one])["p50"] <= QUARTER_BAR_MS,
    }


def main(entries: int, folder: Path) -> int:
    home, found = folder / "project" / "home", dict[str, object]()
    if not (home / DATABASE).exists():
        found["built"] = build(project(folder / "project"), entries)
        found["first_close_s"] = asyncio.run(first_close_s(home))
    worker = subprocess.Popen([sys.executable, "-m", "answerable.worker.process", str(home)])
    try:
        found |= asyncio.run(measure(home))
    finally:
        worker.terminate()
        worker.wait()
    found["memory_mb_max"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    found |= {"party_bar_ms": PARTY_BAR_MS, "quarter_bar_ms": QUARTER_BAR_MS}
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0 if found["is_held"] else 1


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    os.environ.pop("ANSWERABLE_HOME", None)
    with tempfile.TemporaryDirectory(prefix="about-") as thrown_away:
        sys.exit(main(int(given.get(0, "1000000")), Path(given.get(1, thrown_away))))
