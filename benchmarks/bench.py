"""`make bench`: the product and its peers at one workload, interleaved, on this machine.

    python benchmarks/bench.py --peers build/bench-venv/bin/python [--rounds 3] [--dose]
                               [--concurrency 64] [--only langgraph] [--homes FOLDER]
                               [--json build/bench.json]

Round by round each contender runs in a process of its own, in a new home on the disk, then the next
one: what the machine does meanwhile meets all of them. Prints the medians, how many times theirs
ours is, and whether each bar is held; keeps every run in the JSON file. `benchmarks/peers/` says
what each contender does and how it is configured; docs/performance.md how to read the figures.
Exit code 0 where figures were taken, whatever they say.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import figures
import machine
import tables
from figures import BATCH_CLIENTS, Bar, Cell, Figures
from rich.console import Console
from rich.table import Table as Shown

from answerable.base.clock import SystemClock

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "benchmarks" / "peers"
MEMORY = Path("/dev/shm")  # noqa: S108 - asked for because it is memory
CONCURRENCIES = (1, 64, 512)
_WITHIN_S = 900
_DOSE = 10  # times less in a dose
_BUSY = 0.5  # processes that want a core, for each core, from which figures mean little


@dataclass(frozen=True, slots=True)
class Contender:
    """Who is measured: its script, whose environment it needs, how much it is given."""

    name: str
    script: str
    counts: Mapping[int, int]  # interactions, by concurrency
    is_peer: bool = False
    each: int = 1  # messages a request
    is_in_memory: bool = False

    def started(self, home: Path, peers: str) -> list[str]:
        python = peers if self.is_peer else sys.executable
        return [python, str(PEERS / self.script), "--home", str(home)]

    def command(self, cell: Cell, home: Path, peers: str, share: int) -> list[str]:
        """Its run under one load; `share` is how many times less than in full."""
        count = max(self.counts[cell.concurrency] // share, cell.concurrency * self.each)
        given = [*self.started(home, peers), "--count", str(count)]
        if self.name != figures.LEDGER:
            given += ["--concurrency", str(cell.concurrency)]
            given += ["--warm", str(max(20, count // 10))]
        if self.each > 1:
            given += ["--batch", str(self.each)]
        return given


CONTENDERS = (
    Contender(figures.OURS, "in_process.py", {1: 300, 64: 4_000, 512: 4_000}),
    Contender(figures.NO_FSYNC, "in_process.py", {1: 300}, is_in_memory=True),
    Contender(figures.LIMIT, "bare_journal.py", {1: 500, 64: 8_000, 512: 16_000}),
    Contender(figures.LANGGRAPH, "with_langgraph.py", {1: 150, 64: 600, 512: 1_024}, is_peer=True),
    Contender(figures.LANGGRAPH_ASYNC, "with_langgraph_async.py", {64: 600}, is_peer=True),
    Contender(figures.DBOS, "with_dbos.py", {1: 150, 64: 600, 512: 1_024}, is_peer=True),
    Contender(figures.TOOLKIT, "with_toolkit.py", {1: 1_000, 64: 4_000, 512: 4_000}, is_peer=True),
    Contender(figures.NOTHING, "nothing.py", {1: 20_000, 64: 20_000, 512: 20_000}),
    Contender(figures.HTTP_ONE, "served.py", {1: 300, 64: 3_000, 512: 3_000}),
    Contender(
        figures.HTTP_BATCH, "served.py", {BATCH_CLIENTS: 4_000}, each=100
    ),
    Contender(figures.LEDGER, "ledger_append.py", {1: 5_000}),
)  # fmt: skip


@dataclass
class Run:
    """What was found so far."""

    rounds: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    empty: dict[str, float] = field(default_factory=dict)  # bytes of a home with nothing in it
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, contender: Contender, cell: Cell, said: dict[str, object]) -> None:
        facts = said.pop("facts", {})
        assert isinstance(facts, dict)
        self.facts[contender.name] = facts
        numbers = {name: float(value) for name, value in said.items()}  # type: ignore[arg-type]
        if "interactions" in numbers:
            grown = numbers["home_bytes"] - self.empty.get(contender.name, 0.0)
            numbers["bytes"] = grown / numbers["interactions"]
        self.rounds.setdefault(cell.key, []).append(numbers)

    @property
    def medians(self) -> dict[str, dict[str, float]]:
        return {key: figures.medians(runs) for key, runs in self.rounds.items()}

    @property
    def spread(self) -> dict[str, dict[str, float]]:
        return {
            key: {
                "low": min(run["per_s"] for run in runs),
                "high": max(run["per_s"] for run in runs),
            }
            for key, runs in self.rounds.items()
        }


def plan(only: Sequence[str], concurrencies: Sequence[int]) -> list[tuple[Contender, Cell]]:
    """Who runs at what, in the order of one round: those that are compared, one after the other."""
    chosen = [
        one for one in CONTENDERS
        if not only or any(word.lower() in one.name.lower() for word in only)
    ]  # fmt: skip
    loads = sorted({load for one in chosen for load in one.counts})
    return [
        (one, Cell(one.name, load))
        for load in loads
        for one in chosen
        if load in one.counts and (load in concurrencies or one.name == figures.HTTP_BATCH)
    ]


def measure(run: Run, contender: Contender, cell: Cell, command: Sequence[str]) -> None:
    """One run of one contender; why there is no figure, where there is none."""
    said = asked(command)
    if isinstance(said, str):
        is_absent = said.startswith("not installed")
        run.missing[contender.name if is_absent else cell.key] = said
    else:
        run.add(contender, cell, said)


def asked(command: Sequence[str]) -> dict[str, object] | str:
    """What a contender's process says; or, in words, why it says nothing."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_WITHIN_S, cwd=ROOT
        )
    except FileNotFoundError:
        return f"not installed: there is no {command[0]}"
    except subprocess.TimeoutExpired:
        return f"failed: did not end within {_WITHIN_S} s"
    if done.returncode == 0:
        return dict(json.loads(done.stdout))
    last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    is_absent = last.startswith("ModuleNotFoundError")
    return f"{'not installed' if is_absent else 'failed'}: {last}"


