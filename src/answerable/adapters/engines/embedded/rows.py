"""The journal's SQL: arrivals, records, the fence."""

import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from zlib import crc32

from answerable.engine.port import Arrival, Cursor, Kept, Record
from answerable.store.sqlite import Migration, insert_many, placeholders

MESSAGE = "message"
"""The kind that `Busy` may refuse; answers and timers always come in."""

MIGRATIONS: tuple[Migration, ...] = (
    (
        1,
        """
        CREATE TABLE arrival (
            position INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            inbox TEXT NOT NULL,
            kind TEXT NOT NULL,
            not_before_us INTEGER NOT NULL,
            done INTEGER NOT NULL,
            data BLOB NOT NULL
        );
        CREATE INDEX arrival_undone ON arrival (kind) WHERE done = 0;
        CREATE TABLE record (
            position INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            arrival TEXT,
            data BLOB NOT NULL,
            body BLOB
        );
        CREATE INDEX record_memo ON record (arrival) WHERE arrival IS NOT NULL;
        CREATE TABLE fence (
            partition INTEGER PRIMARY KEY,
            epoch INTEGER NOT NULL,
            worker TEXT NOT NULL
        );
        INSERT INTO fence VALUES (0, 0, '');
        """,
    ),
    (2, "CREATE TABLE state_schema (one INTEGER PRIMARY KEY CHECK (one = 1), digest TEXT);"),
    (3, "UPDATE arrival SET data = x'' WHERE done = 1;"),
    # From here on the feed has kinds and fields that 0.1.0 cannot read: its own check of the
    # number makes it refuse the home at once instead of failing in the middle of it.
    (4, "SELECT 1;"),
    # The ledger proves records; what waits, and who holds the partition, is proven by nothing but
    # its sum: against a disk that forgets, not against a person who writes.
    (
        5,
        """
        ALTER TABLE arrival ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE fence ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
        UPDATE arrival SET sum = arrival_sum(id, inbox, kind, not_before_us, data);
        UPDATE fence SET sum = fence_sum(partition, epoch, worker);
        """,
    ),
)
RENUMBERED = {100: 1}
"""Until state had a digest of its own, its schema was counted as the journal's migration 100."""


def arrival_sum(name: str, inbox: str, kind: str, not_before_us: int, data: bytes) -> int:
    """Two CRC-32 in one signed integer: of what stays of an arrival, and of its data. Without data
    the lower one is 0, so that finishing an arrival need not read it."""
    head = crc32(f"{name}\n{inbox}\n{kind}\n{not_before_us}".encode())
    return (head << 32 | crc32(data)) - 2**63


def fence_sum(partition: int, epoch: int, worker: str) -> int:
    return crc32(f"{partition}\n{epoch}\n{worker}".encode())


FUNCTIONS: dict[str, Callable[..., int]] = {"arrival_sum": arrival_sum, "fence_sum": fence_sum}
"""What the migrations call."""

TABLES = ("arrival", "record", "fence", "state_schema")
"""The journal's own; every other table of the file is state."""

_RECORD = "SELECT key, kind, data, body, arrival, position FROM record"
_ANY_OF = "IN (SELECT value FROM json_each(?))"
_FINISHED = "done = 1, data = x'', sum = sum & ~4294967295"


def insert_arrivals(
    connection: sqlite3.Connection, arrivals: Sequence[Arrival], first: int
) -> list[bool]:
    """Store those whose id is new, at positions from `first` on; says which were."""
    rows = [
        (
            position, a.id, a.inbox, a.kind, a.not_before_us, 0, a.data,
            arrival_sum(a.id, a.inbox, a.kind, a.not_before_us, a.data),
        )
        for position, a in enumerate(arrivals, first)
    ]  # fmt: skip
    into = "arrival (position, id, inbox, kind, not_before_us, done, data, sum)"
    inserted = insert_many(connection, into, rows, "ON CONFLICT (id) DO NOTHING")
    if inserted == len(rows):
        return [True] * len(rows)
    found = positions_of(connection, [a.id for a in arrivals])
    return [found.get(a.id) == position for position, a in enumerate(arrivals, first)]


def positions_of(connection: sqlite3.Connection, ids: Sequence[str]) -> dict[str, int]:
    """Where the known ones of these arrivals stand, finished or not."""
    sql = f"SELECT id, position FROM arrival WHERE id {_ANY_OF}"  # noqa: S608 - constants
    return dict(connection.execute(sql, (json.dumps(ids),)).fetchall())


def mark_done(connection: sqlite3.Connection, ids: Sequence[str]) -> int:
    """Finish arrivals; returns how many messages that ended. Finished ones stay as they are.

    The id stays, for ever: a redelivery must meet it. The data goes: what matters of it is in the
    records, and a message kept twice is twice the disk.
    """
    sql = f"UPDATE arrival SET {_FINISHED} WHERE id {_ANY_OF} AND done = 0"  # noqa: S608 - constants
    names = json.dumps(ids)
    messages = connection.execute(f"{sql} AND +kind = 'message'", (names,)).rowcount
    if messages < len(ids):
        connection.execute(sql, (names,))
    return messages


