"""The stop file: `touch HOME/STOP` stops everything, also where no command gets through."""

import contextlib
import os
from pathlib import Path

from answerable.base.errors import Broken

STOP_FILE = "STOP"
LOOK_EVERY_US = 5_000  # by the clock of who asks: how old a look may be that an effect starts on


class StopFile:
    """Looked at before every effect, and not again for what comes within `LOOK_EVERY_US` of it: a
    name in a folder, which costs two microseconds here and thirty in some containers."""

    def __init__(self, home: Path) -> None:
        self._path = str(home.absolute() / STOP_FILE)
        self._was_pressed = False
        self._fresh_from_us = self._fresh_until_us = 0

    def was_pressed(self, now_us: int) -> bool:
        """Whether it was there at the last look, at most `LOOK_EVERY_US` ago."""
        if not self._fresh_from_us <= now_us < self._fresh_until_us:  # a clock may be set back
            self._was_pressed = self.is_pressed()
            self._fresh_from_us, self._fresh_until_us = now_us, now_us + LOOK_EVERY_US
        return self._was_pressed

    def is_pressed(self) -> bool:
        """Whether it is there. What cannot be looked at is a stop."""
        try:
            os.lstat(self._path)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def press(self) -> None:
        """Stop everything; durable on return. Raises Broken."""
        self._fresh_until_us = 0
        try:
            descriptor = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            os.close(descriptor)
            folder = os.open(os.path.dirname(self._path), os.O_RDONLY | os.O_CLOEXEC)  # noqa: PTH120
        except OSError as error:
            raise Broken(
                f"The stop file '{self._path}' cannot be made: {error.strerror}.",
                "Nothing was stopped.",
                "kill the worker: its process id is in the home's `lock`",
            ) from error
        try:
            with contextlib.suppress(OSError):
                os.fsync(folder)
        finally:
            os.close(folder)

    def lift(self) -> None:
        """Let go. Raises Broken."""
        self._fresh_until_us = 0
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)  # noqa: PTH108
        except OSError as error:
            raise Broken(
                f"The stop file '{self._path}' cannot be removed: {error.strerror}.",
                "Everything stays stopped.",
                f"remove '{self._path}'",
            ) from error
