"""Opening a SQLite file: the right pragmas, numbered migrations, its errors in our words."""

import contextlib
import functools
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from answerable.base.errors import Broken
from answerable.store.wal import examine_log

_Row = Sequence[object]

Migration = tuple[int, str]
"""A number, ascending and never reused in one file, and the SQL that leads there."""

_BUSY_TIMEOUT_MS = 5_000
_CHECKPOINT_PAGES = 4_000  # 16 MB of WAL before the writer folds it into the file
_CACHE_KIB = 32_768
_ROWS_PER_STATEMENT_MAX = 256
_ROWS_OF_ANY_NUMBER = 16  # so few go into one statement; of more, a power of two
_STATEMENTS_KEPT = 512  # prepared once: some ten tables, each in so many sizes
_PRIMARY_CODE = 0xFF  # an extended result code keeps the primary one in its low byte

_FULL = {sqlite3.SQLITE_FULL}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_FAILED = {
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_INTERRUPT,
}


class DiskFull(Broken):
    """No space is left for the file or its log."""

    code = "disk_full"
    http_status = 507


class CorruptPage(Broken):
    """Bytes of the file are not what was written."""

    code = "corrupt_page"


class NewerSchema(Broken):
    """The file was written by a newer version."""

    code = "newer_schema"


class StorageFailed(Broken):
    """The system refused to read or write the file."""

    code = "storage_failed"


def open_writer(
    path: Path,
    migrations: Sequence[Migration],
    *,
    renumbered: Mapping[int, int] | None = None,
    functions: Mapping[str, Callable[..., int]] | None = None,
) -> sqlite3.Connection:
    """The one connection that writes: durable at every commit, and alone in folding the WAL.

    `renumbered` says which numbers of earlier programs are called otherwise now, `functions` what
    migrations may call. May be used from any thread, by one at a time. Raises the errors above.
    """
    refuse_damaged_log(path)
    with in_our_words(path):
        connection = sqlite3.connect(
            path,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_STATEMENTS_KEPT,
        )
        try:
            connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            for name, function in (functions or {}).items():
                connection.create_function(name, -1, function, deterministic=True)
            refuse_code(connection, path)
            migrate(connection, path, migrations, renumbered or {})
        except BaseException:
            connection.close()
            raise
        return connection


def refuse_damaged_log(path: Path) -> None:
    """Raises CorruptPage where opening the file would silently drop what was committed.

    SQLite takes a frame that does not check for the end of its log. After a cut of the power that
    is right: what is torn was never acknowledged. More than one commit behind it is damage.
    """
    log = path.with_name(f"{path.name}-wal")
    with in_our_words(path):
        damage = examine_log(path)
    if damage is not None and damage.is_certain:
        raise CorruptPage(
            f"'{log}' is damaged at byte {damage.offset}: {damage.why}; commits that were "
            "acknowledged stand behind it.",
            "The file was not opened: that would drop them.",
            f"stop, keep a copy of '{path.parent}', restore a backup; or give up what stands "
            f"behind the damage: `truncate -s {damage.offset} {log}`",
        )


