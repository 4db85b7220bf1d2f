"""Let one system call of a real worker fail, with strace, and see what became of what was promised.

For each kind of call and each place in a life: a small day is sent to a worker whose N-th such call
fails. It may refuse, or end and be started again; then the day goes on. At the end nothing that was
acknowledged is lost, nothing is doubled, no effect is without a record, and the home, looked at
deeply, is as it was written. Prints a table; exits 1 where that is not so. Where strace may not
trace, it says so and exits 0.
"""

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from answerable.base.errors import AnswerableError, Broken
from answerable.demo.day import Day, run_day
from answerable.demo.house import PLAN
from answerable.demo.progress import Progress
from answerable.demo.stage import Stage
from answerable.ledger.note import VKEY
from answerable.store.lock import HomeHeld, HomeLock
from zeros import violations

_FEW, _MANY = ("1", "2"), ("1", "2", "3", "5", "8", "13", "21", "34", "89")
_CALLS = {
    ("fdatasync", "EIO"): _MANY,  # what SQLite makes a commit durable with
    ("fsync", "EIO"): _FEW,  # of a file that is written whole, and of its folder
    ("pwrite64", "EIO"): _MANY,
    ("pwrite64", "ENOSPC"): _MANY,
    ("write", "ENOSPC"): _MANY,
    ("/^rename", "EIO"): _MANY,  # how published files get their names
    ("ftruncate", "EIO"): _FEW,
}
_INTERACTIONS = 60
_STARTED_AGAIN_MAX = 5
_FREE_S = 30.0
_MARK, _TRACE = "faults.begun", "faults.trace"
_LIFE = """
mark=$0 trace=$1 call=$2 injection=$3; shift 3
if mkdir "$mark" 2> /dev/null
then exec strace -D -f -qq --seccomp-bpf -o "$trace" -e trace="$call" -e "$injection" "$@"
else exec "$@"
fi
"""
"""The first life under strace, which stays out of the way of our parent and its signals (-D)."""
_SUPERVISE = """
import sys
from pathlib import Path
from answerable.worker.supervisor import Supervisor
sys.exit(Supervisor(Path(sys.argv[1]), sys.argv[2:], stall_s=60).run())
"""


@dataclass(frozen=True)
class Fault:
    """Which call fails, as what, and the how manieth of its thread."""

    call: str
    error: str
    when: str

    @property
    def injection(self) -> str:
        return f"inject={self.call}:error={self.error}:when={self.when}"

    @property
    def named(self) -> str:
        return f"{self.call.removeprefix('/^')}:{self.error}"


@dataclass
class Told:
    """What one day under one fault showed."""

    fault: Fault
    injected: int = 0
    refused: int = 0
    given_up: int = 0  # lives that a person had to follow by starting the worker again
    ended: int = 0  # lives that the supervisor followed
    violations: list[str] = field(default_factory=list)


class FaultyStage(Stage):
    """A stage whose worker's first life has a fault in it; a person starts what gave up."""

    fault = Fault("fsync", "EIO", "1")

    def __init__(self, home: Path, seed: int) -> None:
        super().__init__(home, seed)
        self.given_up = 0

    def worker_command(self) -> Sequence[str]:
        work = [sys.executable, "-P", "-m", "answerable.worker.process", str(self.home), "--plan",
                PLAN, "--leash"]  # fmt: skip
        mark, trace = (str(self.home.with_name(name)) for name in (_MARK, _TRACE))
        life = ["sh", "-c", _LIFE, mark, trace, self.fault.call, self.fault.injection, *work]
        return [sys.executable, "-c", _SUPERVISE, str(self.home), *life]

    def start_worker(self) -> None:
        (self.home / VKEY).unlink(missing_ok=True)  # it is written again, with fsync and rename
        super().start_worker()

    def stop_worker(self) -> None:
        """A worker that was not reached by the signal, because that was the call that failed, ends
        when its supervisor has."""
        super().stop_worker()
        give_up = time.monotonic() + _FREE_S
        while time.monotonic() < give_up:
            with contextlib.suppress(HomeHeld):
                HomeLock.check_free(self.home)
                return
            time.sleep(0.1)

    def check(self) -> None:
        try:
            super().check()
        except Broken:
            self.given_up += 1
            if self.given_up > _STARTED_AGAIN_MAX:
                raise
            self.start_worker()


def why_not() -> str:
    """Why no call can be made to fail on this machine; empty where it can."""
    if shutil.which("strace") is None:
        return "no strace on this machine"
    tried = subprocess.run(
        ["strace", "-f", "-qq", "-e", "inject=fsync:error=EIO:when=1", "true"],  # noqa: S607
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "" if tried.returncode == 0 else f"strace may not trace here: {tried.stderr.strip()}"


def play(fault: Fault, seed: int) -> Told:
    """A small day with this fault in it."""
    told = Told(fault)
    stages: list[FaultyStage] = []

    def build(home: Path, number: int) -> FaultyStage:
        stage = FaultyStage.build(home, number)
        stage.fault = fault
        stages.append(stage)
        return stage

    with tempfile.TemporaryDirectory(prefix="answerable-faults-") as folder:
        home = Path(folder) / "home"
        progress = Progress(Console(quiet=True))
        try:
            report = run_day(Day(home, _INTERACTIONS, seed, kills=0), progress, build)
            told.violations += violations(report, home)
        except (AnswerableError, RuntimeError) as error:
            told.violations.append(f"the day was not finished: {error}{_last_words(home)}")
        finally:
            progress.end()
        trace = home.with_name(_TRACE)
        told.injected = trace.read_text().count("(INJECTED)") if trace.exists() else 0
        told.ended = _log(home).count("starting it again")
    told.refused = sum(stage.refusals.total() for stage in stages)
    told.given_up = sum(stage.given_up for stage in stages)
    return told


def _log(home: Path) -> str:
    path = home / "worker.log"
    return path.read_text() if path.exists() else ""


def _last_words(home: Path) -> str:
    return f" The log ends with: {_log(home)[-600:]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dose", action="store_true", help="one fault of each kind only")
    parser.add_argument("--only", default="", help="one kind of call, such as `fsync`")
    parser.add_argument("--when", default="", help="one place, in strace's words: `3`, `3+`, `3+5`")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    why = why_not()
    if why:
        print(f"syscall faults: skipped: {why}")
        return 0
    columns = ("when", "injected", "refused", "ended", "given up", "violations")
    print(_line("call", *columns))
    all_told = []
    for place, ((call, error), whens) in enumerate(_CALLS.items()):
        if given.only not in call:
            continue
        drawn = whens[place % len(whens) :][:1] if given.dose else whens
        for when in (given.when,) if given.when else drawn:
            told = play(Fault(call, error, when), given.seed)
            all_told.append(told)
            counts = (told.injected, told.refused, told.ended, told.given_up, len(told.violations))
            print(_line(told.fault.named, when, *counts), flush=True)
            for said in told.violations:
                print(f"  {said}", flush=True)
    injected = sum(told.injected for told in all_told)
    is_kept = injected and not any(told.violations for told in all_told)
    print(f"syscall faults: {injected} injected: {'all zeros' if is_kept else 'NOT KEPT'}")
    return 0 if is_kept else 1


def _line(name: str, *columns: str | int) -> str:
    return f"{name:<18}" + "".join(f"{column:>12}" for column in columns)


if __name__ == "__main__":
    sys.exit(main())
