"""A worker for the time of a command: started where nobody holds the home, ended with us."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

from answerable.base.errors import Broken
from answerable.cli.talk import talk

_ENDS_S = 30.0
_LINES_TOLD = 5
_BYTES_TOLD = 1024 * 1024


def end_with_us() -> None:
    """Told to end, we end as by Ctrl-C: what we started is ended too."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


class WorkerEnded(Broken):
    """The worker that we started is gone, and said why."""

    code = "worker_ended"

    def __init__(self, code: int, said: str) -> None:
        super().__init__(
            f"The worker ended with {code}: {said or 'it said nothing'}",
            "What was accepted is kept; nothing is answered without a worker.",
            "mend what it says, then repeat the command",
        )


class Hired:
    """A supervised worker in processes of its own, that does not hear our terminal's Ctrl-C."""

    def __init__(self, home: Path, *words: str, is_heard: bool = False) -> None:
        """`words` are the command, `worker` if none; what it says is kept, or `is_heard`."""
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `end`
        command = [sys.executable, "-m", "answerable.cli", *(words or ("worker",))]
        said = subprocess.PIPE if is_heard else self._said
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "--home", str(home)], stdin=subprocess.DEVNULL, stdout=said,
            stderr=subprocess.STDOUT, process_group=0,
        )  # fmt: skip
        self._hearing = threading.Thread(target=self._hear, daemon=True)
        if is_heard:
            self._hearing.start()

    def _hear(self) -> None:
        """Pass on what it says, as it says it."""
        assert self._process.stdout is not None
        with self._process.stdout as words:
            for line in words:
                self._said.write(line)
                self._said.flush()
                talk(line.decode(errors="replace").rstrip("\n"))

    @property
    def is_over(self) -> bool:
        return self._process.poll() is not None

    def check(self) -> None:
        """Raises WorkerEnded."""
        code = self._process.poll()
        if code is not None:
            raise WorkerEnded(code, self.said())

    def said(self) -> str:
        """The last lines of what it wrote about itself."""
        if self.is_over and self._hearing.is_alive():
            self._hearing.join()
        words = os.pread(self._said.fileno(), _BYTES_TOLD, 0)
        lines = words.decode(errors="replace").strip().splitlines()
        return " ".join(lines[-_LINES_TOLD:])

    def end(self) -> None:
        """Let it end well: what is in flight ends first."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDS_S)
        self._process.kill()
        self._process.wait()
        if self._hearing.is_alive():
            self._hearing.join()
        self._said.close()
