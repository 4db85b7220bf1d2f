"""What this machine asks for the same work with nothing around it: the floor under each kind."""

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from answerable.base.money import Money
from answerable.ledger.domain import KINDS, decode_entry, encode_entry
from answerable.ledger.keyed import hmac_sha256
from answerable.ledger.tree import leaf_hash
from answerable.policy.decide import decide
from answerable.policy.domain import Request
from answerable.policy.load import load
from answerable.store.sqlite import insert_many

T = TypeVar("T")
_REPEATS = 7
_EACH = 2_000
_SYNCS = 50
_QUESTIONS = 100
_DECISIONS = 2
"""Of one interaction: an effect and a reply."""


@dataclass(frozen=True, slots=True)
class Floor:
    """Microseconds for one interaction: `fsync` waits, all others are processor time."""

    fsync: float
    SQL: float
    hash: float
    encode: float
    encrypt: float
    Cedar: float


def measure(home: Path, *, interactions: int, commits: int, policy: str) -> Floor:
    """Of the records that a run left in `home`, so many of them for each interaction."""
    with closing(sqlite3.connect(home / "answerable.db")) as database:
        sql = "SELECT key, kind, arrival, data, body FROM record ORDER BY position DESC LIMIT ?"
        rows = database.execute(sql, (_EACH,)).fetchall()
        (total,) = database.execute("SELECT count(*) FROM record").fetchone()
    each = total / interactions
    entries = [row[3] for row in rows if row[1] in KINDS]
    bodies = [row[4] for row in rows if row[4] is not None]
    of_entry, of_body = each * len(entries) / len(rows), each * len(bodies) / len(rows)
    decoded = [decode_entry(data) for data in entries]
    key, nonce = bytes(range(32)), bytes(12)
    hashing = of_entry * _us(leaf_hash, entries) + of_body * _us(
        lambda body: hmac_sha256(key, body[:64]), bodies
    )
    return Floor(
        fsync=_fsync_us(home) * commits / interactions,
        SQL=each * _insert_us(home, rows),
        hash=hashing,
        encode=of_entry * (_us(encode_entry, decoded) + _us(decode_entry, entries)),
        encrypt=of_body * _us(lambda body: AESGCM(key).encrypt(nonce, body, b""), bodies),
        Cedar=_DECISIONS * _cedar_us(policy),
    )


def _us(work: Callable[[T], object], inputs: Sequence[T]) -> float:
    """The best of some rounds, for one: what disturbs only ever adds."""
    rounds = []
    for _ in range(_REPEATS):
        began = time.process_time()
        for one in inputs:
            work(one)
        rounds.append((time.process_time() - began) / len(inputs))
    return min(rounds) * 1e6


def _fsync_us(home: Path) -> float:
    took = []
    with (home / "floor.tmp").open("wb") as file:
        for _ in range(_SYNCS):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    (home / "floor.tmp").unlink()
    return median(took) * 1e6


def _insert_us(home: Path, rows: Sequence[Sequence[object]]) -> float:
    """A row, of many in one transaction, into a table with nothing but its rows; not synced."""
    took = []
    for _ in range(_REPEATS):
        path = home / "floor.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = OFF")
            database.execute("CREATE TABLE record (key, kind, arrival, data, body)")
            began = time.process_time()
            database.execute("BEGIN IMMEDIATE")
            insert_many(database, "record (key, kind, arrival, data, body)", rows)
            database.execute("COMMIT")
            took.append((time.process_time() - began) / len(rows))
        for left in (path, path.with_name("floor.db-wal"), path.with_name("floor.db-shm")):
            left.unlink(missing_ok=True)
    return min(took) * 1e6


def _cedar_us(policy: str) -> float:
    """A question that was not asked before."""
    policies = load({"bench.cedar": policy})
    requests = [
        Request(
            agent="support", release="rel", action="perform", name="refund", grade=1, at_us=0,
            amount=Money(number, "USD"),
        )
        for number in range(_REPEATS * _QUESTIONS)
    ]  # fmt: skip
    asked = iter(requests)  # the rounds ask different ones: what was answered once is kept
    return _us(lambda _: decide(policies, next(asked)), range(_QUESTIONS))
