"""The index of entries: from an id or an interaction to where its records stand in the feed."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from answerable.engine.port import Engine, Record
from answerable.ledger.domain import KINDS, decode_entry
from answerable.store.sqlite import insert_many

VIEWS = "views.db"
_BATCH = 2_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL,
                                  interaction TEXT NOT NULL, position INTEGER NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS entry_by_id ON entry (id);
CREATE INDEX IF NOT EXISTS entry_by_interaction ON entry (interaction) WHERE interaction <> '';
CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER);
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands: its ledger index and its position in the feed."""

    seq: int
    id: str
    kind: str
    interaction: str
    position: int


class EntryIndex:
    """Follows the feed; behind it by at most one round of `follow`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    @classmethod
    def open(cls, home: Path) -> "EntryIndex":
        """Open or make the file. It is made again from the feed, so a crash may lose it."""
        db = sqlite3.connect(home / VIEWS, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")
        db.executescript(_SCHEMA)
        return cls(db)

    @property
    def cursor(self) -> int:
        row = self._db.execute("SELECT position FROM cursor").fetchone()
        return int(row[0]) if row else 0

    async def follow(self, engine: Engine) -> None:
        """Catch up with everything that is in the feed now."""
        batch: list[Record] = []
        after = self.cursor
        async for record in engine.read(after):
            batch.append(record)
            if len(batch) >= _BATCH:
                self._add(batch)
                batch = []
        if batch:
            self._add(batch)

    def _add(self, records: list[Record]) -> None:
        rows = []
        for record in records:
            if record.kind in KINDS:
                entry = decode_entry(record.data)
                interaction = (entry.trace.interaction or "") if entry.trace else ""
                rows.append((entry.seq, entry.id, entry.kind, interaction, record.position))
        self._db.execute("BEGIN")
        into = "entry (seq, id, kind, interaction, position)"
        insert_many(self._db, into, rows, "ON CONFLICT DO NOTHING")
        row = (records[-1].position,)
        self._db.execute("INSERT OR REPLACE INTO cursor (one, position) VALUES (1, ?)", row)
        self._db.execute("COMMIT")

    def find(self, entry_id: str) -> Place | None:
        return self._one("id = ?", entry_id)

    def at(self, seq: int) -> Place | None:
        return self._one("seq = ?", seq)

    def of_interaction(self, interaction: str) -> list[Place]:
        rows = self._db.execute(
            "SELECT seq, id, kind, interaction, position FROM entry WHERE interaction = ?"
            " ORDER BY seq",
            (interaction,),
        )
        return [Place(*row) for row in rows.fetchall()]

    def count(self, kind: str) -> int:
        row = self._db.execute("SELECT count(*) FROM entry WHERE kind = ?", (kind,)).fetchone()
        return int(row[0])

    def nth(self, kind: str, number: int) -> Place | None:
        """The n-th entry of a kind (0-based): how one is drawn by chance."""
        return self._one("kind = ? ORDER BY seq LIMIT 1 OFFSET ?", kind, number)

    def _one(self, where: str, *values: str | int) -> Place | None:
        row = self._db.execute(
            f"SELECT seq, id, kind, interaction, position FROM entry WHERE {where}",  # noqa: S608
            values,
        ).fetchone()
        return None if row is None else Place(*row)

    def close(self) -> None:
        self._db.close()
