"""What history costs: `python benchmarks/growth.py [--sizes 10000,100000,1000000] [--dose]`.

Builds a home of each size (`history.py`) and looks at each in processes of their own (`grown.py`):
rounds of governed interactions that alternate between the homes, what a worker's verbs take, its
start, its recovery from a SIGKILL in the middle of load, its memory, the whole ledger verified,
and what lies on the disk. Every look is at a copy, so that no home grows by being looked at.
Prints a table; raw figures are kept in `build/growth.json`. Exit code 1 where a bar is not held.

`--keep FOLDER` leaves the homes there, and a later run takes those that it finds.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from history import build, project
from machine import busy, describe, fsync_ms

SIZES, DOSE = (10_000, 100_000, 1_000_000), (2_000, 20_000)
COST_MAX = 1.2  # CPU of an interaction at a size, times that of the smallest home
RECOVERY_S_MAX = 5.0
MEMORY_MB_MAX = 400.0
_ROUNDS, _COUNT = 5, 2_000
_DOSE_ROUNDS, _DOSE_COUNT = 2, 200
_HERE = Path(__file__).parent
_RAW = _HERE.parent / "build" / "growth.json"
_ROOT_FILES = ("answerable.db", "views.db", "keys.db")

Figures = dict[str, float]


@dataclass
class Grown:
    """A home of one size, and what was found about it."""

    folder: Path
    built: dict[str, float]
    bytes: dict[str, int] = field(default_factory=dict)
    rounds: list[Figures] = field(default_factory=list)
    worker: list[dict[str, object]] = field(default_factory=list)
    verify: Figures = field(default_factory=dict)

    @property
    def entries(self) -> int:
        return int(self.built["entries"])

    def median(self, name: str) -> float:
        return statistics.median(each[name] for each in self.rounds)

    def of_worker(self, *names: str) -> float:
        """The median over its looks of a figure in the nested answer."""
        found = []
        for look in self.worker:
            at: object = look
            for name in names:
                at = at[name]  # type: ignore[index]
            found.append(float(at))  # type: ignore[arg-type]
        return statistics.median(found)


def grown_to(size: int, folder: Path) -> Grown:
    """The home of that size: one that lies there, or a new one."""
    place, facts = folder / f"s{size}", folder / f"s{size}.json"
    if not facts.exists():
        shutil.rmtree(place, ignore_errors=True)
        say(f"building {size} entries")
        facts.write_text(json.dumps(asyncio.run(build(project(place), size))))
    found = Grown(place, json.loads(facts.read_text()))
    found.bytes = on_disk(place / "home")
    return found


def on_disk(home: Path) -> dict[str, int]:
    """Bytes of each file of the home that grows; of the published folder as a whole."""
    found = {name: (home / name).stat().st_size for name in _ROOT_FILES}
    tiles = [path for path in (home / "ledger").rglob("*") if path.is_file()]
    found["ledger/"] = sum(path.stat().st_size for path in tiles)
    return found


def look(what: str, home: Grown, name: str, count: int) -> dict[str, object]:
    """One look at a copy of the home, in a process of its own."""
    copy = home.folder.with_name(f"{home.folder.name}-{what}")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(home.folder, copy)
    say(f"{what} {name} at {home.entries} entries")
    parties = str(int(home.built["parties"]))
    command = [sys.executable, str(_HERE / "grown.py"), what, str(copy / "home")]
    command += ["--parties", parties, "--name", name, "--count", str(count)]
    try:
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    found: dict[str, object] = json.loads(run.stdout)
    return found


def measure(homes: Sequence[Grown], rounds: int, count: int) -> None:
    """Round by round through all sizes, so that a noisy minute meets each of them."""
    for number in range(rounds):
        for home in homes if number % 2 == 0 else list(reversed(homes)):
            home.rounds.append(look("work", home, f"r{number}", count))  # type: ignore[arg-type]
    for number in range(max(1, rounds // 2)):
        for home in homes:
            home.worker.append(look("worker", home, f"w{number}", count))
    for home in homes:
        home.verify = look("verify", home, "v", count)  # type: ignore[assignment]


def table(homes: Sequence[Grown]) -> dict[str, list[float]]:
    """A row of figures each, a column a home."""
    first = homes[0].median("cpu_ms")
    rows: dict[str, list[float]] = {
        "interactions/s": [home.median("per_s") for home in homes],
        "CPU ms an interaction": [home.median("cpu_ms") for home in homes],
        "times the smallest": [home.median("cpu_ms") / first for home in homes],
    }
    for verb in homes[0].worker[0]["asked_ms"]:  # type: ignore[attr-defined]
        for part in ("p50", "p95"):
            rows[f"{verb}, ms {part}"] = [home.of_worker("asked_ms", verb, part) for home in homes]
    rows |= {
        "start, s": [home.of_worker("start", "s") for home in homes],
        "start, s of CPU": [home.of_worker("start", "cpu_s") for home in homes],
        "recovery until it answers, s": [home.of_worker("recovery", "s") for home in homes],
        "recovery until it works, s": [home.of_worker("recovery", "works_s") for home in homes],
        "recovery, s of CPU": [home.of_worker("recovery", "cpu_s") for home in homes],
        "worker's memory at most, MB": [home.of_worker("peak_mb") for home in homes],
        "write-ahead logs at the kill, MB": [home.of_worker("wal_mb_at_kill") for home in homes],
        "ledger verify, s": [float(home.verify["s"]) for home in homes],
        "ledger verify, us of CPU an entry": [
            float(home.verify["cpu_s"]) / home.entries * 1e6 for home in homes
        ],
    }
    for name in homes[0].bytes:
        rows[f"{name}, MB"] = [home.bytes[name] / 1e6 for home in homes]
        rows[f"{name}, bytes an interaction"] = [
            home.bytes[name] / home.built["interactions"] for home in homes
        ]
    rows["bytes an interaction"] = [
        sum(home.bytes.values()) / home.built["interactions"] for home in homes
    ]
    rows["bytes an entry"] = [sum(home.bytes.values()) / home.entries for home in homes]
    return rows


def bars(homes: Sequence[Grown], rows: Mapping[str, Sequence[float]]) -> dict[str, bool]:
    """What must hold at the largest size, and whether it does."""
    at = f"at {homes[-1].entries} entries"
    recovery = max(float(each["recovery"]["works_s"]) for each in homes[-1].worker)  # type: ignore[index]
    memory = max(float(each["peak_mb"]) for each in homes[-1].worker)  # type: ignore[arg-type]
    return {
        f"CPU of an interaction {at} <= {COST_MAX} x": rows["times the smallest"][-1] <= COST_MAX,
        f"recovery after SIGKILL {at} <= {RECOVERY_S_MAX} s": recovery <= RECOVERY_S_MAX,
        f"memory {at} <= {MEMORY_MB_MAX:.0f} MB": memory <= MEMORY_MB_MAX,
    }


def markdown(homes: Sequence[Grown], rows: Mapping[str, Sequence[float]]) -> str:
    heads = [f"{home.entries:,}".replace(",", " ") for home in homes]
    lines = [f"| entries | {' | '.join(heads)} |", f"|---|{'---:|' * len(heads)}"]
    lines += [
        f"| {name} | {' | '.join(f'{value:,.2f}' for value in values)} |"
        for name, values in rows.items()
    ]
    return "\n".join(lines)


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def run(sizes: Sequence[int], folder: Path, rounds: int, count: int) -> dict[str, object]:
    homes = [grown_to(size, folder) for size in sizes]
    before = busy()
    measure(homes, rounds, count)
    rows = table(homes)
    return {
        "machine": describe(folder) | {"fsync_ms": fsync_ms(folder), "busy": [before, busy()]},
        "table": rows,
        "bars": bars(homes, rows),
        "markdown": markdown(homes, rows),
        "raw": [vars(home) | {"folder": home.folder.name} for home in homes],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--dose", action="store_true", help="small homes, few rounds: CI's share")
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--count", type=int, default=_COUNT)
    parser.add_argument("--keep", type=Path, help="where homes lie, and stay")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    sizes = sorted(DOSE if given.dose else map(int, given.sizes.split(",")))
    rounds = _DOSE_ROUNDS if given.dose else given.rounds
    count = _DOSE_COUNT if given.dose else given.count
    folder = given.keep or Path(tempfile.mkdtemp(prefix="growth-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        found = run(sizes, folder, rounds, count)
    finally:
        if given.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    _RAW.parent.mkdir(exist_ok=True)
    _RAW.write_text(json.dumps(found, indent=2) + "\n")
    if given.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return 0 if all(found["bars"].values()) else 1  # type: ignore[attr-defined]
    sys.stdout.write(f"{found['markdown']}\n\n")
    held: dict[str, bool] = found["bars"]  # type: ignore[assignment]
    for words, is_held in held.items():
        sys.stdout.write(f"{'held' if is_held else 'NOT HELD'}: {words}\n")
    return 0 if all(held.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
