"""Let a worker work at a steady rate, with faults, and see whether anything grows that must not.

A day of 50,000 interactions whose busiest hour has ten times the mean takes in 5.8 a second then;
the default is three times that. The outside fails as it does on any day, and is killed now and
then; the worker too, in the first eighth only, so that all that is compared is of one life.

Judged by medians: memory, descriptors and write-ahead logs of the last quarter are at most a tenth
above those of the second quarter (and a fixed allowance for what is small); what the files grow by
for each interaction is at most a tenth more. Writes build/soak.json; exits 1 where something grew,
or where a promise of the day was not kept.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import msgspec
from rich.console import Console

from answerable.demo.day import Day, run_day
from answerable.demo.progress import Counting
from answerable.demo.stage import Stage
from answerable.worker.deep import verify_deep

PEAK_PER_S = 50_000 / 86_400 * 10
_SAMPLE_S = 2.0
_KILLS_SHARE = 1 / 8
_MINUTES_PER_KILL = 10
_TENTH = 1.1
_MB = 1_000_000
_ALLOWANCE = {"rss_bytes": 8 * _MB, "descriptors": 3, "wal_bytes": 4 * _MB}
_GROWING = ("database_bytes", "views_bytes", "keys_bytes", "ledger_bytes")


@dataclass(frozen=True)
class Sample:
    """The worker and its files at an instant."""

    at_s: float
    pid: int
    interactions: int
    rss_bytes: int
    descriptors: int
    wal_bytes: int
    database_bytes: int
    views_bytes: int
    keys_bytes: int
    ledger_bytes: int


@dataclass
class Sampler:
    """Looks every few seconds, from a thread of its own, while messages come in."""

    home: Path
    count: Callable[[], int]
    stages: list[Stage] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def build(self, home: Path, seed: int) -> Stage:
        self.stages.append(Stage.build(home, seed))
        return self.stages[0]

    def run(self) -> None:
        began = time.monotonic()
        while not self.ended.wait(_SAMPLE_S):
            pid = self.stages[0].holder() if self.stages else None
            if pid is None:
                continue
            try:
                self.samples.append(self._look(round(time.monotonic() - began, 1), pid))
            except OSError:  # it was killed while we looked
                continue

    def _look(self, at_s: float, pid: int) -> Sample:
        process = Path(f"/proc/{pid}")
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        return Sample(
            at_s=at_s, pid=pid, interactions=self.count(),
            rss_bytes=int(status["VmRSS"].split()[0]) * 1024,
            descriptors=len(list((process / "fd").iterdir())),
            wal_bytes=sum(_size(path) for path in self.home.glob("*.db-wal")),
            database_bytes=_size(self.home / "answerable.db"),
            views_bytes=_size(self.home / "views.db"),
            keys_bytes=_size(self.home / "keys.db"),
            ledger_bytes=sum(_size(path) for path in (self.home / "ledger").rglob("*")),
        )  # fmt: skip


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@dataclass(frozen=True)
class Judged:
    """One quantity: of the second quarter and of the last, and whether that is flat."""

    what: str
    second: float
    last: float
    is_flat: bool


def judge(samples: Sequence[Sample]) -> list[Judged]:
    """While messages came in, in four quarters of time."""
    quarter = len(samples) // 4
    second, last = samples[quarter : 2 * quarter], samples[3 * quarter :]
    judged = []
    for what, allowance in _ALLOWANCE.items():
        before, after = (median(getattr(each, what) for each in part) for part in (second, last))
        judged.append(Judged(what, before, after, after <= before * _TENTH + allowance))
    for what in _GROWING:
        before, after = _each(second, what), _each(last, what)
        judged.append(Judged(f"{what} an interaction", before, after, after <= before * _TENTH))
    return judged


def _each(part: Sequence[Sample], what: str) -> float:
    """What an interaction has taken so far, at the end of this part. Not its growth alone: a tree
    splits its pages in waves, so a quarter's growth tells of those (keys.db: 228, then 254)."""
    size = int(getattr(part[-1], what))
    return round(size / max(1, part[-1].interactions), 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=round(3 * PEAK_PER_S, 1), help="a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, default=Path("build/soak.json"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="answerable-soak-") as folder:
        home = Path(folder) / "home"
        progress = Counting(Console(stderr=True))
        sampler = Sampler(home, lambda: progress.acknowledged)
        thread = threading.Thread(target=sampler.run, daemon=True)
        kills = 1 + int(given.minutes / _MINUTES_PER_KILL)
        day = Day(
            home, int(given.minutes * 60 * given.rate), given.seed, kills=kills,
            outside_kills=kills, per_s=given.rate, kills_share=_KILLS_SHARE,
        )  # fmt: skip
        thread.start()
        try:
            report = run_day(day, progress, sampler.build)
        finally:
            progress.end()
            sampler.ended.set()
            thread.join()
        deep = verify_deep(home)
    sending = [each for each in sampler.samples if each.interactions < day.interactions]
    judged = judge(sending)
    is_kept = report.is_good and deep.verified and all(each.is_flat for each in judged)
    given.report.parent.mkdir(parents=True, exist_ok=True)
    told = msgspec.to_builtins(report) | {"home": "", "rate": given.rate, "is_kept": is_kept}
    told |= {"judged": [asdict(each) for each in judged], "deep": msgspec.to_builtins(deep)}
    told["samples"] = [asdict(each) for each in sampler.samples]
    given.report.write_text(json.dumps(told, indent=1) + "\n")
    print_table(judged)
    print(f"soak: {report.interactions} interactions in {report.seconds:.0f} s, "
          f"{len(sending)} samples: {'flat, all zeros' if is_kept else 'NOT KEPT'}")  # fmt: skip
    return 0 if is_kept else 1


def print_table(judged: Sequence[Judged]) -> None:
    print(f"{'':<32}{'2nd quarter':>14}{'last quarter':>14}")
    for each in judged:
        verdict = "" if each.is_flat else "  GREW"
        print(f"{each.what:<32}{each.second:>14,.0f}{each.last:>14,.0f}{verdict}")


if __name__ == "__main__":
    sys.exit(main())
