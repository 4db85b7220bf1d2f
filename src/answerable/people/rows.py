"""The directory's rows: projected from entries, read once at start."""

import sqlite3
from typing import Any

from answerable.ledger.domain import Entry
from answerable.people.domain import ApiKey, Directory, Ownership, Person

SCHEMA = """
CREATE TABLE person (id TEXT PRIMARY KEY, email_hash TEXT NOT NULL, kid TEXT NOT NULL,
                     has_left INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE ownership (agent TEXT PRIMARY KEY, person TEXT NOT NULL,
                        accepted_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE api_key (id TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, person TEXT NOT NULL,
                      scopes TEXT NOT NULL, expires_at INTEGER NOT NULL,
                      is_revoked INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
"""
TABLES = ("person", "ownership", "api_key")


def project(db: sqlite3.Connection, entry: Entry) -> None:
    change = entry.change or {}
    if entry.kind == "person.added":
        row = (change["person"], change["email_hash"], change["kid"])
        db.execute("INSERT INTO person (id, email_hash, kid) VALUES (?, ?, ?)", row)
    elif entry.kind == "person.left":
        db.execute("UPDATE person SET has_left = 1 WHERE id = ?", (change["person"],))
    elif entry.kind == "owner.accepted":
        row = (change["agent"], change["person"], entry.seq)
        db.execute("INSERT OR REPLACE INTO ownership VALUES (?, ?, ?)", row)
    elif entry.kind == "key.added":
        names = ("key", "digest", "person", "scopes", "expires_at")
        db.execute(
            "INSERT INTO api_key (id, digest, person, scopes, expires_at) VALUES (?, ?, ?, ?, ?)",
            tuple(change[name] for name in names),
        )
    elif entry.kind == "key.revoked":
        db.execute("UPDATE api_key SET is_revoked = 1 WHERE id = ?", (change["key"],))


KINDS = ("person.added", "person.left", "owner.accepted", "key.added", "key.revoked")


def load(db: sqlite3.Connection) -> Directory:
    persons = db.execute("SELECT id, email_hash, kid, has_left FROM person")
    owners = db.execute("SELECT agent, person, accepted_at FROM ownership")
    keys = db.execute(
        "SELECT id, digest, person, scopes, expires_at, is_revoked FROM api_key ORDER BY id"
    )
    return Directory(
        {row[0]: Person(row[0], row[1], row[2], bool(row[3])) for row in persons},
        {row[0]: Ownership(*row) for row in owners},
        {row[1]: _key(*row) for row in keys},
    )


def _key(*row: Any) -> ApiKey:
    id_, digest, person, scopes, expires_at, is_revoked = row
    return ApiKey(id_, digest, person, tuple(scopes.split()), expires_at, bool(is_revoked))
