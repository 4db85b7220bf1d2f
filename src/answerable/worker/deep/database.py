"""A SQLite file as a whole: its log, its pages and indexes, its schema."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from answerable.adapters.engines.embedded import rows
from answerable.adapters.engines.embedded.journal import DATABASE
from answerable.compose.state import STATE
from answerable.store import keys
from answerable.store.sqlite import Migration, migrate
from answerable.store.wal import examine_log
from answerable.worker.deep.found import Found

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
_DOUBTFUL = (
    "; either the power was cut in the middle of a commit that was never acknowledged, or this is "
    "damage and the last commit would be dropped"
)


def may_be_opened(found: Found, path: Path) -> bool:
    """Whether SQLite will find all that was committed; a damaged log is not opened, so that it
    stays as it is."""
    with found.looking("database", path.name):
        damage = examine_log(path)
        if damage is None:
            return True
        doubt = "; commits stand behind it" if damage.is_certain else _DOUBTFUL
        log = f"{path.name}-wal"
        found.add(
            "database", f"{log} at byte {damage.offset}", f"{damage.why}{doubt}",
            f"keep a copy of the home; then restore a backup, or give up what stands behind: "
            f"`truncate -s {damage.offset} {path.with_name(log)}`",
        )  # fmt: skip
    return False


def check_file(found: Found, database: sqlite3.Connection, name: str) -> None:
    """SQLite's own check, then schema and version as this program makes them, then values."""
    check_pages(found, database, name)
    with found.looking("database", f"{name}, its schema"):
        _check_schema(found, database, name)
    with found.looking("database", f"{name}, its values"):
        for (table,) in database.execute(_TABLES).fetchall():
            with found.looking("database", f"{name}, table {table}"):
                _check_values(found, database, name, table)


def check_pages(
    found: Found, database: sqlite3.Connection, name: str, what: str = "database"
) -> None:
    """SQLite's own check of pages and indexes: rows that an index does not lead to are not shown,
    though all are there."""
    with found.looking(what, name):
        for (said,) in database.execute("PRAGMA integrity_check(10)").fetchall():
            if said != "ok":
                found.add(what, name, str(said))


def _check_values(found: Found, database: sqlite3.Connection, name: str, table: str) -> None:
    """Of each row that a value is of its column's type, and that text is UTF-8: one that is not
    ends whatever reads it, and SQLite's own check says nothing."""
    columns = database.execute(f'PRAGMA table_info("{table}")').fetchall()
    keys = [number for number, column in enumerate(columns) if column[5]] or [0]
    kinds = ", ".join(f'typeof("{column[1]}")' for column in columns)
    texts = ", ".join(f'CAST("{column[1]}" AS BLOB)' if column[2] == "TEXT" or number in keys
                      else "NULL" for number, column in enumerate(columns))  # fmt: skip
    width = len(columns)
    for row in database.execute(f'SELECT {kinds}, {texts} FROM "{table}"'):  # noqa: S608 - its own names
        wrong = [
            str(column[1]) for column, kind, text in zip(columns, row, row[width:], strict=False)
            if not _fits(column, kind, text)
        ]  # fmt: skip
        if wrong:
            key = ", ".join(f"{columns[at][1]} {_shown(row[width + at])}" for at in keys)
            said = f"{' and '.join(wrong)} cannot be what was written"
            found.add("database", f"{name}, table {table}, {key}", said)


def _shown(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "backslashreplace")


def _fits(column: Sequence[object], kind: str, text: bytes | None) -> bool:
    _, _, declared, is_filled, _, is_key = column
    if kind == "null":
        return not (is_filled or is_key)
    if kind == "text" and text is not None:
        try:
            text.decode()
        except UnicodeDecodeError:
            return False
    return not declared or kind == str(declared).lower()


def _check_schema(found: Found, database: sqlite3.Connection, name: str) -> None:
    with closing(_as_made(name)) as model:
        newest, version = (_version(each) for each in (model, database))
        if version != newest:
            do = "start the worker with this program, which brings an older schema up to date"
            if version > newest:
                do = "install the newer Answerable that wrote it; if none did, it is damaged"
            said = f"its schema is {version}, this program's is {newest}"
            found.add("database", name, said, do)
            return
        have, should = _schema(database), _schema(model)
    for key in sorted(have.keys() | should.keys()):
        if have.get(key) != should.get(key):
            found.add("database", name, f"the schema of {' '.join(key)} is not as it was made")


def _as_made(name: str) -> sqlite3.Connection:
    """An empty file of this name, as this program makes it."""
    model = sqlite3.connect(":memory:", isolation_level=None)
    migrations: tuple[Migration, ...] = keys.MIGRATIONS
    if name == DATABASE:
        migrations = rows.MIGRATIONS
        for function, made in rows.FUNCTIONS.items():
            model.create_function(function, -1, made, deterministic=True)
    migrate(model, Path(name), migrations, {})
    if name == DATABASE:
        model.executescript(STATE.schema)
    return model


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _schema(database: sqlite3.Connection) -> Mapping[tuple[str, str], tuple[object, ...]]:
    found = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    return {(str(kind), str(name)): (table, sql) for kind, name, table, sql in found}
