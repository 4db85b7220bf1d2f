"""The moment of commit, where a disk can fail: told so, told wrongly, or full."""

import random
import sqlite3
from collections.abc import Callable

from answerable.adapters.engines.embedded.writer import commit
from answerable.testing.simulator.weather import Weather

_KINDS = ("full", "failed_before", "failed_after")


def troubled_commit(
    chance: random.Random, weather: Weather, seen: Callable[[str], None]
) -> Callable[[sqlite3.Connection], object]:
    """Commits as `weather` has it. `failed_after` is durable and says that it is not."""

    def commit_or_not(connection: sqlite3.Connection) -> object:
        if chance.random() >= weather.commits:
            return commit(connection)
        kind = chance.choice(_KINDS)
        seen(kind)
        if kind == "failed_after":
            commit(connection)
        code = sqlite3.SQLITE_FULL if kind == "full" else sqlite3.SQLITE_IOERR_FSYNC
        raise _error("database or disk is full" if kind == "full" else "disk I/O error", code)

    return commit_or_not


def _error(text: str, code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error
