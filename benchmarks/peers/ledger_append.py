"""Ledger append with encrypted bodies, beside a bare insert of the same bytes in the same batches.

Units as the hallway writes them (four entries, three of them with a body) wait at the committer all
at once; it numbers, encrypts, hashes, signs, projects and appends them, at most a thousand to a
commit. Twice: for the ledger alone, whose only state is its own counters and seal, and with the
state of all rooms (parties, cases, effects, ...), as a home has it: `rooms_`. Then what stands in
the feed, byte by byte, is inserted into a table with one key, in transactions of as many rows: WAL,
`synchronous=FULL`, as the journal. Prints one JSON object.
"""

import argparse
import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from history import History, owner_in
from workload import cpu_s, peak_bytes

from answerable.adapters.engines.embedded.journal import EmbeddedJournal
from answerable.adapters.engines.embedded.state import State
from answerable.adapters.signers.file import FileSigner
from answerable.base.chance import SystemChance
from answerable.base.clock import SystemClock
from answerable.compose.configured import office_plan
from answerable.engine.port import Arrival, Record
from answerable.ledger import rows
from answerable.ledger.committer import Committer, Tools
from answerable.ledger.domain import KINDS, SEAL_KIND, decode_entry
from answerable.ledger.draft import Unit
from answerable.ledger.sealing import empty_head
from answerable.store.keys import KEYS, KeyStore, home_key
from answerable.worker.process import close_office, open_office

_ROWS_PER_STATEMENT = 256


@dataclass(frozen=True)
class Timed:
    """What it took, and what stands in the feed for it."""

    entries: int
    per_s: float
    cpu_us: float
    records: list[Record]
    commits: int


def project(db: sqlite3.Connection, records: Sequence[Record]) -> None:
    """The ledger's own state, and nothing else."""
    rows.project(db, [decode_entry(one.data) for one in records if one.kind in KINDS])
    for one in records:
        if one.kind == SEAL_KIND:
            rows.project_seal(db, one.data)


async def units_in(home: Path, count: int) -> tuple[list[Unit], Timed]:
    """The units, and what they cost at the committer of a home with all its rooms."""
    office = await open_office(office_plan(home), works=False)
    owner = await owner_in(office)
    units = list(islice(History(office, owner).units(), count))
    timed = await time_units(office.house.hall.committer, office.house.journal, units)
    await close_office(office)
    return units, timed


async def alone(home: Path, units: Sequence[Unit]) -> Timed:
    """What the same units cost where there is nothing but a ledger."""
    clock, chance = SystemClock(), SystemChance()
    state = State(schema=rows.SCHEMA, project=project)
    with (
        closing(EmbeddedJournal.open(home, clock=clock, state=state)) as journal,
        closing(KeyStore.open(home / KEYS, home_key(home, chance))) as keys,
    ):
        signer = FileSigner.open(home / "signer.key", name="acme.example/bench", chance=chance)
        counters = rows.CounterRows(journal.reader())
        tools = Tools(
            engine=journal, signer=signer, keys=keys, clock=clock, chance=chance, counters=counters
        )
        committer = Committer(tools, empty_head())
        await journal.accept([Arrival("begin", "begin", "begin", b"")])
        async for claim in journal.claim("bench", 1):
            committer.start(claim.fence)
            timed = await time_units(committer, journal, units)
            await committer.stop()
            break
    return timed


async def time_units(
    committer: Committer, journal: EmbeddedJournal, units: Sequence[Unit]
) -> Timed:
    before, size, commits = journal.end, committer.size, journal.commits
    cpu, wall = cpu_s(), time.perf_counter()
    await asyncio.gather(*map(committer.commit, units))
    wall, cpu = time.perf_counter() - wall, cpu_s() - cpu
    entries = committer.size - size
    records = [record async for record in journal.read(before)]
    return Timed(
        entries=entries, per_s=entries / wall, cpu_us=cpu / entries * 1e6, records=records,
        commits=journal.commits - commits,
    )  # fmt: skip


def insert(path: Path, records: Sequence[Record], batch: int, entries: float) -> dict[str, float]:
    """The same bytes, a transaction a batch."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA wal_autocheckpoint = 4000")
    db.execute("CREATE TABLE record (key TEXT PRIMARY KEY, kind TEXT, data BLOB, body BLOB)")
    rows = [(one.key, one.kind, one.data, one.body) for one in records]
    cpu, wall = cpu_s(), time.perf_counter()
    for start in range(0, len(rows), batch):
        db.execute("BEGIN IMMEDIATE")
        part = rows[start : start + batch]
        for at in range(0, len(part), _ROWS_PER_STATEMENT):
            some = part[at : at + _ROWS_PER_STATEMENT]
            marks = ",".join(["(?,?,?,?)"] * len(some))
            db.execute(f"INSERT INTO record VALUES {marks}", list(chain.from_iterable(some)))
        db.execute("COMMIT")
    wall, cpu = time.perf_counter() - wall, cpu_s() - cpu
    db.close()
    return {"per_s": entries / wall, "cpu_us": cpu / entries * 1e6}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--home", type=Path, required=True)
    given = parser.parse_args()
    home = given.home / "home"
    home.mkdir(parents=True)
    (home / "answerable.toml").write_text('[ledger]\norigin = "acme.example/bench"\n')
    units, rooms = asyncio.run(units_in(home, given.count))
    took = asyncio.run(alone(given.home / "alone", units))
    batch = max(1, len(took.records) // took.commits)
    bare = insert(given.home / "bare.db", took.records, batch, took.entries)
    result = {
        "entries": took.entries, "per_s": took.per_s, "cpu_us": took.cpu_us,
        "ratio": took.per_s / bare["per_s"],
        "rooms_per_s": rooms.per_s, "rooms_cpu_us": rooms.cpu_us,
        "rooms_ratio": rooms.per_s / bare["per_s"],
        "bare_per_s": bare["per_s"], "bare_cpu_us": bare["cpu_us"],
        "records_per_commit": batch, "peak_mb": peak_bytes() / 1e6,
        "facts": {"answerable": version("answerable"), "sqlite": sqlite3.sqlite_version},
    }  # fmt: skip
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
