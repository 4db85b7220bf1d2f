"""The stage on which the day is played: the processes, started, killed and watched."""

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from answerable.base.errors import Broken, UsageError
from answerable.compose.settings import SETTINGS
from answerable.demo.dayclock import DayClock, is_day
from answerable.demo.house import ORIGIN, PLAN, outside_of
from answerable.store.lock import LOCK, HomeLock

_READY_S = 30.0


class Stage:
    """One home, its outside and its supervised worker. Leaves no process behind."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.seed = seed
        self.clock = DayClock.open(home)
        self.kills = 0  # of the worker
        self.outside_kills = 0
        self.refusals: Counter[str] = Counter()  # by code: asked again, because storage was gone
        self.worker_cpu_s = 0.0
        self._not_workers = {os.getpid()}
        self._outside: subprocess.Popen[bytes] | None = None
        self._supervisor: subprocess.Popen[bytes] | None = None

    @classmethod
    def build(cls, home: Path, seed: int) -> Self:
        """A fresh home. The home of an earlier day is replaced; any other folder is refused.

        Raises UsageError, or HomeHeld where the earlier day is still running.
        """
        if is_day(home):
            HomeLock.check_free(home)  # not under another day's feet
            shutil.rmtree(home)
        elif home.exists() and (not home.is_dir() or any(home.iterdir())):
            raise UsageError(
                f"'{home}' is not the home of an earlier day.",
                "Nothing was run and nothing in it was touched.",
                "answerable demo --home NEW_FOLDER",
            )
        outside_of(home).mkdir(parents=True)
        (home / SETTINGS).write_text(
            f'[ledger]\norigin = "{ORIGIN}"\n\n[worker]\nplan = "{PLAN}"\n'
        )
        return cls(home, seed)

    def start_outside(self) -> None:
        """Start the outside, or start it again; it reads its own books."""
        command = [
            sys.executable, "-m", "answerable.demo.outside",
            "--home", str(outside_of(self.home)), "--seed", str(self.seed), "--leash",
        ]  # fmt: skip
        self._outside = subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        if self._outside.stdout is None or not self._outside.stdout.readline():
            raise Broken("The outside did not start.", "The day was not run.")

    def worker_command(self) -> Sequence[str]:
        """What supervises the worker."""
        return [
            sys.executable, "-m", "answerable.cli", "worker", "--home", str(self.home),
            "--plan", PLAN,
        ]  # fmt: skip

    def start_worker(self) -> None:
        command = self.worker_command()
        log = (self.home / "worker.log").open("ab")
        self._supervisor = subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        log.close()

    def kill_worker(self) -> bool:
        """SIGKILL whoever holds the home now; False if nobody does."""
        pid = self.holder()
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self._not_workers.add(pid)
            self.kills += 1
            return True
        return False

    def kill_outside(self) -> None:
        """SIGKILL the outside and start it again; what it had answered is in its books."""
        if self._outside is not None:
            self._outside.kill()
            self._outside.wait()
            for pipe in (self._outside.stdin, self._outside.stdout):
                if pipe is not None:
                    pipe.close()
            self.outside_kills += 1
        self.start_outside()

    def holder(self) -> int | None:
        """The living worker's pid, as the home's lock says: not ours, not one killed before."""
        try:
            pid = int((self.home / LOCK).read_text().strip())
        except (OSError, ValueError):
            return None
        return None if pid in self._not_workers else pid

    def check(self) -> None:
        """Raises Broken if the supervisor has given up."""
        if self._supervisor is not None and self._supervisor.poll() is not None:
            raise Broken(
                f"The worker ended with {self._supervisor.returncode} and was not started again.",
                "The day was not finished.",
                f"read {self.home / 'worker.log'}",
            )

    def stop_worker(self) -> None:
        """Let the worker end well; what it and its earlier lives used of the processors."""
        if self._supervisor is None:
            return
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._supervisor.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._supervisor.wait(timeout=_READY_S)
        self._supervisor.kill()
        self._supervisor.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.worker_cpu_s += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self._supervisor = None

    def close(self) -> None:
        """End every process, whatever state it is in."""
        self.stop_worker()
        if self._outside is not None:
            self._outside.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._outside.wait(timeout=_READY_S)
            self._outside.kill()
            if self._outside.stdin is not None:
                self._outside.stdin.close()
            if self._outside.stdout is not None:
                self._outside.stdout.close()
            self._outside.wait()
            self._outside = None
