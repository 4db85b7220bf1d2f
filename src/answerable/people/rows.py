"""The directory's rows: projected from entries, read once at start."""

import sqlite3
from typing import Any

from answerable.ledger.domain import Entry
from answerable.people.domain import ApiKey, Delegation, Directory, Ownership, Person

SCHEMA = """
CREATE TABLE person (id TEXT PRIMARY KEY, email_hash TEXT NOT NULL, kid TEXT NOT NULL,
                     has_left INTEGER NOT NULL DEFAULT 0,
                     reports_to TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE ownership (agent TEXT PRIMARY KEY, person TEXT NOT NULL,
                        accepted_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE delegation (agent TEXT PRIMARY KEY, owner TEXT NOT NULL, person TEXT NOT NULL,
                         until INTEGER NOT NULL, begun_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE asked (agent TEXT PRIMARY KEY, person TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE api_key (id TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, person TEXT NOT NULL,
                      scopes TEXT NOT NULL, expires_at INTEGER NOT NULL,
                      is_revoked INTEGER NOT NULL DEFAULT 0,
                      made_with TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE role (person TEXT NOT NULL, role TEXT NOT NULL,
                   PRIMARY KEY (person, role)) WITHOUT ROWID;
"""
TABLES = ("person", "ownership", "delegation", "asked", "api_key", "role")


def project(db: sqlite3.Connection, entry: Entry) -> None:
    change = entry.change or {}
    match entry.kind:
        case "person.added":
            row = (change["person"], change["email_hash"], change["kid"])
            db.execute(_INSERT_PERSON, (*row, change.get("reports_to", "")))
        case "person.left":
            db.execute("UPDATE person SET has_left = 1 WHERE id = ?", (change["person"],))
        case "key.added":
            names = ("key", "digest", "person", "scopes", "expires_at")
            key = tuple(change[name] for name in names)
            db.execute(_INSERT_KEY, (*key, change.get("made_with", "")))
        case "key.revoked":
            db.execute("UPDATE api_key SET is_revoked = 1 WHERE id = ?", (change["key"],))
        case "role.changed":
            write = _GIVE_ROLE if change["is_on"] else _TAKE_ROLE
            db.execute(write, (change["person"], change["role"]))
        case _:
            _project_owner(db, entry)


def _project_owner(db: sqlite3.Connection, entry: Entry) -> None:
    """Who accepts an agent ends what was asked and delegated before."""
    change = entry.change or {}
    agent, person = change["agent"], change["person"]
    if entry.kind == "owner.changed":
        db.execute("INSERT OR REPLACE INTO asked VALUES (?, ?)", (agent, person))
        return
    db.execute("DELETE FROM delegation WHERE agent = ?", (agent,))
    if entry.kind == "owner.accepted":
        db.execute("DELETE FROM asked WHERE agent = ?", (agent,))
        row = (agent, person, entry.seq)
        db.execute("INSERT OR REPLACE INTO ownership VALUES (?, ?, ?)", row)
    elif change["until"]:
        delegation = (agent, change["via"], person, change["until"], entry.seq)
        db.execute("INSERT INTO delegation VALUES (?, ?, ?, ?, ?)", delegation)


_INSERT_PERSON = "INSERT INTO person (id, email_hash, kid, reports_to) VALUES (?, ?, ?, ?)"
_INSERT_KEY = (
    "INSERT INTO api_key (id, digest, person, scopes, expires_at, made_with)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_GIVE_ROLE = "INSERT OR IGNORE INTO role VALUES (?, ?)"
_TAKE_ROLE = "DELETE FROM role WHERE person = ? AND role = ?"
KINDS = (
    "person.added", "person.left", "owner.accepted", "owner.changed", "owner.delegated",
    "key.added", "key.revoked", "role.changed",
)  # fmt: skip


def load(db: sqlite3.Connection) -> Directory:
    persons = db.execute("SELECT id, email_hash, kid, has_left, reports_to FROM person")
    owners = db.execute("SELECT agent, person, accepted_at FROM ownership")
    keys = db.execute(
        "SELECT id, digest, person, scopes, expires_at, is_revoked, made_with FROM api_key"
        " ORDER BY id"
    )
    delegations = db.execute("SELECT agent, owner, person, until, begun_at FROM delegation")
    return Directory(
        {row[0]: Person(row[0], row[1], row[2], bool(row[3]), row[4]) for row in persons},
        {row[0]: Ownership(*row) for row in owners},
        {row[1]: _key(*row) for row in keys},
        {row[0]: Delegation(*row) for row in delegations},
        dict(db.execute("SELECT agent, person FROM asked").fetchall()),
        frozenset(row[0] for row in db.execute("SELECT person FROM role WHERE role = 'auditor'")),
    )


def _key(*row: Any) -> ApiKey:
    id_, digest, person, scopes, expires_at, is_revoked, made_with = row
    opens = tuple(scopes.split())
    return ApiKey(id_, digest, person, opens, expires_at, bool(is_revoked), made_with)
