"""What a strict signer costs: the same units with a key in a file, and with one in a process.

One after the other (what one caller waits), and all at once (what a busy home writes).
"""

import argparse
import asyncio
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from answerable.adapters.signers.process import FOLDER, SOCKET, Place
from answerable.compose.house import Plan
from answerable.ledger.draft import Draft, Unit
from answerable.policy.load import load
from answerable.worker.process import close_office, open_office


def units(name: str, count: int) -> list[Unit]:
    change: dict[str, str | int] = {"why": "bench"}
    return [
        Unit(drafts=[Draft(kind="gap.declared", id=f"{name}.{n}", actor="b", change=change)])
        for n in range(count)
    ]


async def measure(home: Path, place: Place | None, count: int) -> tuple[float, float]:
    """Median ms of one commit alone, and entries a second of many at once."""
    plan = Plan(home=home, policy=load({}), origin="acme.example/bench", signer=place)
    office = await open_office(plan, works=False)
    commit = office.house.hall.committer.commit
    alone = []
    for unit in units("gap_alone", count // 10):
        began = time.perf_counter()
        await commit(unit)
        alone.append((time.perf_counter() - began) * 1e3)
    began = time.perf_counter()
    await asyncio.gather(*map(commit, units("gap_many", count)))
    per_s = count / (time.perf_counter() - began)
    await close_office(office)
    return statistics.median(alone), per_s


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    for number in range(given.rounds):
        for name in ("file", "process"):
            with TemporaryDirectory() as folder:
                home = Path(folder) / "home"
                place = Place(home / SOCKET, home / FOLDER) if name == "process" else None
                ms, per_s = asyncio.run(measure(home, place, given.count))
            print(
                f"round {number + 1}  {name:8} {ms:6.2f} ms alone  {per_s:8.0f} entries/s at once"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
