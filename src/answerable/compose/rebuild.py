"""State can always be dropped and made again from the feed: it is a projection, not the truth."""

import sqlite3
from contextlib import closing
from pathlib import Path

from answerable.adapters.engines.embedded import rows
from answerable.adapters.engines.embedded.journal import DATABASE
from answerable.compose import state
from answerable.store.lock import HomeLock
from answerable.store.sqlite import in_our_words, open_writer

_PAGE_POSITIONS = 2_000

Dump = dict[str, list[tuple[object, ...]]]
"""Every row of every state table, in an order that does not depend on how they were written."""


def rebuild(home: Path) -> int:
    """Drop the state of a home that nobody holds and project its whole feed again.

    One transaction: a crash leaves the old state. Returns the number of records read. Raises
    HomeHeld, WrongHome, NewerSchema, Broken.
    """
    lock = HomeLock.take(home)
    try:
        path = home / DATABASE
        with (
            closing(open_writer(path, [*rows.MIGRATIONS, *state.MIGRATIONS])) as database,
            in_our_words(path),
        ):
            return _project_again(database)
    finally:
        lock.release()


def dump(database: sqlite3.Connection) -> Dump:
    """What state says now, for comparing."""
    return {
        table: sorted(database.execute(f'SELECT * FROM "{table}"').fetchall(), key=repr)  # noqa: S608 - our own table names
        for table in state.TABLES
    }


def _project_again(database: sqlite3.Connection) -> int:
    database.execute("BEGIN IMMEDIATE")
    try:
        for table in state.TABLES:
            database.execute(f'DELETE FROM "{table}"')  # noqa: S608 - our own table names
        last = rows.last_record(database)
        for start in range(0, last, _PAGE_POSITIONS):
            end = min(start + _PAGE_POSITIONS, last)
            state.project(database, rows.page(database, start, end, None))
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
    return last
