"""The supervisor: keeps one worker alive, kills it when its loop stalls. Holds no database."""

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from answerable.worker.heartbeat import Heartbeat, note_stalled

log = logging.getLogger("answerable.supervisor")

PRODUCTION = "answerable.compose.configured:plan"  # what a worker is built from

_LOOK_S = 0.1
_START_GRACE_S = 60.0
_PAUSES_S = (0.0, 0.1, 0.5, 2.0, 5.0)
NOT_WORTH_RETRYING = frozenset({0, 2, 3, 4})  # ended as told, or the set-up is wrong


class Supervisor:
    """Runs `command` again and again over one home until it ends as it was told to."""

    def __init__(self, home: Path, command: Sequence[str], *, stall_s: float = 5.0) -> None:
        self._home = home
        self._command = list(command)
        self._stall_s = stall_s
        self._worker: subprocess.Popen[bytes] | None = None
        self._is_ending = False

    def run(self) -> int:
        """Watch until the worker ends for good; returns its exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._pass_on)
        self._home.mkdir(parents=True, exist_ok=True)
        heartbeat = Heartbeat.open(self._home)
        stillborn = 0
        while True:
            heartbeat.reset()
            self._worker = subprocess.Popen(self._command)  # noqa: S603 - our own command
            code = self._watch(self._worker, heartbeat)
            if self._is_ending or code in NOT_WORTH_RETRYING:
                return code
            stillborn = 0 if heartbeat.count else stillborn + 1
            log.warning("worker ended with %s; starting it again", code)
            time.sleep(_PAUSES_S[min(stillborn, len(_PAUSES_S) - 1)])

    def _watch(self, worker: "subprocess.Popen[bytes]", heartbeat: Heartbeat) -> int:
        last, seen_at = heartbeat.count, time.monotonic()
        while True:
            try:
                return worker.wait(timeout=_LOOK_S)
            except subprocess.TimeoutExpired:
                pass
            now, count = time.monotonic(), heartbeat.count
            patience_s = self._stall_s if count else _START_GRACE_S
            if count != last:
                last, seen_at = count, now
            elif now - seen_at > patience_s:
                self._kill(worker, heartbeat)
                return worker.wait()

    def _kill(self, worker: "subprocess.Popen[bytes]", heartbeat: Heartbeat) -> None:
        """The loop does not turn: whose code it was goes to the desk in the next life."""
        turn = heartbeat.turn
        log.error("worker %s stalled in turn %s; killing it", worker.pid, turn or "(none)")
        if turn:
            note_stalled(self._home, turn)
        worker.kill()

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        self._is_ending = True
        if self._worker is not None and self._worker.poll() is None:
            self._worker.send_signal(number)


def supervise(home: Path, *, plan: str, stall_s: float) -> int:
    """Run the worker of `home` under a supervisor in this process, until it is told to end."""
    command = [sys.executable, "-m", "answerable.worker.process", str(home), "--plan", plan]
    return Supervisor(home, command, stall_s=stall_s).run()
