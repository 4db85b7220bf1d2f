"""The engine on one SQLite file."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path

from answerable.adapters.engines.embedded import rows
from answerable.adapters.engines.embedded.holding import Holding
from answerable.adapters.engines.embedded.state import State, settle
from answerable.adapters.engines.embedded.tables import Tables
from answerable.adapters.engines.embedded.units import Accept, Append, Drop, Take, Taken, Unit
from answerable.adapters.engines.embedded.writer import Commit, Writer, commit
from answerable.base.clock import Clock
from answerable.base.errors import Broken
from answerable.engine.port import Accepted, Arrival, Claim, Cursor, Fence, Fenced, Kept, Record
from answerable.store.lock import HomeLock
from answerable.store.sqlite import in_our_words, open_reader, open_writer

DATABASE = "answerable.db"
_PAGE_POSITIONS = 500


def open_file(path: Path) -> sqlite3.Connection:
    """The writing connection to a home's file, its schema as this program wants it."""
    return open_writer(path, rows.MIGRATIONS, renumbered=rows.RENUMBERED, functions=rows.FUNCTIONS)


class JournalClosed(Broken):
    """The journal was closed, in this process."""

    code = "journal_closed"

    def __init__(self, path: Path) -> None:
        super().__init__(f"The journal '{path}' is closed.", "Nothing was written.")


class EmbeddedJournal:
    """The Engine port on `home/answerable.db`, one partition; one process holds the home.

    All methods belong to one event loop's thread. `state` is written in the append's
    transaction; `reader()` sees them as soon as the append has returned.
    """

    def __init__(
        self, lock: HomeLock, connection: sqlite3.Connection, tables: Tables, clock: Clock,
        commit: Commit = commit,
    ) -> None:  # fmt: skip
        self.path = lock.home / DATABASE
        self._lock = lock
        self._connection = connection
        self._reader = open_reader(self.path)
        self._tables = tables
        self._clock = clock
        self._writer = Writer(connection, self.path, tables, self._settled, commit)
        self._holding: Holding | None = None
        self._is_open = True

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        state: State | None = None,
        backlog_max: int = 20_000,
        threaded: bool = True,
        commit: Commit = commit,
    ) -> "EmbeddedJournal":
        """Hold the home `path` and open its file; another `state` than it has is made anew.

        `backlog_max` bounds the messages that wait; `threaded=False` commits in the loop's thread.
        Raises HomeHeld, WrongHome, NewerSchema, StateNotBuilt, CorruptPage, DiskFull,
        StorageFailed.
        """
        state = state or State()
        with contextlib.ExitStack() as undo:
            lock = HomeLock.take(path)
            undo.callback(lock.release)
            file = path / DATABASE
            connection = open_file(file)
            undo.callback(connection.close)
            with in_our_words(file):
                settle(connection, file, state)
                tables = Tables(connection, file, project=state.project, backlog_max=backlog_max)
            journal = cls(lock, connection, tables, clock, commit)
            undo.pop_all()
        if threaded:
            journal._writer.start_thread()
        return journal

    @property
    def commits(self) -> int:
        """Transactions committed since opening: what group commit saves."""
        return self._writer.commits

    @property
    def backlog(self) -> int:
        """Messages accepted and not finished."""
        return self._tables.counters.backlog

    def wait_s(self) -> float:
        """How long a message that is accepted now would wait to be taken up; 0 where nobody
        claims: then it waits for a worker, not for others."""
        return self._holding.wait_s() if self._holding is not None else 0.0

    @property
    def end(self) -> Cursor:
        """The position of the newest record."""
        return self._tables.counters.records

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever accepted or written here."""
        return not (self._tables.counters.arrivals or self._tables.counters.records)

    def reader(self) -> sqlite3.Connection:
        """The loop's read-only connection, for state queries. Fetch all rows at once."""
        return self._reader

    def last(self, kind: str) -> Record | None:
        """The newest record of a kind, out of the feed itself."""
        with in_our_words(self.path):
            return rows.last_of_kind(self._reader, kind)

    def after(self, position: Cursor, kinds: Collection[str]) -> list[Record]:
        """Records of these kinds after a position that is near the end."""
        with in_our_words(self.path):
            upto = rows.last_record(self._reader)
            return rows.page(self._reader, position, upto, kinds)

    def named(self, prefix: str) -> list[Record]:
        """Records whose keys begin so, in the order of the feed."""
        with in_our_words(self.path):
            return rows.named(self._reader, prefix)

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Accepted]:
        """See engine.port. Raises Busy when too many messages wait; other kinds always come in."""
        unit = Accept(arrivals, asyncio.get_running_loop().create_future())
        self._writer.submit(unit)
        return await unit.waiter

    async def claim(self, worker: str, n: int) -> AsyncIterator[Claim]:
        """See engine.port. The partition is taken at the first step; an earlier claim is Fenced."""
        take = Take(worker, asyncio.get_running_loop().create_future())
        self._writer.submit(take)
        holding = self._held_under((await take.waiter).fence)
        try:
            while True:
                arrival = await holding.next(n)
                memo: tuple[Record, ...] = ()
                if holding.may_have_memo(arrival):
                    with in_our_words(self.path):
                        memo = rows.memo_of(self._reader, arrival.id)
                yield Claim(holding.fence, (arrival,), memo)
        finally:
            holding.end(Fenced(holding.fence, holding.fence.epoch))
            if self._holding is holding:
                self._holding = None

    def _held_under(self, fence: Fence) -> Holding:
        if self._holding is None or self._holding.fence != fence:
            raise Fenced(fence, self._tables.counters.epoch)
        return self._holding

    async def append(
        self, fence: Fence, records: Sequence[Record], done: Sequence[str] = ()
    ) -> list[Cursor]:
        """See engine.port. Raises whatever `project` raises for these records; nothing is written.

        A `done` id that is not waiting (finished, or never accepted) changes nothing.
        """
        unit = Append(fence, records, done, asyncio.get_running_loop().create_future())
        self._writer.submit(unit)
        return await unit.waiter

    async def renew(self, fence: Fence) -> None:
        """See engine.port. Nobody else can take the partition while we hold the home."""
        self._writer.check()
        if not self._tables.is_held_by(fence):
            raise Fenced(fence, self._tables.counters.epoch)

    async def read(
        self, after: Cursor, kinds: Collection[str] | None = None
    ) -> AsyncIterator[Record]:
        """See engine.port. Lets the loop run between pages."""
        async for record in read_feed(self._reader, self.path, after, kinds):
            yield record

    async def find(self, arrival_id: str) -> Kept | None:
        """See engine.port."""
        with in_our_words(self.path):
            return rows.find_arrival(self._reader, arrival_id)

    async def drop(self, fence: Fence, after: Cursor, upto: Cursor, kinds: Collection[str]) -> int:
        """See engine.port."""
        loop = asyncio.get_running_loop()
        unit = Drop(fence, after, upto, kinds, loop.create_future())
        self._writer.submit(unit)
        return await unit.waiter

    async def waiting(self, kind: str) -> AsyncIterator[Arrival]:
        """See engine.port. Lets the loop run between pages."""
        after = 0
        while True:
            with in_our_words(self.path):
                page = rows.undone_of_kind(self._reader, kind, after, _PAGE_POSITIONS)
            for position, arrival in page:
                after = position
                yield arrival
            if len(page) < _PAGE_POSITIONS:
                return
            await asyncio.sleep(0)

    async def waiting_in(self, inboxes: Collection[str]) -> list[Arrival]:
        """See engine.port. Out of memory while the partition is held, and else by a look at all
        that is not finished."""
        if self._holding is not None:
            return self._holding.within(inboxes)
        with in_our_words(self.path):
            return [one for one in rows.undone(self._reader) if one.inbox in inboxes]

    def close(self) -> None:
        """Finish what waits and give the home back; a second call does nothing."""
        if self._is_open:
            self._writer.drain()
            self._shut()

    def abandon(self) -> None:
        """Leave as a SIGKILL would: what is not committed is gone, its callers are cancelled."""
        if self._is_open:
            self._shut()

    def _shut(self) -> None:
        self._is_open = False
        closed = JournalClosed(self.path)
        self._writer.shut(closed)
        if self._holding is not None:
            self._holding.end(closed)
            self._holding = None
        self._reader.close()
        self._connection.close()
        self._lock.release()

    def _settled(self, batch: Sequence[Unit]) -> None:
        """The inboxes follow what was committed, in its order."""
        for unit in batch:
            if unit.error is not None:
                continue
            if isinstance(unit, Take):
                self._hand_over(unit.result)
            elif self._holding is None or isinstance(unit, Drop):
                continue
            elif isinstance(unit, Append):
                if unit.done:
                    self._holding.finish(unit.done)
            else:
                self._holding.add(unit.fresh())

    def _hand_over(self, taken: Taken) -> None:
        if self._holding is not None:
            self._holding.end(Fenced(self._holding.fence, taken.fence.epoch))
        self._holding = Holding(taken, self._clock)


