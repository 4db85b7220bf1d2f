"""State beside the journal: rows projected from its records, made again when their shape changes.

The journal's schema is migrated, because it is the truth; the state's is replaced, because it can
be projected again. So they are told apart: `user_version` numbers the journal's migrations, and a
digest in the file names the state that its tables hold.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from answerable.adapters.engines.embedded import rows
from answerable.base.errors import Broken
from answerable.engine.port import Cursor, Record
from answerable.store.sqlite import broken_from, rollback

_PAGE_POSITIONS = 2_000

Project = Callable[[sqlite3.Connection, Sequence[Record]], None]
"""Writes state rows for appended records, in their transaction. May be called again for the same
records when a neighbour in the batch failed: it writes through the connection and nowhere else."""


def _nothing(_database: sqlite3.Connection, _records: Sequence[Record]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Tables and what fills them. `edition` is raised when the same tables get other rows."""

    schema: str = ""
    project: Project = _nothing
    edition: int = 1

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.edition}\n{self.schema}".encode()).hexdigest()


class StateNotBuilt(Broken):
    """Records that this program cannot project."""

    code = "state_not_built"

    def __init__(self, path: Path, error: Exception) -> None:
        super().__init__(
            f"The state of '{path}' cannot be made from its records: {type(error).__name__}.",
            "Its records are not touched, and the state that it had still stands.",
            "`answerable ledger verify`, then open it with the version that wrote it",
        )


def settle(database: sqlite3.Connection, path: Path, state: State) -> None:
    """Leave the file with exactly this state: as it is, or made again from the whole feed."""
    row = database.execute("SELECT digest FROM state_schema").fetchone()
    if row is None or row[0] != state.digest:
        build(database, path, state)


def build(database: sqlite3.Connection, path: Path, state: State) -> Cursor:
    """Drop all that is not the journal's and project the feed again; returns its last position.

    One transaction: a crash leaves the old state. Raises StateNotBuilt.
    """
    names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    old = [name for (name,) in names if name not in rows.TABLES and not name.startswith("sqlite_")]
    drops = "".join(f'DROP TABLE "{name}";' for name in old)
    try:
        database.executescript(f"BEGIN IMMEDIATE; {drops} {state.schema}")
        last = _project(database, path, state)
        database.execute("INSERT OR REPLACE INTO state_schema VALUES (1, ?)", (state.digest,))
        database.execute("COMMIT")
    except BaseException:
        rollback(database)
        raise
    return last


def _project(database: sqlite3.Connection, path: Path, state: State) -> Cursor:
    last = rows.last_record(database)
    for start in range(0, last, _PAGE_POSITIONS):
        page = rows.page(database, start, min(start + _PAGE_POSITIONS, last), None)
        try:
            state.project(database, page)
        except Exception as error:
            if broken_from(error, path) is not None:
                raise
            raise StateNotBuilt(path, error) from error
    return last
