"""State can always be dropped and made again from the feed: it is a projection, not the truth."""

import sqlite3
from contextlib import closing
from pathlib import Path

from answerable.adapters.engines.embedded.journal import DATABASE, open_file
from answerable.adapters.engines.embedded.state import build
from answerable.compose import state
from answerable.store.lock import HomeLock
from answerable.store.sqlite import in_our_words

Dump = dict[str, list[tuple[object, ...]]]
"""Every row of every state table, in an order that does not depend on how they were written."""


def rebuild(home: Path) -> int:
    """Drop the state of a home that nobody holds and project its whole feed again.

    One transaction: a crash leaves the old state. Returns the number of records read. Raises
    HomeHeld, WrongHome, NewerSchema, StateNotBuilt, Broken.
    """
    lock = HomeLock.take(home)
    try:
        path = home / DATABASE
        with (
            closing(open_file(path)) as database,
            in_our_words(path),
        ):
            return build(database, path, state.STATE)
    finally:
        lock.release()


def dump(database: sqlite3.Connection) -> Dump:
    """What state says now, for comparing."""
    return {
        table: sorted(database.execute(f'SELECT * FROM "{table}"').fetchall(), key=repr)  # noqa: S608 - our own table names
        for table in state.TABLES
    }
