"""Rows of registered releases and of the stop."""

import sqlite3

from answerable.agents.domain import Registry
from answerable.agents.stops import Mode, StopOrder, Stops
from answerable.ledger.domain import Entry

SCHEMA = """
CREATE TABLE release (id TEXT PRIMARY KEY, agent TEXT NOT NULL, registered_at INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE active_release (agent TEXT PRIMARY KEY, release TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE stopped (scope TEXT NOT NULL, mode TEXT NOT NULL, since INTEGER NOT NULL,
                      by TEXT NOT NULL, PRIMARY KEY (scope, mode)) WITHOUT ROWID;
"""
TABLES = ("release", "active_release", "stopped")
KINDS = ("release.registered", "release.staged", "stop")


def project(db: sqlite3.Connection, entry: Entry) -> None:
    change = entry.change or {}
    if entry.kind == "release.registered":
        db.execute(
            "INSERT INTO release (id, agent, registered_at) VALUES (?, ?, ?)",
            (change["release"], change["agent"], entry.seq),
        )
    if entry.kind in ("release.registered", "release.staged"):
        row = (change["agent"], change["release"])
        db.execute("INSERT OR REPLACE INTO active_release VALUES (?, ?)", row)
    elif change["is_on"]:
        stop = (change["scope"], change.get("mode", Mode.PAUSE), entry.seq, entry.actor or "")
        db.execute("INSERT OR IGNORE INTO stopped VALUES (?, ?, ?, ?)", stop)
    else:
        lifted = (change["scope"], change.get("mode", Mode.PAUSE))
        db.execute("DELETE FROM stopped WHERE scope = ? AND mode = ?", lifted)


def load(db: sqlite3.Connection) -> Registry:
    return Registry(
        dict(db.execute("SELECT agent, release FROM active_release").fetchall()),
        {row[0] for row in db.execute("SELECT id FROM release")},
        Stops({(order.scope, order.mode): order for order in _orders(db)}),
    )


def _orders(db: sqlite3.Connection) -> list[StopOrder]:
    rows = db.execute("SELECT scope, mode, since, by FROM stopped ORDER BY since").fetchall()
    return [StopOrder(row[0], Mode(row[1]), row[2], row[3]) for row in rows]


def newest(db: sqlite3.Connection, agent: str, limit: int) -> list[int]:
    """The ledger indexes at which releases were registered, newest first; of all if empty."""
    rows = db.execute(
        "SELECT registered_at FROM release WHERE ?1 = '' OR agent = ?1"
        " ORDER BY registered_at DESC LIMIT ?2",
        (agent, limit),
    )
    return [int(row[0]) for row in rows.fetchall()]


def registered_at(db: sqlite3.Connection, release: str) -> int | None:
    row = db.execute("SELECT registered_at FROM release WHERE id = ?", (release,)).fetchone()
    return None if row is None else int(row[0])
