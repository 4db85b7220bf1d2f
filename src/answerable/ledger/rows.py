"""Rows of the log itself: the last seal, and how far each counter has come."""

import sqlite3

from answerable.ledger.domain import Entry

SCHEMA = """
CREATE TABLE counter (name TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE log_head (one INTEGER PRIMARY KEY CHECK (one = 1), seal BLOB NOT NULL);
"""
TABLES = ("counter", "log_head")

_COUNT = (
    "INSERT INTO counter (name, last) VALUES (?, ?)"
    " ON CONFLICT (name) DO UPDATE SET last = excluded.last"
)


def project(db: sqlite3.Connection, entry: Entry) -> None:
    if entry.subject is not None:
        db.execute(_COUNT, (f"s/{entry.subject.pid}", entry.subject.sseq))
    if entry.owner is not None and entry.oseq is not None:
        db.execute(_COUNT, (f"o/{entry.owner.person}", entry.oseq))


def project_seal(db: sqlite3.Connection, seal: bytes) -> None:
    db.execute("INSERT OR REPLACE INTO log_head (one, seal) VALUES (1, ?)", (seal,))


def last_seal(db: sqlite3.Connection) -> bytes | None:
    row = db.execute("SELECT seal FROM log_head").fetchone()
    return None if row is None else row[0] if isinstance(row[0], bytes) else str(row[0]).encode()


class CounterRows:
    """The counters as of the last commit."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def last(self, name: str) -> int:
        row = self._db.execute("SELECT last FROM counter WHERE name = ?", (name,)).fetchone()
        return 0 if row is None else int(row[0])
