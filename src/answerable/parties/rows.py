"""Rows of parties: what they are found by, who is under legal hold, who was erased."""

import sqlite3
from collections.abc import Collection

from answerable.ledger.domain import Entry
from answerable.parties.domain import Asked, Erased, LegalHold, Party
from answerable.store.sqlite import insert_many

SCHEMA = """
CREATE TABLE party (id TEXT PRIMARY KEY, kid TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE identifier (hash TEXT PRIMARY KEY, party TEXT NOT NULL,
                         lives INTEGER NOT NULL DEFAULT 1) WITHOUT ROWID;
CREATE INDEX identifier_of_party ON identifier (party);
CREATE TABLE legal_hold (party TEXT PRIMARY KEY, since INTEGER NOT NULL, by TEXT NOT NULL)
  WITHOUT ROWID;
CREATE TABLE erasure_asked (party TEXT PRIMARY KEY, since INTEGER NOT NULL, by TEXT NOT NULL,
                            expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE erased (party TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE destroyed (kid TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
"""
"""An identifier whose party was erased has an empty `party` and is the next one's; `lives` counts
whose it was."""
TABLES = ("party", "identifier", "legal_hold", "erasure_asked", "erased", "destroyed")
POWER = ("party.held", "party.released", "erasure.requested", "erasure.done")
KINDS = ("identified", "gap.declared", *POWER)


class Changes:
    """What a run of entries does to parties: those that it names, and what they are found by."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._parties: list[tuple[object, object]] = []
        self._identifiers: list[tuple[object, object]] = []

    def take(self, entry: Entry) -> None:
        change = entry.change or {}
        if entry.kind == "gap.declared":
            _destroyed(self._db, entry)  # when a home was restored, if any
            return
        if entry.kind in POWER:
            self.write()
            _project_power(self._db, entry)
            return
        self._parties.append((change["party"], change["kid"]))
        self._identifiers.append((change["identifier"], change["party"]))

    def write(self) -> None:
        parties, self._parties = self._parties, []
        identifiers, self._identifiers = self._identifiers, []
        insert_many(self._db, "party (id, kid)", parties, "ON CONFLICT (id) DO NOTHING")
        another = (
            "ON CONFLICT (hash) DO UPDATE SET party = excluded.party, lives = lives + 1"
            " WHERE identifier.party = ''"
        )
        insert_many(self._db, "identifier (hash, party)", identifiers, another)


def _project_power(db: sqlite3.Connection, entry: Entry) -> None:
    party, by = entry.changed("party"), entry.actor or ""
    match entry.kind:
        case "party.held":
            row = (party, entry.seq, by)
            db.execute("INSERT OR IGNORE INTO legal_hold (party, since, by) VALUES (?, ?, ?)", row)
        case "party.released":
            db.execute("DELETE FROM legal_hold WHERE party = ?", (party,))
        case "erasure.requested":
            asked = (party, entry.seq, by, int((entry.change or {})["expires_at"]))
            db.execute("INSERT OR REPLACE INTO erasure_asked VALUES (?, ?, ?, ?)", asked)
        case _:
            db.execute("DELETE FROM erasure_asked WHERE party = ?", (party,))
            db.execute("UPDATE identifier SET party = '' WHERE party = ?", (party,))
            db.execute("INSERT OR IGNORE INTO erased VALUES (?, ?)", (party, entry.seq))
            _destroyed(db, entry)


def _destroyed(db: sqlite3.Connection, entry: Entry) -> None:
    gone = [(kid, entry.seq) for kid in entry.changed("kids").split()]
    insert_many(db, "destroyed (kid, at)", gone, "ON CONFLICT (kid) DO NOTHING")


def find_by_identifier(db: sqlite3.Connection, identifier_hash: str) -> Party | None:
    row = db.execute(
        "SELECT p.id, p.kid FROM identifier i JOIN party p ON p.id = i.party WHERE i.hash = ?",
        (identifier_hash,),
    ).fetchone()
    return None if row is None else Party(row[0], row[1])


def lives_of(db: sqlite3.Connection, identifier_hash: str) -> int:
    """How many parties an identifier has been of; 0 where it is new."""
    row = db.execute("SELECT lives FROM identifier WHERE hash = ?", (identifier_hash,)).fetchone()
    return 0 if row is None else int(row[0])


def identified_id(identifier_hash: str, before: int) -> str:
    """The id of the entry that gives an identifier to a party: of the first one, or a later one."""
    return f"idn_{identifier_hash}.{before}" if before else f"idn_{identifier_hash}"


def find(db: sqlite3.Connection, party_id: str) -> Party | None:
    row = db.execute("SELECT id, kid FROM party WHERE id = ?", (party_id,)).fetchone()
    return None if row is None else Party(row[0], row[1])


def list_of_keys(db: sqlite3.Connection, kids: Collection[str]) -> list[Party]:
    """The parties whose keys these are; looks through all of them."""
    rows = db.execute("SELECT id, kid FROM party ORDER BY id").fetchall()
    return [Party(*row) for row in rows if row[1] in kids]


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


def hold_of(db: sqlite3.Connection, party: str) -> LegalHold | None:
    row = db.execute("SELECT party, since, by FROM legal_hold WHERE party = ?", (party,)).fetchone()
    return None if row is None else LegalHold(*row)


_ASKED = "SELECT party, since, by, expires_at FROM erasure_asked"


def asked_of(db: sqlite3.Connection, party: str, now: int) -> Asked | None:
    """The request to erase it that still stands."""
    row = db.execute(f"{_ASKED} WHERE party = ? AND expires_at > ?", (party, now)).fetchone()
    return None if row is None else Asked(*row)


def list_asked(db: sqlite3.Connection, now: int) -> list[Asked]:
    """Every request that still stands, the oldest first."""
    rows = db.execute(f"{_ASKED} WHERE expires_at > ? ORDER BY since", (now,))
    return [Asked(*row) for row in rows.fetchall()]


def erased_at(db: sqlite3.Connection, party: str) -> int | None:
    """The ledger index at which a party was erased; None where it was not."""
    row = db.execute("SELECT at FROM erased WHERE party = ?", (party,)).fetchone()
    return None if row is None else int(row[0])


def destroyed_at(db: sqlite3.Connection, kid: str) -> int | None:
    """The ledger index at which a key was destroyed; None where the ledger does not say so."""
    row = db.execute("SELECT at FROM destroyed WHERE kid = ?", (kid,)).fetchone()
    return None if row is None else int(row[0])


def list_destroyed(db: sqlite3.Connection) -> list[str]:
    """Every key that the ledger says was destroyed."""
    return [str(row[0]) for row in db.execute("SELECT kid FROM destroyed ORDER BY kid").fetchall()]


def list_erased(db: sqlite3.Connection, limit: int) -> list[Erased]:
    """Who was erased, the newest first."""
    rows = db.execute("SELECT party, at FROM erased ORDER BY at DESC LIMIT ?", (limit,))
    return [Erased(*row) for row in rows.fetchall()]
