"""State and views, made again from the feed into scratch files and compared row by row."""

import sqlite3
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import closing
from itertools import zip_longest

from answerable.compose import state
from answerable.engine.port import Cursor, Feed, Record
from answerable.store.sqlite import scratch
from answerable.views.index import FROM_FEED, VIEWS, EntryIndex
from answerable.worker.deep.found import Found

_PAGE = 500


async def check_state(found: Found, database: sqlite3.Connection, feed: Feed) -> int:
    """Returns how many rows were compared."""
    with found.looking("state", "state_schema"):
        rows = database.execute("SELECT one, digest FROM state_schema").fetchall()
        if rows != [(1, state.STATE.digest)]:
            found.add("state", "state_schema", "its tables are not said to be this program's")
    with closing(scratch()) as should:
        should.executescript(state.STATE.schema)
        await _project(should, feed)
        return _compare(found, "state", (database, should), state.TABLES)


async def _project(should: sqlite3.Connection, feed: Feed) -> None:
    should.execute("BEGIN")
    page: list[Record] = []
    async for record in feed.read(0):
        page.append(record)
        if len(page) == _PAGE:
            state.project(should, page)
            page = []
    state.project(should, page)
    should.execute("COMMIT")


async def check_views(found: Found, views: sqlite3.Connection, feed: Feed) -> int:
    """As far as the views had come; how long stages took is measured, and cannot be made again."""
    row = views.execute("SELECT position FROM cursor").fetchone()
    with closing(EntryIndex.scratch()) as should:
        if _made(views) != _made(should.db):
            found.add("views", VIEWS, "its schema is not as this program makes it")
        await should.follow(_Until(feed, row[0] if row else 0))
        return _compare(found, "views", (views, should.db), FROM_FEED)


def _made(database: sqlite3.Connection) -> list[object]:
    """Version and schema, in any order of making."""
    schema = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2")
    return [*database.execute("PRAGMA user_version"), *schema]


class _Until:
    """The beginning of a feed."""

    def __init__(self, feed: Feed, last: Cursor) -> None:
        self._feed, self._last = feed, last

    async def read(
        self, after: Cursor, kinds: Collection[str] | None = None
    ) -> AsyncIterator[Record]:
        async for record in self._feed.read(after, kinds):
            if record.position > self._last:
                return
            yield record


def _compare(
    found: Found,
    what: str,
    pair: tuple[sqlite3.Connection, sqlite3.Connection],
    tables: Iterable[str],
) -> int:
    """Of each table the first row that is not as the feed makes it."""
    compared = 0
    for table in tables:
        with found.looking(what, f"table {table}"):
            compared += _compare_table(found, what, pair, table)
    return compared


def _compare_table(
    found: Found, what: str, pair: tuple[sqlite3.Connection, sqlite3.Connection], table: str
) -> int:
    database, should = pair
    columns = should.execute(f'PRAGMA table_info("{table}")').fetchall()
    names = [str(column[1]) for column in columns]
    keys = [number for number, column in enumerate(columns) if column[5]]
    order = ", ".join(str(number + 1) for number in (keys or range(len(names))))
    sql = f'SELECT * FROM "{table}" ORDER BY {order}'  # noqa: S608 - our own table names
    compared = 0
    for have, made in zip_longest(database.execute(sql), should.execute(sql)):
        if not _is_same(have, made):
            where = f"table {table}, {_key(names, keys, made or have)}"
            found.add(what, where, _difference(names, keys, have, made))
            break
        compared += 1
    return compared


def _is_same(have: Sequence[object] | None, made: Sequence[object] | None) -> bool:
    return have == made and list(map(type, have or ())) == list(map(type, made or ()))


def _key(names: Sequence[str], keys: Sequence[int], row: Sequence[object]) -> str:
    return ", ".join(f"{names[number]} {row[number]!r}" for number in keys) or "its only row"


def _difference(
    names: Sequence[str],
    keys: Sequence[int],
    have: Sequence[object] | None,
    made: Sequence[object] | None,
) -> str:
    if have is None:
        return "this row is missing"
    if made is None:
        return "the ledger makes no such row"
    if [have[number] for number in keys] != [made[number] for number in keys]:
        return f"in its place stands {_key(names, keys, have)}"
    other = [
        n for n, a, b in zip(names, have, made, strict=True) if a != b or type(a) is not type(b)
    ]
    return f"the ledger makes another {' and '.join(other)}"
