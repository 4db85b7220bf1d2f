"""Ledger append with encrypted bodies, beside a bare insert of the same bytes in the same batches.

Units as the hallway writes them (four entries, three of them with a body) wait at the committer all
at once; it numbers, encrypts, hashes, signs, projects and appends them, at most a thousand to a
commit. Then what stands in the feed, byte by byte, is inserted into a table with one key, in
transactions of as many rows: WAL, `synchronous=FULL`, as the journal. Prints one JSON object.
"""

import argparse
import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from history import History, owner_in
from workload import cpu_s, peak_bytes

from answerable.compose.configured import office_plan
from answerable.engine.port import Record
from answerable.worker.process import close_office, open_office

_ROWS_PER_STATEMENT = 256


async def append(home: Path, count: int) -> tuple[dict[str, float], list[Record], int]:
    """What `count` units cost at the committer, their records, and how many went into a commit."""
    office = await open_office(office_plan(home), works=False)
    owner = await owner_in(office)
    house = office.house
    units = list(islice(History(office, owner).units(), count))
    before = [record.position async for record in house.hall.engine.read(0)][-1]
    size, commits = house.hall.committer.size, house.journal.commits
    cpu, wall = cpu_s(), time.perf_counter()
    await asyncio.gather(*(house.hall.committer.commit(unit) for unit in units))
    wall, cpu = time.perf_counter() - wall, cpu_s() - cpu
    entries = house.hall.committer.size - size
    commits = house.journal.commits - commits
    records = [record async for record in house.hall.engine.read(before)]
    await close_office(office)
    took = {"per_s": entries / wall, "cpu_us": cpu / entries * 1e6, "entries": float(entries)}
    return took, records, max(1, len(records) // commits)


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
    took, records, batch = asyncio.run(append(home, given.count))
    bare = insert(given.home / "bare.db", records, batch, took["entries"])
    result = took | {
        "bare_per_s": bare["per_s"], "bare_cpu_us": bare["cpu_us"],
        "ratio": took["per_s"] / bare["per_s"], "records_per_commit": batch,
        "peak_mb": peak_bytes() / 1e6,
        "facts": {"answerable": version("answerable"), "sqlite": sqlite3.sqlite_version},
    }  # fmt: skip
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
