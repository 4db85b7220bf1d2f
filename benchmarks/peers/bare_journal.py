"""The limit: a journal that does nothing but group-commit the same bytes in the same barriers.

Three barriers, as the work asks for: the message accepted once; the intent; the decision, the reply
and the end. Whatever waits while one commit is on its way is the next one. SQLite in WAL mode with
`synchronous=FULL`: every commit is an fsync (https://www.sqlite.org/pragma.html#pragma_synchronous).
No policy, no encryption, no proof, no owner: nothing that does more can be faster by much.
"""

import asyncio
import json
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from workload import AMOUNT_MINOR, REPLY, Message, Outside, decision, intent, main, synchronous

_ROWS_MAX = 4_000
_SCHEMA = """
CREATE TABLE arrival (id TEXT PRIMARY KEY, sender TEXT, data TEXT, done INTEGER) WITHOUT ROWID;
CREATE TABLE record (key TEXT PRIMARY KEY, kind TEXT, data TEXT);
"""


@dataclass(slots=True, eq=False)
class Write:
    """What one interaction wants durable; the future says whether its arrival was new."""

    written: "asyncio.Future[bool]"
    arrival: tuple[str, str, str, int] | None = None
    records: Sequence[tuple[str, str, str]] = ()
    done: str | None = None


class BareJournal:
    async def open(self, home: Path, outside: Outside, _concurrency: int) -> None:
        self._outside = outside
        self._db = sqlite3.connect(
            home / "journal.db", isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA wal_autocheckpoint = 4000")
        self._db.executescript(_SCHEMA)
        self._synchronous = synchronous(self._db.execute("PRAGMA synchronous").fetchone()[0])
        self._waiting: list[Write] = []
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(1)
        self._writer = asyncio.create_task(self._write())

    async def interact(self, message: Message) -> None:
        key, party = message.external_id, message.sender
        if not await self._durable(arrival=(key, party, message.text, 0)):
            return
        asked = json.dumps(intent(key, party))
        await self._durable(records=[(f"{key}/intent", "intent", asked)])
        receipt = self._outside.refund(key, AMOUNT_MINOR)
        ends = [
            (f"{key}/decision", "decision", decision(key, party, receipt)),
            (f"{key}/reply", "reply", REPLY),
        ]
        await self._durable(records=ends, done=key)

    async def _durable(
        self,
        *,
        arrival: tuple[str, str, str, int] | None = None,
        records: Sequence[tuple[str, str, str]] = (),
        done: str | None = None,
    ) -> bool:
        write = Write(asyncio.get_running_loop().create_future(), arrival, records, done)
        self._waiting.append(write)
        self._wake.set()
        return await write.written

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._waiting = self._waiting, []
            new = await loop.run_in_executor(self._thread, self._commit, batch)
            for write in batch:
                write.written.set_result(write.arrival is None or write.arrival[0] in new)

    def _commit(self, batch: Sequence[Write]) -> set[str]:
        """One transaction, a few statements of many rows: each one gives up the interpreter."""
        self._db.execute("BEGIN IMMEDIATE")
        new: set[str] = set()
        for rows in _parts([write.arrival for write in batch if write.arrival]):
            sql = f"INSERT INTO arrival VALUES {_marks(rows)} ON CONFLICT DO NOTHING RETURNING id"
            new.update(row[0] for row in self._db.execute(sql, _flat(rows)).fetchall())
        for parts in _parts([row for write in batch for row in write.records]):
            self._db.execute(f"INSERT INTO record VALUES {_marks(parts)}", _flat(parts))
        if done := [write.done for write in batch if write.done]:
            marks = ",".join("?" * len(done))
            self._db.execute(f"UPDATE arrival SET done = 1, data = '' WHERE id IN ({marks})", done)
        self._db.execute("COMMIT")
        return new

    async def close(self) -> None:
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)
        self._thread.shutdown()
        self._db.close()

    def replies(self, home: Path) -> int:
        db = sqlite3.connect(home / "journal.db")
        found = int(db.execute("SELECT count(*) FROM record WHERE kind = 'reply'").fetchone()[0])
        db.close()
        return found

    def facts(self) -> dict[str, str]:
        return {
            "durability": f"WAL, synchronous={self._synchronous}, one writer, group commit",
            "sqlite": sqlite3.sqlite_version,
        }


def _parts(rows: Sequence[Sequence[object]]) -> Iterable[Sequence[Sequence[object]]]:
    return (rows[at : at + _ROWS_MAX] for at in range(0, len(rows), _ROWS_MAX))


def _marks(rows: Sequence[Sequence[object]]) -> str:
    one = "(" + ",".join("?" * len(rows[0])) + ")"
    return ",".join([one] * len(rows))


def _flat(rows: Sequence[Sequence[object]]) -> list[object]:
    return list(chain.from_iterable(rows))


if __name__ == "__main__":
    sys.exit(main(BareJournal))
