"""Rows of cases and their leases."""

import sqlite3

from answerable.cases.domain import Case, Lease
from answerable.ledger.domain import NOBODY, Entry
from answerable.store.sqlite import insert_many, update_many

SCHEMA = """
CREATE TABLE "case" (id TEXT PRIMARY KEY, party TEXT NOT NULL, agent TEXT NOT NULL,
                     holder TEXT NOT NULL, epoch INTEGER NOT NULL,
                     since INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX case_of_party ON "case" (party, agent);
CREATE INDEX case_of_agent ON "case" (agent);
CREATE INDEX case_of_holder ON "case" (holder);
CREATE INDEX case_with_people ON "case" (id) WHERE substr(holder, 1, 6) <> 'agent:';
"""
PEOPLE = "people"
"""As a holder to look for: whoever is no agent."""
_ID_MAX = "~"  # after every id
TABLES = ("case",)
KINDS = ("lease", "escalated", "handback")

_CASE = '"case" (id, party, agent, holder, epoch, since)'
_HANDED = ("id", "holder", "epoch", "since")
_Row = tuple[object, ...]


class Changes:
    """What a run of entries does to cases: the new ones, and the last hands of the others."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._opened: list[_Row] = []
        self._handed: dict[str, _Row] = {}

    def take(self, entry: Entry) -> None:
        change, case = entry.change or {}, entry.case
        lease = (change["holder"], change["epoch"], entry.seq)
        if change["epoch"] == 1 and entry.subject is not None:
            self._opened.append((case, entry.subject.pid, change["agent"], *lease))
        else:
            self._handed[case] = (case, *lease)

    def write(self) -> None:
        insert_many(self._db, _CASE, self._opened)
        update_many(self._db, '"case"', _HANDED, list(self._handed.values()))


def find(db: sqlite3.Connection, case_id: str) -> Case | None:
    row = db.execute(
        'SELECT id, party, agent, holder, epoch, since FROM "case" WHERE id = ?', (case_id,)
    ).fetchone()
    return None if row is None else Case(row[0], row[1], row[2], Lease(row[3], row[4]), row[5])


def find_of_party(db: sqlite3.Connection, party: str, agent: str) -> Case | None:
    """The party's case with this agent: the newest, by its time-ordered id."""
    row = db.execute(
        'SELECT id, party, agent, holder, epoch, since FROM "case" WHERE party = ? AND agent = ?'
        " ORDER BY id DESC LIMIT 1",
        (party, agent),
    ).fetchone()
    return None if row is None else Case(row[0], row[1], row[2], Lease(row[3], row[4]), row[5])


def list_newest(
    db: sqlite3.Connection,
    *,
    agent: str = "",
    party: str = "",
    holder: str = "",
    before: str = "",
    limit: int,
) -> list[Case]:
    """Newest first, older than the case `before` if it is given; `holder` may be PEOPLE."""
    where, values = ["id < ?"], [before or _ID_MAX]
    # `+`: of two conditions the rarer one leads; the other one only filters
    if party:
        where, values = [*where, "party = ?"], [*values, party]
    if holder == PEOPLE:
        where += [f"substr({'+' if party else ''}holder, 1, 6) <> 'agent:'"]
        where += [f"+holder <> '{NOBODY}'"]
    elif holder:
        where, values = [*where, f"{'+' if party else ''}holder = ?"], [*values, holder]
    if agent:
        where += [f"{'+' if party or holder else ''}agent = ?"]
        values += [agent]
    rows = db.execute(
        'SELECT id, party, agent, holder, epoch, since FROM "case"'  # noqa: S608 - constants
        f" WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?",
        (*values, limit),
    )
    return [Case(r[0], r[1], r[2], Lease(r[3], r[4]), r[5]) for r in rows.fetchall()]


def count_of_party(db: sqlite3.Connection, party: str) -> int:
    row = db.execute('SELECT count(*) FROM "case" WHERE party = ?', (party,)).fetchone()
    return int(row[0])
