"""The one writer: drains what waits, numbers it, seals it, signs it, appends it once.

Group commit: whatever arrived while the last batch was on its way to disk is the next batch, so
the batch size adapts by itself. Sealing is one pure function (`sealing.seal`) in the loop's thread;
what waits for the disk has two runners: a thread in production, inline in the simulator.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from answerable.base import faults
from answerable.base.chance import Chance
from answerable.base.clock import Clock
from answerable.base.errors import Broken
from answerable.engine.port import Conflict, Engine, Fence, Fenced, Record
from answerable.ledger.domain import CLOSED
from answerable.ledger.draft import Committed, Unit
from answerable.ledger.port import Signer, StrictSigner
from answerable.ledger.sealing import Batch, Head, Sealing, seal
from answerable.ledger.unsealed import (
    SignerAway,
    SignerRefused,
    Tail,
    check_agrees,
    seal_of,
    unsealed_record,
)
from answerable.store.keys import KeyStore
from answerable.store.sqlite import StorageFailed
from answerable.store.threads import beside_the_loop

_BATCH_UNITS_MAX = 1_000
# How long a signer is waited for the loop tells, whose time never goes back: with a clock that was
# set back by an hour, nothing would be written for an hour.
_SIGNER_AGAIN_S = 0.2
_SIGNER_AWAY_S = 2.0  # a signer that is started again is back by then


class CommitterEnded(StorageFailed):
    """The writer has ended, by a defect of ours or because it was told to: as with storage that
    failed, only opening the home again helps."""

    code = "committer_ended"

    def __init__(self) -> None:
        super().__init__(
            "The ledger's writer has ended in this process.",
            "Nothing more is written until the home is opened again.",
            "start the worker again; `answerable ledger verify` tells whether all is well",
        )


@dataclass(slots=True, eq=False)
class _Waiting:
    unit: Unit
    result: asyncio.Future[Committed]
    has_time: bool  # to wait for a signer that is away


class Counters(Protocol):
    """Where the last `sseq` and `oseq` stand: the state rows of the log."""

    def lasts(self, names: Collection[str]) -> Mapping[str, int]:
        """Of each name, 0 where it is new."""
        ...

    def closing(self) -> Mapping[str, str | int]:
        """What a close that is the next entry has to commit."""
        ...


Heard = Callable[[Unit, Committed], None]
"""Told of each unit that has become durable, before its caller is."""

Runner = Callable[[Callable[[], None]], Awaitable[None]]


async def inline(work: Callable[[], None]) -> None:
    """Wait for the disk in the caller: the simulator's runner."""
    work()


