"""Rows of parties and their identifiers."""

import sqlite3

from answerable.ledger.domain import Entry
from answerable.parties.domain import Party

SCHEMA = """
CREATE TABLE party (id TEXT PRIMARY KEY, kid TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE identifier (hash TEXT PRIMARY KEY, party TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX identifier_of_party ON identifier (party);
"""
TABLES = ("party", "identifier")
KINDS = ("identified",)


def project(db: sqlite3.Connection, entry: Entry) -> None:
    change = entry.change or {}
    db.execute(
        "INSERT OR IGNORE INTO party (id, kid) VALUES (?, ?)", (change["party"], change["kid"])
    )
    db.execute(
        "INSERT INTO identifier (hash, party) VALUES (?, ?)",
        (change["identifier"], change["party"]),
    )


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
