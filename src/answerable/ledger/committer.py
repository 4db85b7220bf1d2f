"""The one writer: drains what waits, numbers it, seals it, signs it, appends it once.

Group commit: whatever arrived while the last batch was on its way to disk is the next batch, so
the batch size adapts by itself. Sealing is one pure function (`sealing.seal`) in the loop's thread;
what waits for the disk has two runners: a thread in production, inline in the simulator.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from answerable.base import faults
from answerable.base.chance import Chance
from answerable.base.clock import Clock
from answerable.engine.port import Conflict, Engine, Fence, Record
from answerable.ledger.draft import Committed, Unit
from answerable.ledger.port import Signer
from answerable.ledger.sealing import Batch, Head, Sealing, seal
from answerable.store.keys import KeyStore

_BATCH_UNITS_MAX = 1_000


@dataclass(slots=True, eq=False)
class _Waiting:
    unit: Unit
    result: asyncio.Future[Committed]


class Counters(Protocol):
    """Where the last `sseq` and `oseq` stand: the state rows of the log."""

    def last(self, name: str) -> int: ...


Runner = Callable[[Callable[[], None]], Awaitable[None]]


async def inline(work: Callable[[], None]) -> None:
    """Wait for the disk in the caller: the simulator's runner."""
    work()


async def in_thread(work: Callable[[], None]) -> None:
    """Wait for the disk beside the event loop: production's runner."""
    await asyncio.to_thread(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the committer works with."""

    engine: Engine
    signer: Signer
    keys: KeyStore
    clock: Clock
    chance: Chance
    counters: Counters


class Committer:
    """One per partition. `commit` returns when the unit is durable, or raises and nothing is.

    Raises Conflict when a record key of the unit exists (the others of its batch are unharmed),
    Fenced when a newer holder has the partition, Broken when the disk or the file fails.
    """

    def __init__(self, tools: Tools, head: Head, runner: Runner = in_thread) -> None:
        self._tools = tools
        self._head = head
        self._runner = runner
        self._fence: Fence | None = None
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def size(self) -> int:
        """Entries in the log."""
        return self._head.tree.size

    def start(self, fence: Fence) -> None:
        """Begin to write for the partition that `fence` proves."""
        self._fence = fence
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="committer")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        for waiting in self._waiting:
            waiting.result.cancel()
        self._waiting = []

    async def commit(self, unit: Unit) -> Committed:
        waiting = _Waiting(unit, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._wake.set()
        return await waiting.result

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._next_batch()
                await self._write(batch)

    def _next_batch(self) -> tuple[list[_Waiting], list[_Waiting]]:
        """What goes together: no key twice, so that a duplicate meets the first one on disk."""
        taken: list[_Waiting] = []
        left: list[_Waiting] = []
        keys: set[str] = set()
        for waiting in self._waiting:
            mine = _keys(waiting.unit)
            if len(taken) >= _BATCH_UNITS_MAX or not keys.isdisjoint(mine):
                left.append(waiting)
            else:
                keys |= mine
                taken.append(waiting)
        return taken, left

    async def _write(self, batch: list[_Waiting]) -> None:
        while batch:
            try:
                await self._keep_keys([item.unit for item in batch])
                sealed = self._sealed([item.unit for item in batch])
                batch = _drop(batch, sealed.failed)
                positions = await self._append([item.unit for item in batch], sealed)
            except Conflict as conflict:
                batch = _evict(batch, conflict)
            except asyncio.CancelledError:
                for item in batch:
                    item.result.cancel()
                raise
            except BaseException as error:  # noqa: BLE001 - each waiter gets it, whatever it is
                for item in batch:
                    if not item.result.done():
                        item.result.set_exception(error)
                return
            else:
                self._head = sealed.head
                _resolve(batch, sealed, positions)
                return

    async def _keep_keys(self, units: list[Unit]) -> None:
        """Durable first: a body without its key is lost, a key without its body is harmless."""
        new_keys = {kid: key for unit in units for kid, key in unit.new_keys.items()}
        if new_keys:
            await self._runner(lambda: self._tools.keys.put_many(new_keys))

    def _sealed(self, units: list[Unit]) -> Batch:
        tools = self._tools
        return seal(
            Sealing(
                units=units,
                head=self._head,
                ts=tools.clock.now(),
                last=tools.counters.last,
                keys=tools.keys,
                nonces=tools.chance.token(12 * sum(len(u.drafts) + len(u.memos) for u in units)),
            )
        )

    async def _append(self, units: list[Unit], sealed: Batch) -> list[int]:
        tools = self._tools
        if self._fence is None:
            raise RuntimeError("the committer was not started with a fence")
        if not units:
            return []
        records = sealed.records
        if sealed.head.tree.size > self._head.tree.size:
            records = [*records, await sealed.signed(tools.signer)]
        await faults.point("committer.before_append")
        done = [arrival for unit in units for arrival in unit.done]
        positions = await tools.engine.append(self._fence, records, done)
        await faults.point("committer.after_append")
        return positions


def _evict(batch: list[_Waiting], conflict: Conflict) -> list[_Waiting]:
    """Fail the unit whose key exists; the others are sealed again without it."""
    guilty = [item for item in batch if conflict.first.key in _keys(item.unit)] or batch
    for item in guilty:
        if not item.result.done():
            item.result.set_exception(conflict)
    return [item for item in batch if item not in guilty]


def _drop(batch: list[_Waiting], failed: Mapping[int, Exception]) -> list[_Waiting]:
    """Fail the units that could not be sealed; what was sealed is what is left."""
    for place, error in failed.items():
        if not batch[place].result.done():
            batch[place].result.set_exception(error)
    return [item for place, item in enumerate(batch) if place not in failed]


def _keys(unit: Unit) -> set[str]:
    return {draft.id for draft in unit.drafts} | {memo.key for memo in unit.memos}


def _resolve(batch: list[_Waiting], sealed: Batch, positions: list[int]) -> None:
    start = 0
    indexes = [mine for place, mine in enumerate(sealed.indexes) if place not in sealed.failed]
    for item, mine in zip(batch, indexes, strict=True):
        end = start + len(item.unit.drafts) + len(item.unit.memos)
        records = tuple(
            Record(r.key, r.kind, r.data, r.body, r.arrival, at)
            for r, at in zip(sealed.records[start:end], positions[start:end], strict=True)
        )
        if not item.result.done():
            item.result.set_result(Committed(records, mine))
        start = end