def insert_records(
    connection: sqlite3.Connection, records: Sequence[Record], first: Cursor
) -> None:
    """Store records at positions from `first` on; sqlite3.IntegrityError if a key exists."""
    rows = [
        (position, r.key, r.kind, r.arrival, r.data, r.body)
        for position, r in enumerate(records, first)
    ]
    insert_many(connection, "record (position, key, kind, arrival, data, body)", rows)


def drop_bodies(
    connection: sqlite3.Connection, after: Cursor, upto: Cursor, kinds: Collection[str]
) -> int:
    """Forget the bodies of these kinds' records at (after, upto]; returns how many there were."""
    where = f"position > ? AND position <= ? AND kind IN ({placeholders(kinds)})"
    sql = f"UPDATE record SET body = NULL WHERE {where} AND body IS NOT NULL"  # noqa: S608 - only marks
    return connection.execute(sql, (after, upto, *kinds)).rowcount


def find_first(connection: sqlite3.Connection, keys: Sequence[str]) -> Record | None:
    """The earliest record with one of these keys."""
    sql = f"{_RECORD} WHERE key {_ANY_OF} ORDER BY position LIMIT 1"
    row = connection.execute(sql, (json.dumps(keys),)).fetchone()
    return None if row is None else Record(*row)


def memo_of(connection: sqlite3.Connection, arrival: str) -> tuple[Record, ...]:
    """What was recorded for an arrival, in order."""
    rows = connection.execute(f"{_RECORD} WHERE arrival = ? ORDER BY position", (arrival,))
    return tuple(Record(*row) for row in rows.fetchall())


def find_arrival(connection: sqlite3.Connection, name: str) -> Kept | None:
    sql = "SELECT id, inbox, kind, data, not_before_us, done FROM arrival WHERE id = ?"
    row = connection.execute(sql, (name,)).fetchone()
    if row is None:
        return None
    *columns, done = row
    return Kept(Arrival(*columns), memo_of(connection, name), bool(done))


def page(
    connection: sqlite3.Connection, after: Cursor, upto: Cursor, kinds: Collection[str] | None
) -> list[Record]:
    """Records of positions (after, upto], in order."""
    sql, values = f"{_RECORD} WHERE position > ? AND position <= ?", [after, upto]
    if kinds is not None:
        sql += f" AND kind IN ({placeholders(kinds)})"
    rows = connection.execute(f"{sql} ORDER BY position", [*values, *(kinds or ())])
    return [Record(*row) for row in rows.fetchall()]


def named(connection: sqlite3.Connection, prefix: str) -> list[Record]:
    """Records whose keys begin so, in the order of the feed; ASCII, not empty."""
    after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    sql = f"{_RECORD} WHERE key >= ? AND key < ? ORDER BY position"
    return [Record(*row) for row in connection.execute(sql, (prefix, after)).fetchall()]


def data_at(connection: sqlite3.Connection, positions: Sequence[Cursor]) -> list[bytes]:
    """What the records at these positions say, in the order of the feed; no body."""
    sql = f"SELECT data FROM record WHERE position {_ANY_OF} ORDER BY position"  # noqa: S608 - constants
    rows = connection.execute(sql, (json.dumps(positions),)).fetchall()
    return [bytes(data) for (data,) in rows]


def undone(connection: sqlite3.Connection) -> list[Arrival]:
    """Everything accepted and not finished, in accept order."""
    sql = "SELECT id, inbox, kind, data, not_before_us FROM arrival INDEXED BY arrival_undone"
    rows = connection.execute(f"{sql} WHERE done = 0 ORDER BY position")
    return [Arrival(*row) for row in rows.fetchall()]


def undone_of_kind(
    connection: sqlite3.Connection, kind: str, after: int, limit: int
) -> list[tuple[int, Arrival]]:
    """A page of what is accepted and not finished, each with its position."""
    rows = connection.execute(
        "SELECT position, id, inbox, kind, data, not_before_us FROM arrival"
        " INDEXED BY arrival_undone WHERE done = 0 AND kind = ? AND position > ?"
        " ORDER BY position LIMIT ?",
        (kind, after, limit),
    )
    return [(row[0], Arrival(*row[1:])) for row in rows.fetchall()]


def undone_messages(connection: sqlite3.Connection) -> int:
    sql = "SELECT count(*) FROM arrival WHERE done = 0 AND kind = 'message'"
    return int(connection.execute(sql).fetchone()[0])


def last_arrival(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(position), 0) FROM arrival").fetchone()[0])


def last_record(connection: sqlite3.Connection) -> Cursor:
    return int(connection.execute("SELECT coalesce(max(position), 0) FROM record").fetchone()[0])


def last_of_kind(connection: sqlite3.Connection, kind: str) -> Record | None:
    """The newest record of a kind that is appended often: a short look back."""
    sql = f"{_RECORD} WHERE kind = ? ORDER BY position DESC LIMIT 1"
    row = connection.execute(sql, (kind,)).fetchone()
    return None if row is None else Record(*row)


def epoch(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT epoch FROM fence WHERE partition = 0").fetchone()[0])


def set_epoch(connection: sqlite3.Connection, number: int, worker: str) -> None:
    sql = "UPDATE fence SET epoch = ?, worker = ?, sum = ? WHERE partition = 0"
    connection.execute(sql, (number, worker, fence_sum(0, number, worker)))
