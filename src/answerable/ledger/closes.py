"""Rows of the last close: every counter as it committed them, the tree above, and what has moved
since. Made from the feed like all state, in the transaction of the entries that it is about."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from answerable.ledger.counted import (
    Change,
    Counted,
    Rows,
    bucket_hash,
    bucket_of,
    depth_of,
    grouped,
    key_of,
)
from answerable.ledger.domain import CLOSED, INTEGER_MAX, Entry
from answerable.ledger.tree import HASH_BYTES, node_hash
from answerable.store.sqlite import insert_many, scratch

SCHEMA = """
CREATE TABLE moved (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE closed (key BLOB PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE closed_node (level INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL,
                          PRIMARY KEY (level, number)) WITHOUT ROWID;
CREATE TABLE last_close (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL,
                         names INTEGER NOT NULL, day TEXT NOT NULL);
CREATE TABLE log_time (one INTEGER PRIMARY KEY CHECK (one = 1), first INTEGER NOT NULL,
                       latest INTEGER NOT NULL, skew INTEGER NOT NULL);
"""
TABLES = ("moved", "closed", "closed_node", "last_close", "log_time")
_ANY_OF = "IN (SELECT value FROM json_each(?))"
_ALL_BUCKETS = 1_024  # from as many on they are read at once


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the last close stands; `seq` is -1 before the first."""

    seq: int
    names: int
    day: str  # the last one that was closed; empty before the first


@dataclass(frozen=True, slots=True)
class Times:
    """Of the entries so far: the first one's, the latest, and how far one has been behind it."""

    first: int
    latest: int
    skew: int


def move(db: sqlite3.Connection, names: Iterable[str]) -> None:
    """These counters have moved since the last close."""
    insert_many(db, "moved (name)", [(name,) for name in names], "ON CONFLICT DO NOTHING")


def pass_time(db: sqlite3.Connection, stamps: list[int]) -> None:
    """Entries of these times have come, in this order."""
    if not stamps:
        return
    latest, skew = stamps[0], 0
    for ts in stamps:
        latest = max(latest, ts)
        skew = max(skew, latest - ts)
    db.execute(
        "INSERT INTO log_time (one, first, latest, skew) VALUES (1, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET skew = max(skew, excluded.skew, latest - ?), latest = max(latest, excluded.latest)",
        (stamps[0], latest, skew, min(stamps)),
    )


def close(db: sqlite3.Connection, entry: Entry) -> None:
    """What had moved is committed by this entry."""
    write(db, proposed(db, _moved(db)), entry)
    db.execute("DELETE FROM moved")


def write(db: sqlite3.Connection, change: Change, entry: Entry) -> None:
    """The map as it is after this close."""
    if change.is_regrouped:
        db.execute("DELETE FROM closed_node")
    over = "ON CONFLICT DO UPDATE SET last = excluded.last"
    insert_many(db, "closed (key, last)", list(change.rows.items()), over)
    nodes = [(level, number, each) for (level, number), each in change.nodes.items()]
    over = "ON CONFLICT DO UPDATE SET hash = excluded.hash"
    insert_many(db, "closed_node (level, number, hash)", nodes, over)
    day = entry.changed("day") or standing(db).day
    db.execute(
        "INSERT OR REPLACE INTO last_close (one, seq, names, day) VALUES (1, ?, ?, ?)",
        (entry.seq, change.names, day),
    )


def closing(db: sqlite3.Connection) -> dict[str, str | int]:
    """What a close that comes next has to say of all entries before it."""
    change = proposed(db, _moved(db))
    return {"names": change.names, "root": change.root.hex(), "skew": times(db).skew}


def standing(db: sqlite3.Connection) -> Standing:
    row = db.execute("SELECT seq, names, day FROM last_close").fetchone()
    return Standing(int(row[0]), int(row[1]), str(row[2])) if row else Standing(-1, 0, "")


def times(db: sqlite3.Connection) -> Times:
    row = db.execute("SELECT first, latest, skew FROM log_time").fetchone()
    return Times(*map(int, row)) if row else Times(0, 0, 0)


def last(db: sqlite3.Connection, name: str) -> int:
    """How many entries have counted for `name` by now, closed or not."""
    row = db.execute("SELECT last FROM counter WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def counted(db: sqlite3.Connection, name: str) -> Counted:
    """The proof of what `name` had counted at the last close."""
    names = standing(db).names
    depth = depth_of(names)
    at = bucket_of(key_of(name), depth)
    rows = _bucket(db, at, depth)
    path = [_node(db, depth - up, (at >> up) ^ 1) for up in range(depth)]
    return Counted(names, rows, path)


def proposed(db: sqlite3.Connection, moved: Mapping[str, int]) -> Change:
    """The map after these counters have moved to where they are said to stand; writes nothing."""
    before = standing(db).names
    rows = {key_of(name): last for name, last in moved.items()}
    depth = depth_of(before)
    buckets = _buckets(db, {bucket_of(key, depth) for key in rows}, depth)
    known = {key for bucket in buckets.values() for key, _ in bucket}
    names = before + len(rows.keys() - known)
    if depth_of(names) != depth or not before:
        everything = dict(db.execute("SELECT key, last FROM closed").fetchall()) | rows
        return _regrouped(names, rows, everything)
    news = grouped(rows.items(), depth)
    nodes = {}
    for number, bucket in buckets.items():
        whole = dict(bucket) | dict(news[number])
        nodes[depth, number] = bucket_hash(sorted(whole.items()))
    for level in range(depth, 0, -1):
        nodes |= _folded(db, level, {at: h for (of, at), h in nodes.items() if of == level})
    if (0, 0) not in nodes:
        nodes[0, 0] = _node(db, 0, 0)
    return Change(names, depth, is_regrouped=False, rows=rows, nodes=nodes)


def _regrouped(names: int, rows: Mapping[bytes, int], everything: Mapping[bytes, int]) -> Change:
    depth = depth_of(names)
    buckets = grouped(everything.items(), depth)
    level = [bucket_hash(buckets.get(number, ())) for number in range(1 << depth)]
    nodes = {(depth, number): each for number, each in enumerate(level)}
    for above in range(depth - 1, -1, -1):
        level = [node_hash(*level[at : at + 2]) for at in range(0, len(level), 2)]
        nodes |= {(above, number): each for number, each in enumerate(level)}
    return Change(names, depth, is_regrouped=True, rows=rows, nodes=nodes)


def _folded(
    db: sqlite3.Connection, level: int, nodes: Mapping[int, bytes]
) -> dict[tuple[int, int], bytes]:
    """The nodes above these, with their siblings as they stand."""
    others = [number ^ 1 for number in nodes if number ^ 1 not in nodes]
    sql = f"SELECT number, hash FROM closed_node WHERE level = ? AND number {_ANY_OF}"  # noqa: S608 - constants
    siblings = db.execute(sql, (level, msgspec.json.encode(others).decode())).fetchall()
    every = dict(siblings) | dict(nodes)
    pairs = {number & ~1 for number in nodes}
    return {(level - 1, left >> 1): node_hash(every[left], every[left + 1]) for left in pairs}


def _moved(db: sqlite3.Connection) -> dict[str, int]:
    sql = "SELECT name, last FROM moved JOIN counter USING (name)"
    return dict(db.execute(sql).fetchall())


def _buckets(
    db: sqlite3.Connection, numbers: set[int], depth: int
) -> dict[int, list[tuple[bytes, int]]]:
    if len(numbers) < _ALL_BUCKETS:
        return {number: list(_bucket(db, number, depth)) for number in sorted(numbers)}
    found = grouped(db.execute("SELECT key, last FROM closed").fetchall(), depth)
    return {number: found.get(number, []) for number in numbers}


def _bucket(db: sqlite3.Connection, number: int, depth: int) -> Rows:
    shift = 8 * HASH_BYTES - depth
    first = (number << shift).to_bytes(HASH_BYTES, "big")
    last = ((number + 1 << shift) - 1).to_bytes(HASH_BYTES, "big")
    sql = "SELECT key, last FROM closed WHERE key BETWEEN ? AND ? ORDER BY key"
    return [(bytes(key), int(count)) for key, count in db.execute(sql, (first, last)).fetchall()]


def _node(db: sqlite3.Connection, level: int, number: int) -> bytes:
    sql = "SELECT hash FROM closed_node WHERE level = ? AND number = ?"
    return bytes(db.execute(sql, (level, number)).fetchone()[0])


class CloseChecks:
    """Counts along with the entries of a log, and says whether each close commits what was counted.

    The counters are its caller's; here are the map, and what has moved.
    """

    def __init__(self) -> None:
        self._db = scratch()
        self._db.executescript(SCHEMA)
        self._moved: set[str] = set()
        self.move = self._moved.add  # a counter that has moved since the last close
        self._latest, self._skew = -INTEGER_MAX, 0

    def take(self, entry: Entry, counts: Mapping[str, int]) -> str | None:
        """The next entry, counted already; what is wrong with what it commits, if it is a close."""
        problem = self._problem(entry, counts) if entry.kind == CLOSED else None
        if entry.ts >= self._latest:
            self._latest = entry.ts
        else:
            self._skew = max(self._skew, self._latest - entry.ts)
        return problem

    def _problem(self, entry: Entry, counts: Mapping[str, int]) -> str | None:
        said = entry.change or {}
        change = proposed(self._db, {name: counts[name] for name in self._moved})
        should = {"names": change.names, "root": change.root.hex(), "skew": self._skew}
        for what, value in should.items():
            if said.get(what) != value:
                return f"it closes with {what} {said.get(what)}, and the entries make {value}"
        before, since, day = standing(self._db).day, entry.changed("since"), entry.changed("day")
        if (day or since) and not before < since <= day:
            return f"it closes the days {since} to {day}, and before it {before or 'none'} was"
        write(self._db, change, entry)
        self._moved.clear()
        return None