def weigh(run: Run, contenders: Iterable[Contender], folder: Path, peers: str) -> None:
    """The bytes of each one's empty home; who is not installed is known from here on."""
    for contender in contenders:
        home = folder / "empty"
        said = asked([*contender.started(home, peers), "--empty"])
        if isinstance(said, str):
            run.missing[contender.name] = said
        else:
            run.empty[contender.name] = float(said["home_bytes"])  # type: ignore[arg-type]
        shutil.rmtree(home, ignore_errors=True)


def home_of(contender: Contender, folder: Path) -> Path | None:
    """A new place for its files; None where it wants memory and there is none."""
    if not contender.is_in_memory:
        return folder / "run"
    return MEMORY / f"answerable-bench-{folder.name}" if MEMORY.is_dir() else None


def rounds(given: argparse.Namespace, folder: Path, talk: Console) -> dict[str, object]:
    """All rounds; what is kept of them."""
    run, cells = Run(), plan(given.only, given.concurrency)
    share = _DOSE if given.dose else 1
    syncs, busy = [], []
    chosen = {one.name: one for one, _ in cells if one.name != figures.LEDGER}
    described, first_busy = machine.describe(folder), machine.busy()
    weigh(run, chosen.values(), folder, given.peers)
    for number in range(given.rounds):
        syncs.append(machine.fsync_ms(folder))
        busy.append(machine.busy() if number else first_busy)
        first = number * len(cells) // given.rounds
        for contender, cell in [*cells[first:], *cells[:first]]:
            if contender.name in run.missing or cell.key in run.missing:
                continue
            home = home_of(contender, folder)
            if home is None:
                run.missing[contender.name] = f"there is no {MEMORY}"
                continue
            talk.print(f"round {number + 1} of {given.rounds}: {cell.key}", style="dim")
            try:
                measure(run, contender, cell, contender.command(cell, home, given.peers, share))
            finally:
                shutil.rmtree(home, ignore_errors=True)
    return {
        "taken_at_us": SystemClock().now(), "rounds": given.rounds, "is_dose": given.dose,
        "machine": described, "fsync_ms": syncs, "busy": busy,
        "memory": f"in {MEMORY}" if MEMORY.is_dir() else "not measured",
        "medians": run.medians, "spread": run.spread, "facts": run.facts,
        "missing": run.missing, "empty_bytes": run.empty, "runs": run.rounds,
    }  # fmt: skip


def show(found: Mapping[str, Figures], kept: Mapping[str, object], talk: Console) -> list[Bar]:
    """The tables, and what has to be known beside them."""
    bars, spread = figures.bars(found), kept["spread"]
    assert isinstance(spread, dict)
    for table in tables.every(found, spread, bars):
        talk.print(shown(table.title, table.head, table.rows))
    for line in tables.notes(kept):
        talk.print(line, highlight=False)
    return bars


def is_busy(kept: Mapping[str, object]) -> bool:
    """Whether others wanted the cores before the first round; later ones follow our own work."""
    busy, described = kept["busy"], kept["machine"]
    assert isinstance(busy, list)
    assert isinstance(described, dict)
    return bool(busy[0] > _BUSY * described["cores"])


def shown(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Shown:
    table = Shown(title=title, title_justify="left")
    for number, column in enumerate(head):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    return table


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=sys.executable, help="the Python that has the peers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dose", action="store_true", help="one round, a tenth: does it work?")
    parser.add_argument("--concurrency", type=int, action="append", choices=CONCURRENCIES)
    parser.add_argument("--only", action="append", default=[], help="part of a contender's name")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench.json")
    parser.add_argument("--homes", type=Path, default=ROOT / "build", help="a folder on a disk")
    given = parser.parse_args()
    given.concurrency = given.concurrency or list(CONCURRENCIES)
    given.rounds = 1 if given.dose else given.rounds
    return given


def main() -> int:
    given, talk = parsed(), Console(stderr=True)
    if given.rounds < 1 or not plan(given.only, given.concurrency):
        sys.exit(f"bench: nothing to run; contenders: {', '.join(c.name for c in CONTENDERS)}")
    if machine.filesystem(given.homes).startswith("tmpfs"):
        sys.exit(f"bench: {given.homes} is in memory; name a folder on a disk with --homes")
    folder = given.homes / "bench-homes"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kept = rounds(given, folder, talk)
    shutil.rmtree(folder)
    found = kept["medians"]
    assert isinstance(found, dict)
    out = Console(width=None if sys.stdout.isatty() else 160)
    kept["bars"] = [
        {"what": bar.words, "found": bar.found, "bar": bar.wanted, "is_held": bar.is_held}
        for bar in show(found, kept, out)
    ]
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(kept, indent=2) + "\n")
    if is_busy(kept):
        talk.print("The machine was busy beside this: these figures are not for the record.")
    talk.print(f"Every run: {given.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
