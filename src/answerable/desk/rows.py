"""Rows of the queues: cases that wait for a person or are with one."""

import sqlite3

from answerable.desk.domain import QueueItem
from answerable.ledger.domain import NOBODY, Entry

SCHEMA = """
CREATE TABLE queue_item ("case" TEXT PRIMARY KEY, queue TEXT NOT NULL, code TEXT NOT NULL,
                         interaction TEXT NOT NULL, since INTEGER NOT NULL,
                         taken_by TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE INDEX queue_by_age ON queue_item (since);
"""
TABLES = ("queue_item",)
KINDS = ("escalated", "lease", "handback")


def project(db: sqlite3.Connection, entry: Entry) -> None:
    change = entry.change or {}
    trace = entry.trace
    if trace is None:
        return
    if entry.kind == "escalated":
        row = (trace.case, change["queue"], change["code"], trace.interaction or "", entry.ts)
        db.execute(
            'INSERT OR REPLACE INTO queue_item ("case", queue, code, interaction, since)'
            " VALUES (?, ?, ?, ?, ?)",
            row,
        )
    elif entry.kind == "handback" or change["holder"] == NOBODY:
        db.execute('DELETE FROM queue_item WHERE "case" = ?', (trace.case,))
    elif str(change["holder"]).startswith("per_"):
        db.execute(
            'INSERT INTO queue_item ("case", queue, code, interaction, since, taken_by)'
            " VALUES (?, '', 'taken', '', ?, ?)"
            ' ON CONFLICT ("case") DO UPDATE SET taken_by = excluded.taken_by',
            (trace.case, entry.ts, change["holder"]),
        )


_COLUMNS = '"case", queue, code, interaction, since, taken_by'


def list_items(
    db: sqlite3.Connection, queue: str | None = None, *, since: int = 0, limit: int = 100
) -> list[QueueItem]:
    """Longest waiting first; those that wait since `since` or later."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM queue_item WHERE since >= ?1"  # noqa: S608 - a constant
        " AND (?2 IS NULL OR queue = ?2) ORDER BY since LIMIT ?3",
        (since, queue, limit),
    )
    return [QueueItem(*row) for row in rows]


def find(db: sqlite3.Connection, case: str) -> QueueItem | None:
    row = db.execute(
        f'SELECT {_COLUMNS} FROM queue_item WHERE "case" = ?',  # noqa: S608
        (case,),
    ).fetchone()
    return None if row is None else QueueItem(*row)


def list_taken_by(db: sqlite3.Connection, person: str) -> list[QueueItem]:
    """What is in a person's hands."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM queue_item WHERE taken_by = ?", (person,))  # noqa: S608
    return [QueueItem(*row) for row in rows.fetchall()]


def count_waiting(db: sqlite3.Connection, agent: str | None = None) -> int:
    """Cases that nobody has taken yet, of one agent or of all."""
    row = db.execute(
        'SELECT count(*) FROM queue_item q JOIN "case" c ON c.id = q."case"'
        " WHERE q.taken_by = '' AND (?1 IS NULL OR c.agent = ?1)",
        (agent,),
    ).fetchone()
    return int(row[0])


def count_by_code(db: sqlite3.Connection, agent: str) -> dict[str, int]:
    """Of one agent's cases that nobody has taken: why they wait, and how many."""
    rows = db.execute(
        'SELECT q.code, count(*) FROM queue_item q JOIN "case" c ON c.id = q."case"'
        " WHERE q.taken_by = '' AND c.agent = ? GROUP BY q.code ORDER BY q.code",
        (agent,),
    )
    return {str(code): int(count) for code, count in rows}


def list_waiting_of(db: sqlite3.Connection, agent: str, code: str, limit: int) -> list[str]:
    """One agent's cases that wait for this reason and that nobody has taken, longest first."""
    rows = db.execute(
        'SELECT q."case" FROM queue_item q JOIN "case" c ON c.id = q."case"'
        " WHERE q.taken_by = '' AND c.agent = ? AND q.code = ? ORDER BY q.since LIMIT ?",
        (agent, code, limit),
    )
    return [str(case) for (case,) in rows]


def count_older(db: sqlite3.Connection, before: int) -> int:
    """Cases that wait since before then and that nobody has taken."""
    row = db.execute(
        "SELECT count(*) FROM queue_item WHERE since < ? AND taken_by = ''", (before,)
    ).fetchone()
    return int(row[0])
