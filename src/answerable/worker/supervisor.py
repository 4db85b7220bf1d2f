"""The supervisor: keeps one worker alive, kills it when its loop stalls. Holds no database."""

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from answerable.base.errors import Broken
from answerable.base.settings import Settings
from answerable.store.lock import HomeLock
from answerable.telemetry import failures
from answerable.worker.heartbeat import Heartbeat, note_stalled

log = logging.getLogger("answerable.supervisor")

PRODUCTION = "answerable.compose.configured:plan"  # what a worker is built from
GIVEN_UP = 70  # how a worker says that what is broken does not heal by starting again (EX_SOFTWARE)

ENDED_BY_CODE = 71  # author code ended the process: not as told, whatever code it asked for

_LOOK_S = 0.1
_START_GRACE_S = 60.0
_PAUSES_S = (0.0, 0.1, 0.5, 2.0, 5.0)
_HEALTHY_S = 30.0  # a life that long was not ended by how it began
_NOT_WORTH_RETRYING = frozenset({0, 2, 3, 4, GIVEN_UP})  # ended as told, or the set-up is wrong
_ENDED_EARLY = frozenset({-signal.SIGTERM, -signal.SIGINT})  # told to end before it could listen


class Supervisor:
    """Runs `command` again and again over one home until it ends as it was told to."""

    def __init__(self, home: Path, command: Sequence[str], *, stall_s: float = 5.0) -> None:
        self._home = home
        self._command = list(command)
        self._stall_s = stall_s
        self._worker: subprocess.Popen[bytes] | None = None
        self._told = False  # to end
        self._suspect = ""  # the turn, or the effect, in which the last worker died

    def run(self) -> int:
        """Watch until the worker ends for good; returns its exit code. Raises HomeHeld, Broken."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self.end())
        return self.watch()

    def end(self) -> None:
        """From a signal or from another thread: the worker is told to end, and not started again.

        It may come before the worker that it is meant for.
        """
        self._told = True
        self._forward()

    def watch(self) -> int:
        """As `run`, where somebody else takes the signals."""
        HomeLock.check_free(self._home)
        heartbeat = Heartbeat.open(self._home)
        troubled = 0
        while not self._is_told():
            heartbeat.reset()
            began = time.monotonic()
            # The pipe closes when we are gone, however we went; Ctrl-C reaches it only through us.
            self._worker = subprocess.Popen(  # noqa: S603 - our own command
                self._command, stdin=subprocess.PIPE, process_group=0
            )
            self._forward()
            code = self._watch(self._worker, heartbeat)
            if self._worker.stdin is not None:
                self._worker.stdin.close()
            if self._is_told():
                return 0 if code in _ENDED_EARLY or not heartbeat.count else code
            if code in _NOT_WORTH_RETRYING:
                return 1 if code == GIVEN_UP else code
            by_itself = code > 0 and time.monotonic() - began < _HEALTHY_S
            troubled = troubled + 1 if by_itself or not heartbeat.count else 0
            log.warning("worker ended with %s; starting it again", code)
            self._accuse(heartbeat.turn)
            self._pause(_PAUSES_S[min(troubled, len(_PAUSES_S) - 1)])
        return 0

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
        log.error("worker %s stalled in %s; killing it", worker.pid, _named(turn))
        worker.kill()
        self._note(turn)

    def _accuse(self, turn: str) -> None:
        """A worker that dies by chance dies in another turn each time: twice in one is its code."""
        if turn and turn == self._suspect:
            log.error("two workers died in %s; it is not run again", _named(turn))
            self._note(turn)
        self._suspect = turn

    def _note(self, turn: str) -> None:
        try:
            if turn:
                note_stalled(self._home, turn)
        except Broken as error:  # it will happen once more; we must be there to see it
            log.error("the turn could not be noted: %s", failures.describe(error))

    def _pause(self, pause_s: float) -> None:
        until = time.monotonic() + pause_s
        while not self._is_told() and (left_s := until - time.monotonic()) > 0:
            time.sleep(min(left_s, _LOOK_S))

    def _is_told(self) -> bool:
        return self._told

    def _forward(self) -> None:
        if self._told and self._worker is not None and self._worker.poll() is None:
            self._worker.terminate()


def _named(turn: str) -> str:
    return f"the call of effect {turn}" if turn.startswith("eff_") else f"turn {turn or '(none)'}"


def supervise(home: Path, *, plan: str, settings: Settings) -> int:
    """Run the worker of `home` under a supervisor in this process, until it is told to end."""
    failures.install(settings.log, home)
    return supervisor_of(home, plan=plan, settings=settings).run()


def supervisor_of(home: Path, *, plan: str = "", settings: Settings) -> Supervisor:
    """`plan` comes before what the settings name."""
    plan = plan or settings.worker.plan or PRODUCTION
    command = [
        sys.executable,
        "-P",
        "-m",
        "answerable.worker.process",
    ]  # -P: nothing of where we are
    command += [str(home), "--plan", plan, "--leash"]
    return Supervisor(home, command, stall_s=settings.worker.stall_s)
