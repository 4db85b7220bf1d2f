"""The index of entries: from an id or an interaction to where its records stand in the feed."""

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from answerable.base.errors import Broken
from answerable.engine.port import Feed, Record
from answerable.ledger.domain import KINDS, decode_entry
from answerable.store.sqlite import rollback, scratch
from answerable.telemetry.passages import Passage
from answerable.views import hours, interactions, passages, places
from answerable.views.places import Place, Places

__all__ = ["VIEWS", "EntryIndex", "Place"]

VIEWS = "views.db"
VERSION = 4  # a file of another version is dropped, and built again from the feed
_BATCH = 500  # bounds how long one batch keeps the loop from other work
_ACTIONS_KEPT = 8_000
_PARTS = (places, hours, interactions, passages)
_SCHEMA = f"""
{"".join(part.SCHEMA for part in _PARTS)}
CREATE TABLE cursor (one INTEGER PRIMARY KEY CHECK (one = 1),
                     position INTEGER NOT NULL, digest BLOB NOT NULL);
PRAGMA user_version = {VERSION};
"""
FROM_FEED = (*places.TABLES, *hours.TABLES, *interactions.TABLES, "cursor")
"""What the feed makes again; how long stages took is measured."""
_TABLES = (*(table for part in _PARTS for table in part.TABLES), "cursor")


class EntryIndex:
    """Follows the feed; behind it by at most one round of `follow`."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self._path = path
        self._db = db
        self._places = Places(db)
        self._actions: OrderedDict[str, str] = OrderedDict()  # of the decisions of late
        self.is_sure = False  # that the rows are of this feed
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    def open(cls, home: Path) -> "EntryIndex":
        """Open or make the file; a damaged or older one is dropped. Raises Broken."""
        path = home / VIEWS
        try:
            return cls(path, _open(path))
        except sqlite3.DatabaseError:
            with _in_our_words(path):
                _drop(path)
                return cls(path, _open(path))

    @classmethod
    def scratch(cls) -> "EntryIndex":
        """An empty one, gone when it is closed: to see what the feed makes."""
        db = scratch()
        db.executescript(_SCHEMA)
        return cls(Path(VIEWS), db)

    @property
    def cursor(self) -> int:
        return self._cursor()[0]

    async def follow(self, feed: Feed) -> None:
        """Catch up with everything that is in the feed now. Raises Broken."""
        async with self._one_at_a_time:
            if not self.is_sure and not await self._is_of(feed):
                with _in_our_words(self._path):
                    self._db.executescript("".join(f"DELETE FROM {t};" for t in _TABLES))  # noqa: S608 - ours
                self._places.clear()
                self._actions.clear()
            self.is_sure = True
            batch: list[Record] = []
            async for record in feed.read(self.cursor):
                batch.append(record)
                if len(batch) >= _BATCH:
                    self._add(batch)
                    batch = []
            if batch:
                self._add(batch)

    async def _is_of(self, feed: Feed) -> bool:
        """Whether the feed has at the cursor what it had when we stood there.

        It has not where an older database was put back; then every row would lead astray.
        """
        position, digest = self._cursor()
        if not position:
            return True
        async for record in feed.read(position - 1):
            return record.position == position and _digest(record) == digest
        return False

    def _cursor(self) -> tuple[int, bytes]:
        row = self._db.execute("SELECT position, digest FROM cursor").fetchone()
        return (int(row[0]), bytes(row[1])) if row else (0, b"")

    def _add(self, records: list[Record]) -> None:
        entries = [(decode_entry(r.data), r.position) for r in records if r.kind in KINDS]
        last = records[-1]
        with _in_our_words(self._path), _transaction(self._db):
            written = self._places.add(entries)
            self._remember(written)
            counted = [(entry, it.agent) for (entry, _), it in zip(entries, written, strict=True)]
            hours.add(self._db, counted, self._action_of)
            interactions.add(self._db, counted)
            self._db.execute(
                "INSERT OR REPLACE INTO cursor (one, position, digest) VALUES (1, ?, ?)",
                (last.position, _digest(last)),
            )

    def _remember(self, written: Sequence[Place]) -> None:
        """What a decision was about: it is asked for when its effect has been done."""
        self._actions.update((place.id, place.action) for place in written if place.action)
        while len(self._actions) > _ACTIONS_KEPT:
            self._actions.popitem(last=False)

    def _action_of(self, decision: str) -> str:
        known = self._actions.get(decision)
        if known is not None:
            return known
        place = places.find(self._db, decision)
        return place.action if place is not None else ""

    def keep(self, measured: list[Passage], *, kept: int) -> None:
        """Telemetry beside the rows, which need no feed to be written. Raises Broken."""
        if measured and kept:
            with _in_our_words(self._path), _transaction(self._db):
                passages.add(self._db, measured, kept=kept)

    @property
    def db(self) -> sqlite3.Connection:
        """For the queries of this room's other files. Fetch all rows at once."""
        return self._db

    def find(self, entry_id: str) -> Place | None:
        return places.find(self._db, entry_id)

    def at(self, seq: int) -> Place | None:
        return places.at(self._db, seq)

    def of_interaction(self, interaction: str) -> list[Place]:
        return places.of_interaction(self._db, interaction)

    @property
    def entries(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM entry").fetchone()[0])

    def count(self, kind: str) -> int:
        return places.count(self._db, kind)

    def nth(self, kind: str, number: int) -> Place | None:
        """The n-th entry of a kind (0-based): how one is drawn by chance."""
        return places.nth(self._db, kind, number)

    def close(self) -> None:
        self._db.close()


def _digest(record: Record) -> bytes:
    """A key is not enough: the seal of the same size has the same one in every history."""
    return sha256(record.key.encode() + b"\n" + record.data).digest()


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    try:
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version not in (0, VERSION) or (not version and _has_tables(db)):
            raise sqlite3.DatabaseError("a file of another version")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")
        if not version:
            db.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
    except BaseException:
        db.close()
        raise
    return db


def _has_tables(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _drop(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        rollback(db)
        raise


@contextmanager
def _in_our_words(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise Broken(
            f"The index '{path}' cannot be written: {type(error).__name__}.",
            "The ledger is not harmed; look-ups by id may be behind.",
            f"free space, or remove '{path}' and start the worker again: it is built from the feed",
        ) from error
