"""State is projected: another shape of it is made from the feed, beside the journal."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from typing import TypeVar

import pytest

from answerable.adapters.engines.embedded import EmbeddedJournal, rows
from answerable.adapters.engines.embedded.state import State, StateNotBuilt
from answerable.engine.port import Arrival, Fence, Record

T = TypeVar("T")
Opened = Callable[..., EmbeddedJournal]
FENCE = Fence(0, 0)  # of a journal that nobody has claimed yet


def run(story: Coroutine[object, object, T]) -> T:
    return asyncio.run(story)


def _old(database: sqlite3.Connection, records: Sequence[Record]) -> None:
    database.executemany("INSERT INTO seen VALUES (?)", [(one.key,) for one in records])


def _new(database: sqlite3.Connection, records: Sequence[Record]) -> None:
    pairs = [(one.key, one.position) for one in records]
    database.executemany("INSERT INTO seen VALUES (?, ?)", pairs)


def _poisoned(_database: sqlite3.Connection, _records: Sequence[Record]) -> None:
    raise KeyError("owner")


OLD = State(schema="CREATE TABLE seen (key TEXT); CREATE TABLE gone (x);", project=_old)
NEW = State(
    schema="CREATE TABLE seen (key TEXT, position INTEGER); CREATE INDEX by_key ON seen (key);",
    project=_new,
)


async def fill(journal: EmbeddedJournal) -> None:
    await journal.accept([Arrival("m1", "cas_1", "message", b"hello")])
    await journal.append(FENCE, [Record("a", "decided", b""), Record("b", "decided", b"")])


def tables(journal: EmbeddedJournal) -> set[str]:
    found = journal.reader().execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {name for (name,) in found.fetchall()}


def test_a_home_with_the_last_state_schema_gets_the_new_one_from_its_feed(opened: Opened) -> None:
    old = opened(state=OLD)
    run(fill(old))
    old.close()
    new = opened(state=NEW)
    assert new.reader().execute("SELECT * FROM seen").fetchall() == [("a", 1), ("b", 2)]
    assert tables(new) == {*rows.TABLES, "seen"}
    assert new.backlog == 1
    new.close()
    again = opened(state=NEW)
    assert again.reader().execute("SELECT count(*) FROM seen").fetchone() == (2,)


def test_an_edition_says_that_the_same_tables_get_other_rows(opened: Opened) -> None:
    old = opened(state=OLD)
    run(fill(old))
    old.close()

    def louder(database: sqlite3.Connection, records: Sequence[Record]) -> None:
        database.executemany("INSERT INTO seen VALUES (?)", [(r.key.upper(),) for r in records])

    new = opened(state=State(schema=OLD.schema, project=louder, edition=2))
    assert new.reader().execute("SELECT key FROM seen").fetchall() == [("A",), ("B",)]


def test_a_home_from_before_the_two_were_told_apart_is_migrated(opened: Opened) -> None:
    """Its `user_version` is 100, for a state schema of long ago; all of its records stay."""
    old = opened(state=OLD)
    run(fill(old))
    old.close()
    with closing(sqlite3.connect(old.path)) as file:
        file.executescript(
            "ALTER TABLE arrival DROP COLUMN sum; ALTER TABLE fence DROP COLUMN sum;"
            "DROP TABLE state_schema; PRAGMA user_version = 100;"
        )
    new = opened(state=NEW)
    assert new.reader().execute("SELECT * FROM seen").fetchall() == [("a", 1), ("b", 2)]
    newest = rows.MIGRATIONS[-1][0]
    assert new.reader().execute("PRAGMA user_version").fetchone() == (newest,)


def test_records_that_cannot_be_projected_leave_the_home_as_it_was(opened: Opened) -> None:
    old = opened(state=OLD)
    run(fill(old))
    old.close()
    with pytest.raises(StateNotBuilt, match="KeyError"):
        opened(state=State(schema=NEW.schema, project=_poisoned))
    again = opened(state=OLD)
    assert again.reader().execute("SELECT key FROM seen").fetchall() == [("a",), ("b",)]
    assert "gone" in tables(again)
