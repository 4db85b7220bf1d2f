"""Kill the worker and the outside again and again during a day, and count what was kept.

Beside it strangers read the home: its files with the independent verifier, and its database.
Afterwards the home is looked at deeply. Prints one JSON object; exits 1 unless every count that
must be zero is zero.
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
from answerable.worker.deep import verify_deep
from readers import reading

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
        home = given.home or Path(folder) / "home"
        day = Day(
            home, given.kills * _MESSAGES_PER_KILL, given.seed, kills=worker, outside_kills=outside
        )
        progress = Progress(Console(stderr=True))
        try:
            with reading(home) as readers:
                report = run_day(day, progress)
        finally:
            progress.end()
        deep = verify_deep(home)
    told = msgspec.to_builtins(report)
    told["outside_kills"] = outside
    told["readers"] = readers.seen
    told["deep"] = msgspec.to_builtins(deep)
    del told["stages"], told["home"]
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    is_kept = report.is_good and report.kills == worker and readers.is_good and deep.verified
    sys.stdout.write(f"torture: {'all zeros' if is_kept else 'NOT KEPT'}\n")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
