"""Group commit: what waits goes into one transaction, and one fsync makes it durable.

The loop's thread fills the transaction, the writer's thread commits it; never both at once. Why
not all in the thread: next to a busy loop it waits up to 5 ms for the interpreter at every row
(measured: 2,600 us a record instead of 10), so a loaded worker would starve its own disk.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from answerable.adapters.engines.embedded.tables import Tables
from answerable.adapters.engines.embedded.units import Take, Unit
from answerable.base.errors import Broken
from answerable.store.sqlite import StorageFailed, broken_from, is_full

_BATCH_UNITS_MAX = 1_000  # for more it does not wait
_BATCH_ROWS_MAX = 4_096  # bounds how long one batch keeps the loop from other work

Settled = Callable[[Sequence[Unit]], None]
"""Told of each committed batch, in commit order, before its callers are."""
Commit = Callable[[sqlite3.Connection], object]
"""The moment at which the disk decides; the simulator has one of its own that fails."""


def commit(connection: sqlite3.Connection) -> object:
    return connection.execute("COMMIT")


class Writer:
    """Owns the writing connection. `submit` queues a unit; its `waiter` gets what became of it.

    While one batch is on its way to disk the next one gathers, so batch size adapts by itself.
    Without `start_thread` the loop's thread commits: the simulator's runner.

    When a commit fails, the batch is rolled back and each of its callers gets the error. A full
    disk leaves no doubt (the frame that commits was not written), so later writes are tried.
    After any other failure of the commit itself the frame may or may not have reached the disk,
    and only SQLite's recovery at the next open tells: until then every write is refused. Callers
    repeat after the reopening: accept is idempotent by id and append by record key.
    """

    def __init__(
        self, connection: sqlite3.Connection, path: Path, tables: Tables, settled: Settled,
        commit: Commit = commit,
    ) -> None:  # fmt: skip
        self._connection = connection
        self._path = path
        self._tables = tables
        self._settled = settled
        self._do_commit = commit
        self._thread: ThreadPoolExecutor | None = None
        self._queue: deque[Unit] = deque()
        self._batch: list[Unit] = []
        self._commit: Future[object] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_scheduled = False
        self._refusal: Broken | None = None
        self.commits = 0

    def start_thread(self) -> None:
        """Commit in a thread of our own from here on."""
        self._thread = ThreadPoolExecutor(1, "journal")

    def check(self) -> None:
        """Raise what every write is refused with, if the journal is shut."""
        if self._refusal is not None:
            raise self._refusal

    def submit(self, unit: Unit) -> None:
        """Queue a unit; raises Broken if the journal is shut."""
        self.check()
        loop = unit.waiter.get_loop()
        if loop is not self._loop:
            self._move_to(loop)
        self._queue.append(unit)
        self._schedule(loop)

    def drain(self) -> None:
        """Finish what waits, in this thread."""
        self._finish_commit()
        while self._queue:
            self._flush(in_thread=False)

    def shut(self, refusal: Broken) -> None:
        """Refuse every later write; nothing of ours touches the connection after this."""
        self._refusal = self._refusal or refusal
        if self._thread is not None:
            self._thread.shutdown(wait=True)
        self._commit = None
        for unit in [*self._batch, *self._queue]:
            if not unit.waiter.get_loop().is_closed():
                unit.waiter.cancel()
        self._batch = []
        self._queue.clear()

    def _move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Another event loop uses the journal now; the last one may have ended in a commit."""
        self._finish_commit()
        self._loop = loop
        self._is_scheduled = False

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._is_scheduled and self._commit is None:
            self._is_scheduled = True
            loop.call_soon(self._turn, 0)

    def _turn(self, seen: int) -> None:
        """Flush, once a round of the loop has brought nothing more to go with it."""
        if self._loop is not None and seen < len(self._queue) < _BATCH_UNITS_MAX:
            self._loop.call_soon(self._turn, len(self._queue))
            return
        self._is_scheduled = False
        if self._commit is None and self._queue:
            self._flush(in_thread=self._thread is not None)
            if self._queue and self._loop is not None:
                self._schedule(self._loop)

    def _flush(self, *, in_thread: bool) -> None:
        self._batch = self._gather()
        try:
            self._tables.fill(self._batch)
        except Exception as error:  # noqa: BLE001 - each caller gets it, whatever it is
            self._fail(error)
            return
        if in_thread and self._thread is not None:
            self._commit = self._thread.submit(self._do_commit, self._connection)
            self._commit.add_done_callback(self._wake_loop)
            return
        try:
            self._do_commit(self._connection)
        except sqlite3.Error as error:
            self._commit_failed(error)
        else:
            self._committed()

    def _gather(self) -> list[Unit]:
        """The next batch; taking the partition is one of its own, so that order decides."""
        batch: list[Unit] = []
        weight = 0
        while self._queue and weight < _BATCH_ROWS_MAX:
            is_take = isinstance(self._queue[0], Take)
            if is_take and batch:
                break
            unit = self._queue.popleft()
            batch.append(unit)
            weight += unit.weight
            if is_take:
                break
        return batch

    def _wake_loop(self, commit: Future[object]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._after_commit, commit)

    def _after_commit(self, commit: Future[object]) -> None:
        if commit is self._commit:  # not finished by another loop or by `drain` already
            self._finish_commit()
            if self._queue and self._loop is not None:
                self._schedule(self._loop)

    def _finish_commit(self) -> None:
        commit, self._commit = self._commit, None
        if commit is None:
            return
        error = commit.exception()
        if error is None:
            self._committed()
        else:
            self._commit_failed(error)

    def _committed(self) -> None:
        batch, self._batch = self._batch, []
        self.commits += 1
        self._settled(batch)
        for unit in batch:
            if unit.error is not None:
                _reject(unit, unit.error)
            elif not unit.waiter.done() and not unit.waiter.get_loop().is_closed():
                unit.resolve()

    def _commit_failed(self, error: BaseException) -> None:
        self._tables.undo()
        broken = broken_from(error, self._path)
        if broken is None or not is_full(error):
            self._refusal = StorageFailed(
                f"A commit to '{self._path}' failed and may or may not have reached the disk: "
                f"{error}.",
                "Nothing more is written until the journal is opened again.",
                "look at the disk, then start the worker again",
            )
        self._fail(broken or error)

    def _fail(self, error: BaseException) -> None:
        batch, self._batch = self._batch, []
        for unit in batch:
            _reject(unit, unit.error or error)
        if self._refusal is not None:
            while self._queue:
                _reject(self._queue.popleft(), self._refusal)


def _reject(unit: Unit, error: BaseException) -> None:
    if not unit.waiter.done() and not unit.waiter.get_loop().is_closed():
        unit.waiter.set_exception(error)
