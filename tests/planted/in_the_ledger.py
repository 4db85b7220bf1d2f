"""Wrong variants of the committer, the journal, the keys and the rows."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec

from answerable.adapters.engines.embedded import writer
from answerable.base.errors import Broken
from answerable.effects.changes import Changes
from answerable.engine.port import Conflict, Fenced, Record
from answerable.ledger import closes, note, sealing
from answerable.ledger import committer as committing
from answerable.ledger.committer import Committer
from answerable.ledger.domain import CLOSED, SEAL_KIND, Entry, Seal
from answerable.ledger.draft import Draft, Unit
from answerable.ledger.port import Signer
from answerable.ledger.sealing import Batch
from answerable.testing.simulator.loop import PROCESS
from answerable.worker import answering, days
from planted.planting import Bed, Swap

BED = Bed()


@BED.breaks(8)
def counted_from_disk_alone(swap: Swap) -> None:
    """Two units of one batch count from the same row: one number is given twice."""

    def forgets(self: sealing._Counting) -> None:
        self._unit = {}

    swap(sealing._Counting, "keep", forgets)


@BED.breaks(8)
def counted_for_what_was_not_written(swap: Swap) -> None:
    """A batch that is not written keeps the numbers that it gave out: they are missing after it."""
    init = sealing._Counting.__init__

    def shares(self: sealing._Counting, batch: sealing.Sealing) -> None:
        init(self, batch)
        self.after = batch.head.counters

    def keeps(self: sealing._Counting) -> None:
        self.after.update(self._unit)
        self._unit = {}

    swap(sealing._Counting, "__init__", shares)
    swap(sealing._Counting, "keep", keeps)


@BED.breaks(8)
def evicted_without_sealing_again(swap: Swap) -> None:
    """Where one unit of a batch is thrown out, the others keep the numbers that they had."""

    async def writes(self: Committer, batch: list[committing._Waiting]) -> None:
        try:
            await self._keep_keys([item.unit for item in batch])
            sealed = self._sealed([item.unit for item in batch])
            batch = committing._drop(batch, sealed.failed)
            while batch:
                try:
                    positions = await self._append([item.unit for item in batch], sealed)
                except Conflict as conflict:
                    left = committing._evict(batch, conflict)
                    places = [place for place, item in enumerate(batch) if item in left]
                    gone = {k for i in batch if i not in left for k in committing._keys(i.unit)}
                    sealed = replace(
                        sealed,
                        records=[one for one in sealed.records if one.key not in gone],
                        indexes=tuple(sealed.indexes[place] for place in places), failed={},
                    )  # fmt: skip
                    batch = left
                else:
                    self._head = sealed.head
                    return committing._resolve(batch, sealed, positions, self._tools.heard)
        except (Broken, Fenced) as error:
            committing._fail(batch, error)
        return None

    swap(Committer, "_write", writes)


@BED.breaks(8)
def root_without_its_last_entry(swap: Swap) -> None:
    """The signed root of a batch of several entries leaves out the last one."""
    signed = Batch.signed

    async def signs(self: Batch, signer: Signer, *cosigners: Signer) -> Record:
        made = await signed(self, signer, *cosigners)
        if len(self.leaves) < 2:
            return made
        seal, root = msgspec.json.decode(made.data, type=Seal), self.leaves[-1]
        body = note.checkpoint_body(signer.name, seal.size, root)
        wrong = Seal(
            size=seal.size, root=root.hex(), note=await note.sign_note(body, signer),
            leaves=seal.leaves, range=seal.range,
        )  # fmt: skip
        return Record(made.key, SEAL_KIND, msgspec.json.encode(wrong))

    swap(Batch, "signed", signs)


@BED.breaks(3)
def failed_commit_acknowledged(swap: Swap) -> None:
    """A commit that failed is told to its callers as one that succeeded."""

    def believes(self: writer.Writer, _error: BaseException) -> None:
        self._tables.undo()
        self._committed()

    swap(writer.Writer, "_commit_failed", believes)


@BED.breaks(9)
def body_before_its_key(swap: Swap) -> None:
    """A new key is made durable after the bodies that were sealed under it."""
    append = Committer._append

    async def no_keys(self: Committer, units: list[Unit]) -> None:
        for unit in units:
            self._tools.keys._cache.update(unit.new_keys)

    async def keys_last(self: Committer, units: list[Unit], sealed: Batch) -> list[int]:
        positions = await append(self, units, sealed)
        new_keys = {kid: key for unit in units for kid, key in unit.new_keys.items()}
        if new_keys:
            await asyncio.sleep(0)
            self._tools.keys.put_many(new_keys)
        return positions

    swap(Committer, "_keep_keys", no_keys)
    swap(Committer, "_append", keys_last)


@BED.breaks(9)
def key_wrapped_twice_destroyed_once(swap: Swap) -> None:
    """A key lies in the store under two names, and only one of them is destroyed."""
    keep = Committer._keep_keys

    async def twice(self: Committer, units: list[Unit]) -> None:
        await keep(self, units)
        new_keys = {kid: key for unit in units for kid, key in unit.new_keys.items()}
        self._tools.keys.put_many({f"{kid}.copy": key for kid, key in new_keys.items()})

    swap(Committer, "_keep_keys", twice)


@BED.breaks(11)
def row_of_the_hour_it_was_written(swap: Swap) -> None:
    """A state row holds when it was projected, which no record says."""
    decide = Changes._decide

    def projects(self: Changes, entry: Entry, position: int) -> None:
        now_us = int(asyncio.get_running_loop().time() * 1_000_000)
        decide(self, msgspec.structs.replace(entry, ts=now_us), position)

    swap(Changes, "_decide", projects)


# closes


@BED.breaks(8)
def persons_left_out_of_a_close(swap: Swap) -> None:
    """A close commits what parties have counted, and forgets those who answered for it."""
    move = closes.move

    def parties_only(db: sqlite3.Connection, names: Iterable[str]) -> None:
        move(db, [name for name in names if name.startswith("s/")])

    swap(closes, "move", parties_only)


@BED.breaks(8)
def close_in_the_middle_of_its_batch(swap: Swap) -> None:
    """A close stands behind others of its batch, and commits what was before all of them."""

    def told(drafts: Sequence[Draft], _first: int, batch: sealing.Sealing) -> Sequence[Draft]:
        if all(draft.kind != CLOSED for draft in drafts):
            return drafts
        return [
            msgspec.structs.replace(
                drafts[0], change={**(drafts[0].change or {}), **batch.closing()}
            )
        ]

    swap(committing, "_closes", lambda _unit: False)
    swap(sealing, "_told", told)


@BED.breaks(8)
def day_closed_again_in_each_life(swap: Swap) -> None:
    """Which days were closed is remembered in memory alone."""
    standing, closed = closes.standing, dict[int, str]()

    def forgetful(db: sqlite3.Connection) -> closes.Standing:
        at = standing(db)
        day = closed.setdefault(PROCESS.get(), "")
        closed[PROCESS.get()] = at.day
        return closes.Standing(at.seq, at.names, day)

    swap(days, "closes", SimpleNamespace(times=closes.times, standing=forgetful))
    swap(days, "Draft", lambda **more: Draft(**more | {"id": f"{more['id']}.{PROCESS.get()}"}))


@BED.breaks(8)
def tail_cut_from_an_answer(swap: Swap) -> None:
    """An answer leaves the last entry out."""

    def cut(find: Callable[[Any], dict[int, bytes]]) -> Callable[[Any], dict[int, bytes]]:
        return lambda self: dict(sorted(find(self).items())[:-1])

    swap(answering._Finder, "entries", cut(answering._Finder.entries))
