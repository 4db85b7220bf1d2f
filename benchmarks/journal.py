"""Records per second through the embedded journal: `python benchmarks/journal.py [FOLDER]`.

Each interaction is accept, claim, append of an intent (2 records), append of an outcome that
finishes it (2 records). Group commit needs company, so the figures rise with concurrency.
"""

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path

from answerable.adapters.engines.embedded import EmbeddedJournal
from answerable.base.clock import SystemClock
from answerable.engine.port import Arrival, Claim, Record

INTERACTIONS = {1: 500, 64: 8_000, 512: 20_000}
RECORDS_EACH = 4
DATA, BODY = b"d" * 600, b"b" * 300


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def timed(what: str, count: int, journal: EmbeddedJournal, run: Awaitable[None]) -> None:
    """Run, and print units per second, CPU and units per commit."""
    wall, cpu, commits = time.perf_counter(), cpu_s(), journal.commits
    await run
    wall, cpu = time.perf_counter() - wall, cpu_s() - cpu
    each = count / (journal.commits - commits)
    print(
        f"{what:>26} {count / wall:>9,.0f}/s {cpu / count * 1e6:>7.1f} us CPU each"
        f" {each:>8.1f} per commit"
    )


async def accepts(journal: EmbeddedJournal, concurrency: int, count: int, inboxes: int) -> None:
    async def sender(lane: int) -> None:
        for number in range(lane, count, concurrency):
            name = f"arr_{concurrency:04d}{number:020d}"
            await journal.accept([Arrival(name, f"cas_{number % inboxes}", "message", DATA)])

    await asyncio.gather(*(sender(lane) for lane in range(concurrency)))


async def work(journal: EmbeddedJournal, claim: Claim) -> None:
    arrival = claim.arrivals[0].id
    intent = [Record(f"{arrival}-{k}", "decided", DATA, BODY, arrival) for k in ("dec", "eff")]
    await journal.append(claim.fence, intent)
    end = [Record(f"{arrival}-{k}", "outcome", DATA, BODY, arrival) for k in ("don", "out")]
    await journal.append(claim.fence, end, [arrival])


async def drain(journal: EmbeddedJournal, concurrency: int, count: int) -> None:
    claims = journal.claim("bench", concurrency)
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(work(journal, await anext(claims)))
    await claims.aclose()  # type: ignore[attr-defined]


async def read_all(journal: EmbeddedJournal) -> None:
    async for _ in journal.read(0):
        pass


async def main(folder: Path) -> None:
    journal = EmbeddedJournal.open(folder, clock=SystemClock(), backlog_max=100_000)
    for concurrency, count in INTERACTIONS.items():
        print(f"concurrency {concurrency}: {count:,} interactions")
        await timed("accepted", count, journal, accepts(journal, concurrency, count, count))
        await timed(
            "records appended",
            count * RECORDS_EACH,
            journal,
            drain(journal, concurrency, count),
        )
    journal.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as temporary:
        asyncio.run(main(Path(temporary)))
