"""A log in memory with closes, and answers out of it: honest ones, and those of who holds the key.

Answers are made by reading every entry, not by the product's own finder: only what proves is ours.
"""

import asyncio
import random
import sqlite3
from collections.abc import Collection
from functools import cached_property

import msgspec

from answerable.ledger import closes, rows
from answerable.ledger.answer import Answer, Question, answer_of
from answerable.ledger.counted import Counted
from answerable.ledger.domain import Entry, Owner, Subject, encode_entry
from answerable.ledger.many import many_proof
from answerable.ledger.note import checkpoint_body, sign_note
from answerable.ledger.tree import CompactRange, leaf_hash, node_hash
from answerable.store.sqlite import scratch
from small_ledger import SIGNER

START_US = 1_767_225_600_000_000  # 2026-01-01
HOUR_US = 3_600_000_000


class ClosedLog:
    """Entries of parties and owners, one an hour, with a close wherever `close` is called."""

    def __init__(self) -> None:
        self.db: sqlite3.Connection = scratch()
        self.db.executescript(rows.SCHEMA)
        self.entries: list[Entry] = []
        self.data: list[bytes] = []
        self._levels: list[list[bytes]] = [[]]
        self._tree = CompactRange()
        self._counts: dict[str, int] = {}
        self._latest = self._skew = 0
        self._of: dict[str, list[Entry]] = {}

    def _next(self, name: str) -> int:
        self._counts[name] = self._counts.get(name, 0) + 1
        return self._counts[name]

    def add(self, party: str = "", owner: str = "", ts: int | None = None) -> Entry:
        entry = Entry(
            v=1, id=f"ent_{len(self.entries)}", seq=len(self.entries), kind="outcome", actor="test",
            ts=START_US + len(self.entries) * HOUR_US if ts is None else ts,
            subject=Subject(pid=party, sseq=self._next(f"s/{party}")) if party else None,
            owner=Owner(person=owner, accepted_at=0) if owner else None,
            oseq=self._next(f"o/{owner}") if owner else None,
        )  # fmt: skip
        return self.put(entry)

    def close(self, **altered: str | int) -> Entry:
        seq = len(self.entries)
        change = closes.closing(self.db) | altered
        entry = Entry(
            v=1, id=f"cls_{seq}", seq=seq, kind="day.closed", actor="system:close",
            ts=max(self._latest, START_US + seq * HOUR_US), change=change,
        )  # fmt: skip
        return self.put(entry)

    def put(self, entry: Entry) -> Entry:
        self.entries.append(entry)
        self.data.append(encode_entry(entry))
        rows.project(self.db, [entry])
        if entry.subject is not None:
            self._of.setdefault(f"s/{entry.subject.pid}", []).append(entry)
        if entry.owner is not None:
            self._of.setdefault(f"o/{entry.owner.person}", []).append(entry)
        self._latest = max(self._latest, entry.ts)
        self._skew = max(self._skew, self._latest - entry.ts)
        node = leaf_hash(self.data[-1])
        self._tree.append(node)
        self._levels[0].append(node)
        for level, hashes in enumerate(self._levels):
            if len(hashes) % 2:
                break
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(node_hash(*hashes[-2:]))
        return entry

    @cached_property
    def checkpoint(self) -> str:
        """The signed head; nothing is added after it was asked for the first time."""
        size, root = self._tree.size, self._tree.root()
        return asyncio.run(sign_note(checkpoint_body(SIGNER.name, size, root), SIGNER))

    def node(self, level: int, index: int) -> bytes:
        return self._levels[level][index]

    def run(self, question: Question, close: int) -> list[int]:
        """Indexes of all that is theirs, from the last surely before to the first surely after."""
        theirs = [e for e in self._of.get(question.name, ()) if e.seq < close]
        skew = self._skew
        first = max((n for n, e in enumerate(theirs) if e.ts + skew < question.since), default=0)
        last = min(
            (n for n, e in enumerate(theirs) if e.ts - skew >= question.until),
            default=len(theirs),
        )
        return [e.seq for e in theirs[first : last + 1]]

    def counted(self, question: Question) -> Counted:
        return closes.counted(self.db, question.name)

    def answer(
        self, question: Question, *, without: Collection[int] = (), beside: Collection[int] = ()
    ) -> Answer:
        """As of the last close; without some entries, or with others, and with a good proof."""
        close = closes.standing(self.db).seq
        kept = sorted({*self.run(question, close), close, *beside} - set(without))
        hashes = many_proof(kept, len(self.data), self.node)
        return answer_of(
            question, close, self.counted(question), [self.data[index] for index in kept],
            checkpoint=self.checkpoint, hashes=hashes,
        )  # fmt: skip


def drawn_log(entries: int, *, parties: int, owners: int, seed: int = 7) -> ClosedLog:
    """Some entries have no party or no owner; a close now and then, and one at the end."""
    chance, log = random.Random(seed), ClosedLog()
    while len(log.entries) < entries:
        if chance.random() < 0.01:
            log.close()
        party = f"pty_{chance.randrange(parties)}" if chance.random() < 0.9 else ""
        log.add(party, f"per_{chance.randrange(owners)}" if chance.random() < 0.7 else "")
    log.close()
    return log


def changed(answer: Answer, **fields: object) -> Answer:
    return msgspec.structs.replace(answer, **fields)
