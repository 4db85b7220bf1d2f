"""What the doctor looks at, and what can be found."""

import platform
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from answerable.adapters.engines.embedded.journal import DATABASE
from answerable.base.clock import Clock, SystemClock
from answerable.store.lock import HomeHeld, HomeLock
from answerable.store.sqlite import open_reader

Level = Literal["problem", "warning"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, what to do about it, and how to put it right where that loses nothing."""

    said: str
    do: str
    fix: Callable[[], None] | None = None
    level: Level = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: ok, fixed, a warning, or a problem that remains."""

    check: str
    state: str
    said: str = ""
    next_command: str = ""
    is_fixable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A home and the machine that it lies on."""

    home: Path
    clock: Clock = field(default_factory=SystemClock)
    python: tuple[int, ...] = field(
        default_factory=lambda: tuple(map(int, platform.python_version_tuple()[:2]))
    )
    sqlite: tuple[int, ...] = sqlite3.sqlite_version_info

    @property
    def is_held(self) -> bool:
        """Whether a process works in the home now."""
        try:
            HomeLock.check_free(self.home)
        except HomeHeld:
            return True
        return False

    @property
    def has_records(self) -> bool:
        return (self.home / DATABASE).exists()

    @contextmanager
    def books(self) -> Iterator[sqlite3.Connection]:
        """The database, to read. Raises Broken."""
        with closing(open_reader(self.home / DATABASE)) as database:
            yield database


Check = Callable[[Patient], Trouble | None]
