"""Rows of parties and their identifiers."""

import sqlite3

from answerable.ledger.domain import Entry
from answerable.parties.domain import Party
from answerable.store.sqlite import insert_many

SCHEMA = """
CREATE TABLE party (id TEXT PRIMARY KEY, kid TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE identifier (hash TEXT PRIMARY KEY, party TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX identifier_of_party ON identifier (party);
"""
TABLES = ("party", "identifier")
KINDS = ("identified",)


class Changes:
    """What a run of entries does to parties: those that it names, and what they are found by."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._parties: list[tuple[object, object]] = []
        self._identifiers: list[tuple[object, object]] = []

    def take(self, entry: Entry) -> None:
        change = entry.change or {}
        self._parties.append((change["party"], change["kid"]))
        self._identifiers.append((change["identifier"], change["party"]))

    def write(self) -> None:
        known = "ON CONFLICT (id) DO NOTHING"
        insert_many(self._db, "party (id, kid)", self._parties, known)
        insert_many(self._db, "identifier (hash, party)", self._identifiers)


def find_by_identifier(db: sqlite3.Connection, identifier_hash: str) -> Party | None:
    row = db.execute(
        "SELECT p.id, p.kid FROM identifier i JOIN party p ON p.id = i.party WHERE i.hash = ?",
        (identifier_hash,),
    ).fetchone()
    return None if row is None else Party(row[0], row[1])


def find(db: sqlite3.Connection, party_id: str) -> Party | None:
    row = db.execute("SELECT id, kid FROM party WHERE id = ?", (party_id,)).fetchone()
    return None if row is None else Party(row[0], row[1])


def identifiers_of(db: sqlite3.Connection, party: str) -> list[str]:
    """The keyed hashes under which a party is found."""
    rows = db.execute("SELECT hash FROM identifier WHERE party = ? ORDER BY hash", (party,))
    return [str(row[0]) for row in rows.fetchall()]


def list_newest(db: sqlite3.Connection, *, before: str = "", limit: int) -> list[Party]:
    """Newest first, older than the party `before` if it is given."""
    rows = db.execute(
        "SELECT id, kid FROM party WHERE id < ? ORDER BY id DESC LIMIT ?", (before or "~", limit)
    )
    return [Party(row[0], row[1]) for row in rows.fetchall()]
