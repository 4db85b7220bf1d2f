"""Kill the worker and the outside again and again during a day, and count what was kept.

Prints one JSON object; exits 1 unless every count that must be zero is zero.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import msgspec
from rich.console import Console

from answerable.demo.day import Day, run_day
from answerable.demo.progress import Progress

_MESSAGES_PER_KILL = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="of worker and outside together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="keep the home here, to look at afterwards")
    given = parser.parse_args()
    outside = given.kills // 3
    worker = given.kills - outside
    with tempfile.TemporaryDirectory(prefix="answerable-torture-") as folder:
        day = Day(
            given.home or Path(folder) / "home", given.kills * _MESSAGES_PER_KILL, given.seed,
            kills=worker, outside_kills=outside,
        )  # fmt: skip
        progress = Progress(Console(stderr=True))
        try:
            report = run_day(day, progress)
        finally:
            progress.end()
    told = msgspec.to_builtins(report)
    told["outside_kills"] = outside
    del told["stages"], told["home"]
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    is_good = report.is_good and report.kills == worker
    sys.stdout.write(f"torture: {'all zeros' if is_good else 'NOT KEPT'}\n")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
