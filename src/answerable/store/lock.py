"""The home lock: one process holds a home; a second one is told who does."""

import contextlib
import fcntl
import os
from pathlib import Path

from answerable.base.errors import Broken, UsageError

LOCK = "lock"
_PRIVATE = 0o700  # what people said is in here, and the keys to it
_MARKS = (LOCK, "answerable.toml")  # any of these, or a database, makes a folder a home


class HomeHeld(Broken):
    """Another process holds the home."""

    code = "home_held"
    http_status = 409

    def __init__(self, home: Path, pid: str) -> None:
        self.home = home
        self.pid = pid
        super().__init__(
            f"Process {pid} holds '{home}'.",
            "Nothing was opened.",
            f"talk to that process, or stop it (`kill {pid}`) and repeat the command",
        )


class WrongHome(UsageError):
    """The path cannot be a home."""

    code = "wrong_home"

    def __init__(self, home: Path, why: str, next_command: str) -> None:
        self.home = home
        super().__init__(f"'{home}' {why}.", "Nothing was opened or created.", next_command)


class HomeLock:
    """Held from `take` to `release` or the end of the process, SIGKILL included (flock)."""

    def __init__(self, home: Path, descriptor: int) -> None:
        self.home = home
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, home: Path) -> "HomeLock":
        """Create the home if it is new, and hold it. Raises HomeHeld, WrongHome."""
        try:
            _check(home)
            home.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            descriptor = os.open(home / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise WrongHome(
                home,
                f"cannot be written: {error.strerror}",
                f"`ls -ld {home}`, or set ANSWERABLE_HOME to a folder of your own",
            ) from error
        try:
            _hold(descriptor, home)
        except HomeHeld:
            os.close(descriptor)
            raise
        with contextlib.suppress(OSError):  # the pid is for people; a full disk may not hide it
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        lock = cls(home, descriptor)
        # A forked child inherits the lock: it would hold the home after we have died.
        os.register_at_fork(after_in_child=lock.release)
        return lock

    @classmethod
    def check_free(cls, home: Path) -> None:
        """Raises HomeHeld, WrongHome as `take` would; leaves no trace in a home that is there."""
        _check(home)
        if not (home / LOCK).exists():
            return
        descriptor = os.open(home / LOCK, os.O_RDWR | os.O_CLOEXEC)
        try:
            _hold(descriptor, home)
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Let the next one in. The file stays: removing it would let two processes hold it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _hold(descriptor: int, home: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        raise HomeHeld(home, pid) from None


def _check(home: Path) -> None:
    if home.exists() and not home.is_dir():
        raise WrongHome(home, "is a file, not a folder", "set ANSWERABLE_HOME to a folder")
    if home.is_dir() and not is_home(home) and any(home.iterdir()):
        raise WrongHome(
            home,
            "is a folder with other things in it, not a home",
            f"set ANSWERABLE_HOME to a new folder, such as '{home / '.answerable'}'",
        )


def is_home(home: Path) -> bool:
    """Whether the folder was used as a home before."""
    return any((home / mark).exists() for mark in _MARKS) or any(home.glob("*.db"))