class FeedFile:
    """The feed of a home's file as it lies there, for who only reads. `close` it."""

    def __init__(self, home: Path) -> None:
        self._path = home / DATABASE
        self._reader = open_reader(self._path)

    def read(self, after: Cursor, kinds: Collection[str] | None = None) -> AsyncIterator[Record]:
        return read_feed(self._reader, self._path, after, kinds)

    def first(self, key: str) -> Record | None:
        """The record of a key."""
        with in_our_words(self._path):
            return rows.find_first(self._reader, [key])

    def memo(self, arrival: str) -> tuple[Record, ...]:
        """What was recorded for an arrival, in order."""
        with in_our_words(self._path):
            return rows.memo_of(self._reader, arrival)

    def named(self, prefix: str) -> list[Record]:
        """Records whose keys begin so, in the order of the feed: those that are few."""
        with in_our_words(self._path):
            return rows.named(self._reader, prefix)

    def data_at(self, positions: Sequence[Cursor]) -> list[bytes]:
        """What the records at these positions say, in the order of the feed."""
        with in_our_words(self._path):
            return rows.data_at(self._reader, positions)

    @property
    def state(self) -> sqlite3.Connection:
        """For queries of state rows. Fetch all rows at once."""
        return self._reader

    def close(self) -> None:
        self._reader.close()


async def read_feed(
    reader: sqlite3.Connection, path: Path, after: Cursor = 0, kinds: Collection[str] | None = None
) -> AsyncIterator[Record]:
    """The feed from a reading connection: of the open journal, or of a home that another holds."""
    with in_our_words(path):
        upto = rows.last_record(reader)
    size = 1  # who wants one record reads one; who reads on gets ever larger pages
    while after < upto:
        end = min(after + size, upto)
        size = min(size * 4, _PAGE_POSITIONS)
        with in_our_words(path):
            page = rows.page(reader, after, end, kinds)
        for record in page:
            yield record
        after = end
        await asyncio.sleep(0)
