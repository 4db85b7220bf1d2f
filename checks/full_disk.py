"""A day in a home on a disk of a few megabytes, which is filled up and freed again and again.

Full, the worker refuses: nothing of that was acknowledged. Freed, it goes on by itself. At the end
nothing that was acknowledged is lost or doubled, and the home, looked at deeply, is as it was
written. Prints one line; exits 1 where that is not so. Where mounting is not allowed, says so.
"""

import argparse
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from answerable.demo.day import Day, run_day
from answerable.demo.house import outside_of
from answerable.demo.progress import Counting
from answerable.demo.stage import Stage
from answerable.testing.disks import NotMounted, fill, small_disk
from zeros import violations

_MEGABYTES = 40
_PER_S = 40.0
_LOOK_S = 0.2
_FULL_S = 20.0
_BETWEEN = 100  # interactions that are acknowledged between two fillings


@dataclass
class Filler:
    """Fills the disk, waits until the worker has met it, and frees it again."""

    disk: Path
    elsewhere: Path
    progress: Counting
    stages: list[Stage] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    fillings: int = 0
    met: int = 0  # fillings that the worker refused something in, or ended by

    def build(self, home: Path, seed: int) -> Stage:
        """The outside's books lie on another disk: it is we who meet the full one."""
        stage = Stage.build(home, seed)
        outside = outside_of(home)
        shutil.move(outside, self.elsewhere)
        outside.symlink_to(self.elsewhere)
        self.stages.append(stage)
        return stage

    def run(self) -> None:
        ballast = self.disk / "ballast"
        enough = _BETWEEN
        while not self.ended.wait(_LOOK_S):
            if self.progress.acknowledged < enough:
                continue
            before = self._trouble()
            fill(ballast)
            self.fillings += 1
            for _ in range(int(_FULL_S / _LOOK_S)):
                if self.ended.wait(_LOOK_S) or self._trouble() > before:
                    break
            self.met += self._trouble() > before
            ballast.unlink()
            enough = self.progress.acknowledged + _BETWEEN

    def _trouble(self) -> int:
        """Refusals, and lives that ended for want of space."""
        log = self.disk / "home" / "worker.log"
        return self.stages[0].refusals.total() + log.read_text().count("error (")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interactions", type=int, default=1_500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="answerable-full-") as folder:
        try:
            with small_disk(Path(folder), _MEGABYTES) as disk:
                return play(disk, Path(folder) / "outside", given.interactions, given.seed)
        except NotMounted as why:
            print(f"full disk: skipped: {why}")
            return 0


def play(disk: Path, elsewhere: Path, interactions: int, seed: int) -> int:
    progress = Counting(Console(stderr=True))
    filler = Filler(disk, elsewhere, progress)
    thread = threading.Thread(target=filler.run, daemon=True)
    home = disk / "home"
    thread.start()
    try:
        day = Day(home, interactions, seed, kills=0, per_s=_PER_S)
        report = run_day(day, progress, filler.build)
    finally:
        progress.end()
        filler.ended.set()
        thread.join()
    found = list(violations(report, home))
    for said in found:
        print(f"  {said}")
    refused = dict(filler.stages[0].refusals)
    is_kept = filler.met > 0 and not found
    print(
        f"full disk: {report.interactions} interactions, filled {filler.fillings} times, met "
        f"{filler.met} times, refused {refused}: {'all zeros' if is_kept else 'NOT KEPT'}"
    )
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