def refuse_code(connection: sqlite3.Connection, path: Path) -> None:
    """Raises CorruptPage for a file that has code in it: a view in place of a table never ends, and
    a trigger writes what nobody recorded. What we write has tables and indexes only."""
    sql = "SELECT type, name FROM sqlite_master WHERE type IN ('view', 'trigger')"
    for kind, name in connection.execute(sql).fetchall():
        raise CorruptPage(
            f"'{path}' has a {kind} in it, '{name}', and that is not of this program.",
            "Nothing was read or written.",
            f"keep a copy of '{path.parent}', and restore a backup that is yours",
        )


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that can only ask; it never folds the WAL, so that no reader delays a commit.

    Fetch all rows of a query: a cursor left open keeps its snapshot, and the WAL grows behind it.
    Raises the errors above.
    """
    with in_our_words(path):
        uri = f"{path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        try:
            refuse_code(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def scratch() -> sqlite3.Connection:
    """A file of its own that nobody sees, in memory as far as it fits; gone when it is closed."""
    return sqlite3.connect("", isolation_level=None)


def migrate(
    connection: sqlite3.Connection,
    path: Path,
    migrations: Sequence[Migration],
    renumbered: Mapping[int, int],
) -> None:
    """Run what the file has not seen, each number in one transaction."""
    numbers = [number for number, _ in migrations]
    if numbers != sorted(set(numbers)):
        raise ValueError(f"migrations are not numbered in ascending order: {numbers}")
    newest = numbers[-1] if numbers else 0
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    version = renumbered.get(version, version)
    if version > newest:
        raise NewerSchema(
            f"'{path}' has schema {version}; this program knows {newest}.",
            "Nothing was read or written.",
            "install the newer Answerable (in its clone: `git pull`, `make env`)",
        )
    for number, sql in migrations:
        if number > version:
            _run(connection, f"{sql}\n;PRAGMA user_version = {number};")


def _run(connection: sqlite3.Connection, script: str) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {script} COMMIT;")
    except BaseException:
        rollback(connection)
        raise


def rollback(connection: sqlite3.Connection) -> None:
    """Leave the transaction if there is one; SQLite ends it by itself on some errors."""
    with contextlib.suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def insert_many(
    connection: sqlite3.Connection, into: str, rows: Sequence[Sequence[object]], suffix: str = ""
) -> int:
    """Insert `rows` `into` a `table(columns)`; returns how many were inserted.

    Many rows go in one statement: `executemany` gives up the interpreter's lock at every row, and
    beside a busy thread it waits up to 5 ms to get it back each time (measured: 2.6 ms a row).
    """
    inserted = 0
    for some in _in_statements(rows):
        sql = _insert(into, len(some[0]), len(some), suffix)
        inserted += connection.execute(sql, list(chain.from_iterable(some))).rowcount
    return inserted


def update_many(
    connection: sqlite3.Connection,
    table: str,
    columns: tuple[str, ...],
    rows: Sequence[Sequence[object]],
) -> None:
    """Set the `columns` after the first one in the rows of `table` that the first one names."""
    for some in _in_statements(rows):
        sql = _update(table, columns, len(some))
        connection.execute(sql, list(chain.from_iterable(some)))


@functools.cache
def _insert(into: str, width: int, count: int, suffix: str) -> str:
    return f"INSERT INTO {into} VALUES {_values(width, count)} {suffix}"  # noqa: S608 - no input in it


@functools.cache
def _update(table: str, columns: tuple[str, ...], count: int) -> str:
    name, *others = columns
    sets = ", ".join(f"{column} = new.column{place}" for place, column in enumerate(others, 2))
    return (
        f"UPDATE {table} SET {sets} FROM (VALUES {_values(len(columns), count)}) AS new"  # noqa: S608 - no input in it
        f" WHERE {table}.{name} = new.column1"
    )


def _values(width: int, count: int) -> str:
    one = f"({','.join('?' * width)})"
    return ",".join([one] * count)


def _in_statements(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    """The rows in parts, of which there are few sizes: their statements are prepared once."""
    start, left = 0, len(rows)
    while left:
        power = 1 << (left.bit_length() - 1)
        size = left if left <= _ROWS_OF_ANY_NUMBER else min(power, _ROWS_PER_STATEMENT_MAX)
        yield rows[start : start + size]
        start += size
        left -= size


@contextlib.contextmanager
def in_our_words(path: Path) -> Iterator[None]:
    """Raise `Broken` instead of SQLite's errors about the disk or the file."""
    try:
        yield
    except sqlite3.Error as error:
        broken = broken_from(error, path)
        if broken is None:
            raise
        raise broken from error
    except (
        UnicodeDecodeError
    ) as error:  # SQLite quotes damaged bytes, and `sqlite3` cannot say them
        raise _damaged(path, "text in it is not UTF-8") from error


def broken_from(error: BaseException, path: Path) -> Broken | None:
    """What a SQLite error means for the file; None if it is about a statement, not the file."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    primary = code & _PRIMARY_CODE
    if primary in _FULL:
        return DiskFull(
            f"No space is left to write '{path}'.",
            "Nothing of this request was written; what was acknowledged before is safe.",
            f"free space (`df -h {path.parent}`), then repeat the request",
        )
    if primary in _DAMAGED:
        return _damaged(path, str(error))
    if primary in _FAILED:
        return StorageFailed(
            f"The system failed to read or write '{path}': {error}.",
            "Nothing of this request was acknowledged.",
            "look at the disk and the folder's permissions, then `answerable ledger verify`",
        )
    return None


def _damaged(path: Path, how: str) -> CorruptPage:
    return CorruptPage(
        f"'{path}' is damaged: {how}.",
        "Nothing was written.",
        f"stop, keep a copy of '{path.parent}', restore a backup, then `answerable ledger verify`",
    )


def is_full(error: BaseException) -> bool:
    """Whether SQLite refused to write for lack of space: then nothing can have been committed."""
    return any(_is_code(error, code) for code in _FULL)


def _is_code(error: BaseException, code: int) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE == code


def placeholders(values: Iterable[object]) -> str:
    """`?,?,?` for an `IN` list of a few values."""
    return ",".join("?" for _ in values)
