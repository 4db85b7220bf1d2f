"""Rows of the log itself: the last seal, and how far each counter has come."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping

import msgspec

from answerable.ledger import closes
from answerable.ledger.domain import CLOSED, Entry
from answerable.store.sqlite import insert_many

SCHEMA = f"""
CREATE TABLE counter (name TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE log_head (one INTEGER PRIMARY KEY CHECK (one = 1), seal BLOB NOT NULL);
{closes.SCHEMA}"""
TABLES = ("counter", "log_head", *closes.TABLES)


def project(db: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    """Where the counters stand after these entries, which are in the order of the log."""
    last: dict[str, int] = {}
    stamps: list[int] = []
    for entry in entries:
        if entry.kind == CLOSED:
            _stand(db, last, stamps)
            last, stamps = {}, []
            closes.close(db, entry)
        stamps.append(entry.ts)
        if entry.subject is not None:
            last[f"s/{entry.subject.pid}"] = entry.subject.sseq
        if entry.owner is not None and entry.oseq is not None:
            last[f"o/{entry.owner.person}"] = entry.oseq
    _stand(db, last, stamps)


def _stand(db: sqlite3.Connection, last: dict[str, int], stamps: list[int]) -> None:
    over = "ON CONFLICT (name) DO UPDATE SET last = excluded.last"
    insert_many(db, "counter (name, last)", list(last.items()), over)
    closes.move(db, last)
    closes.pass_time(db, stamps)


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

    def lasts(self, names: Collection[str]) -> dict[str, int]:
        """Where each of these stands, 0 where it is new: one question for a whole batch."""
        sql = "SELECT name, last FROM counter WHERE name IN (SELECT value FROM json_each(?))"
        found = self._db.execute(sql, (msgspec.json.encode(names).decode(),)).fetchall()
        return dict.fromkeys(names, 0) | dict(found)

    def closing(self) -> Mapping[str, str | int]:
        """What a close that is the next entry has to commit."""
        return closes.closing(self._db)