async def in_thread(work: Callable[[], None]) -> None:
    """Wait for the disk beside the event loop: production's runner."""
    await beside_the_loop(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the committer works with."""

    engine: Engine
    signer: Signer
    keys: KeyStore
    clock: Clock
    chance: Chance
    counters: Counters
    heard: Heard = lambda _unit, _committed: None


class Committer:
    """One per partition. `commit` returns when the unit is durable, or raises and nothing is.

    Raises Conflict when a record key of the unit exists, and whatever else is wrong with this unit
    alone (the others of its batch are unharmed); Fenced when a newer holder has the partition,
    Broken when the disk or the file fails, CommitterEnded when nothing can be written any more.
    """

    def __init__(
        self, tools: Tools, head: Head, runner: Runner = in_thread, tail: Tail | None = None
    ) -> None:
        self._tools = tools
        self._strict = _strict(tools.signer)
        self._tail = tail
        self._away: tuple[float, SignerAway] | None = None  # since when, and why
        self._head = head
        self._runner = runner
        self._fence: Fence | None = None
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._in_hand: list[_Waiting] = []
        self._ended: CommitterEnded | SignerRefused | None = None
        self._cosigners: tuple[Signer, ...] = ()

    def hand_over_to(self, signer: Signer) -> None:
        """From the next batch on `signer`, which takes the log on after us, signs beside us."""
        self._cosigners = (signer,)

    @property
    def signer(self) -> Signer:
        """Who signs the log now: also what speaks of it beside the log, in notes of other forms."""
        return self._tools.signer

    @property
    def size(self) -> int:
        """Entries in the log."""
        return self._head.tree.size

    def start(self, fence: Fence) -> None:
        """Begin to write for the partition that `fence` proves."""
        self._fence = fence
        if self._task is None:
            self._ended = None
            self._task = asyncio.create_task(self._run(), name="committer")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._end(asyncio.CancelledError())

    def check_signer(self) -> None:
        """Raises SignerAway where it has been away for a while: new work would only wait."""
        if self._away is not None:
            since, why = self._away
            if asyncio.get_running_loop().time() - since > _SIGNER_AWAY_S:
                raise why

    async def commit(self, unit: Unit, *, has_time: bool = True) -> Committed:
        """With `has_time=False` it raises SignerAway rather than wait for a signer for long."""
        if self._ended is not None:
            raise self._ended
        waiting = _Waiting(unit, asyncio.get_running_loop().create_future(), has_time)
        self._waiting.append(waiting)
        self._wake.set()
        return await waiting.result

    async def _run(self) -> None:
        """Nobody waits for this task, so it tells who waits, and who comes later, that it ended."""
        try:
            await self._begin()
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    self._in_hand, self._waiting = self._next_batch()
                    await self._write(self._in_hand)
        except asyncio.CancelledError as error:
            self._end(error)
            raise
        except BaseException as error:  # noqa: BLE001 - each waiter gets it, whatever it is
            self._end(error)

    def _end(self, error: BaseException) -> None:
        """Nothing is written from here on; what waits is cancelled if we were, or told why."""
        if self._ended is None:
            self._ended = error if isinstance(error, SignerRefused) else CommitterEnded()
            if self._ended is not error:
                self._ended.__cause__ = error
        waiting = [*self._in_hand, *self._waiting]
        self._in_hand, self._waiting = [], []
        if isinstance(error, asyncio.CancelledError):
            for item in waiting:
                item.result.cancel()
        else:
            _fail(waiting, self._ended if isinstance(error, Exception) else error)

    def _next_batch(self) -> tuple[list[_Waiting], list[_Waiting]]:
        """What goes together: no key twice, so that a duplicate meets the first one on disk.

        A close goes first, and one at most: it commits what is on disk before its batch.
        """
        taken: list[_Waiting] = []
        left: list[_Waiting] = []
        keys: set[str] = set()
        for waiting in sorted(self._waiting, key=lambda each: not _closes(each.unit)):
            mine = _keys(waiting.unit)
            if len(taken) >= _BATCH_UNITS_MAX or not keys.isdisjoint(mine):
                left.append(waiting)
            else:
                keys |= mine
                taken.append(waiting)
        return taken, left

    async def _write(self, batch: list[_Waiting]) -> None:
        """Together; where something in the batch fails for a reason of its own, each alone."""
        while batch:
            try:
                await self._until_signer_answers()
                batch = [item for item in batch if not _is_refused(item)]
                await self._keep_keys([item.unit for item in batch])
                sealed = self._sealed([item.unit for item in batch])
                batch = _drop(batch, sealed.failed)
                positions = await self._append([item.unit for item in batch], sealed)
            except Conflict as conflict:
                batch = _evict(batch, conflict)
            except (Broken, Fenced) as error:
                if self._tail is not None:
                    raise
                return _fail(batch, error)
            except Exception as error:
                if self._tail is not None:  # it is durable: nobody is told that it is not
                    raise
                if len(batch) == 1:
                    return _fail(batch, error)
                for item in batch:
                    await self._write([item])
                return None
            else:
                self._head = sealed.head
                return _resolve(batch, sealed, positions, self._tools.heard)
        return None

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
                lasts=tools.counters.lasts,
                closing=tools.counters.closing,
                keys=tools.keys,
                nonces=tools.chance.token(12 * sum(len(u.drafts) + len(u.memos) for u in units)),
            )
        )

    async def _append(self, units: list[Unit], sealed: Batch) -> list[int]:
        tools = self._tools
        if not units:
            return []
        done = [arrival for unit in units for arrival in unit.done]
        if sealed.head.tree.size == self._head.tree.size:
            return await self._written(sealed.records, done)
        if self._strict is not None:
            return await self._written_then_signed(sealed, done)
        signed = await sealed.signed(tools.signer, *self._cosigners)
        return await self._written([*sealed.records, signed], done)

    async def _written(self, records: Sequence[Record], done: Sequence[str]) -> list[int]:
        if self._fence is None:
            raise RuntimeError("the committer was not started with a fence")
        await faults.point("committer.before_append")
        positions = await self._tools.engine.append(self._fence, records, done)
        await faults.point("committer.after_append")
        return positions

    async def _written_then_signed(self, sealed: Batch, done: Sequence[str]) -> list[int]:
        """Two appends; who waits is told after the second: nothing is acknowledged unsigned."""
        tools = self._tools
        unsealed = unsealed_record(sealed.head, tools.signer.name, tools.keys.naming_key())
        positions = await self._written([*sealed.records, unsealed], done)
        self._tail = Tail(sealed, self._head.tree, self._cosigners)
        await self._seal_tail(self._tail)
        return positions

    async def _begin(self) -> None:
        """What an earlier life left without its seal gets it. Raises SignerRefused."""
        tail = self._tail
        if self._strict is not None:
            await self._until_signer_answers()
            await check_agrees(self._strict, self._head, tail)
        if tail is None:
            return
        await self._seal_tail(tail)
        self._head = Head(tail.batch.head.tree, {})
        if tail.cosigners:  # it handed the log over
            self._tools = replace(self._tools, signer=tail.cosigners[-1])
            self._strict = _strict(self._tools.signer)
            tail.after()

    async def _seal_tail(self, tail: Tail) -> None:
        await faults.point("committer.before_sign")
        while True:
            try:
                seal = await seal_of(tail.batch, tail.before, self._tools.signer, tail.cosigners)
                break
            except SignerAway as away:
                await self._wait_for_signer(away)
        self._away = None
        await faults.point("committer.after_sign")
        await self._written([seal], ())
        self._tail = None

    async def _until_signer_answers(self) -> None:
        """Before anything is durable: as little as can be waits for a signature on the disk."""
        while self._strict is not None:
            try:
                await self._strict.ready()
            except SignerAway as away:
                await self._wait_for_signer(away)
            else:
                self._away = None
                return

    async def _wait_for_signer(self, away: SignerAway) -> None:
        since = self._away[0] if self._away is not None else asyncio.get_running_loop().time()
        self._away = since, away
        if asyncio.get_running_loop().time() - since > _SIGNER_AWAY_S:
            here = [] if self._tail is not None else self._in_hand  # else it is durable already
            _fail([item for item in (*here, *self._waiting) if not item.has_time], away)
        await asyncio.sleep(_SIGNER_AGAIN_S)


def _is_refused(item: _Waiting) -> bool:
    """Whether it was told that nothing of it is written."""
    done = item.result.done() and not item.result.cancelled()
    return done and isinstance(item.result.exception(), SignerAway)


def _strict(signer: Signer) -> StrictSigner | None:
    return signer if isinstance(signer, StrictSigner) else None


def _fail(batch: list[_Waiting], error: BaseException) -> None:
    for item in batch:
        if not item.result.done():
            item.result.set_exception(error)


def _evict(batch: list[_Waiting], conflict: Conflict) -> list[_Waiting]:
    """Fail the unit whose key exists; the others are sealed again without it."""
    guilty = [item for item in batch if conflict.first.key in _keys(item.unit)] or batch
    _fail(guilty, conflict)
    return [item for item in batch if item not in guilty]


def _drop(batch: list[_Waiting], failed: Mapping[int, Exception]) -> list[_Waiting]:
    """Fail the units that could not be sealed; what was sealed is what is left."""
    for place, error in failed.items():
        if not batch[place].result.done():
            batch[place].result.set_exception(error)
    return [item for place, item in enumerate(batch) if place not in failed]


def _keys(unit: Unit) -> set[str]:
    keys = {draft.id for draft in unit.drafts} | {memo.key for memo in unit.memos}
    return keys | {CLOSED} if _closes(unit) else keys


def _closes(unit: Unit) -> bool:
    return len(unit.drafts) == 1 and unit.drafts[0].kind == CLOSED


def _resolve(batch: list[_Waiting], sealed: Batch, positions: list[int], heard: Heard) -> None:
    start = 0
    indexes = [mine for place, mine in enumerate(sealed.indexes) if place not in sealed.failed]
    for item, mine in zip(batch, indexes, strict=True):
        end = start + len(item.unit.drafts) + len(item.unit.memos)
        records = tuple(
            [
                Record(r.key, r.kind, r.data, r.body, r.arrival, at)
                for r, at in zip(sealed.records[start:end], positions[start:end], strict=True)
            ]
        )
        committed = Committed(records, mine)
        heard(item.unit, committed)
        if not item.result.done():
            item.result.set_result(committed)
        start = end
