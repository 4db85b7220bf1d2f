"""What one transaction does: many callers' units, each wholly in or wholly out."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from answerable.adapters.engines.embedded import rows
from answerable.adapters.engines.embedded.state import Project
from answerable.adapters.engines.embedded.units import Accept, Append, Drop, Take, Taken, Unit
from answerable.base.errors import Busy
from answerable.engine.port import Accepted, Conflict, Cursor, Fence, Fenced, Record
from answerable.store.sqlite import broken_from, rollback


@dataclass(slots=True)
class Counters:
    """Where the tables stand; put back when a transaction is."""

    arrivals: int
    records: Cursor
    epoch: int
    backlog: int  # messages accepted and not finished


class Tables:
    """Fills transactions. The caller commits, and calls `undo` when that failed."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        *,
        project: Project,
        backlog_max: int,
    ) -> None:
        self._connection = connection
        self._path = path
        self._project = project
        self._backlog_max = backlog_max
        self.counters = Counters(
            arrivals=rows.last_arrival(connection),
            records=rows.last_record(connection),
            epoch=rows.epoch(connection),
            backlog=rows.undone_messages(connection),
        )
        self._before = replace(self.counters)

    def fill(self, batch: Sequence[Unit]) -> None:
        """Open a transaction with all of the batch in it, save units that carry an `error` now.

        All goes in at once; only when something in it fails is it undone and each unit tried
        alone, behind a savepoint. Raises Broken when the disk or the file fails: nothing is open.
        """
        self._begin()
        try:
            try:
                self._apply(batch)
            except Exception as error:
                if broken_from(error, self._path) is not None:
                    raise
                self.undo()
                self._begin()
                for unit in batch:
                    self._apply_alone(unit)
        except BaseException as error:
            self.undo()
            broken = broken_from(error, self._path)
            if broken is None:
                raise
            raise broken from error

    def is_held_by(self, fence: Fence) -> bool:
        """Whether no newer epoch exists."""
        return fence.partition == 0 and fence.epoch == self.counters.epoch

    def undo(self) -> None:
        """Nothing of the transaction exists, here or in the file."""
        rollback(self._connection)
        self.counters = replace(self._before)

    def _begin(self) -> None:
        self._before = replace(self.counters)
        self._connection.execute("BEGIN IMMEDIATE")

    def _apply_alone(self, unit: Unit) -> None:
        before = replace(self.counters)
        unit.error = None
        self._connection.execute("SAVEPOINT unit")
        try:
            self._apply([unit])
        except Exception as error:
            if broken_from(error, self._path) is not None:
                raise
            self._connection.execute("ROLLBACK TO unit")
            self.counters = before
            unit.error = self._reason(unit, error)
        self._connection.execute("RELEASE unit")

    def _reason(self, unit: Unit, error: Exception) -> Exception:
        """Conflict with the record that was first, where that is why the unit failed."""
        if isinstance(unit, Append) and isinstance(error, sqlite3.IntegrityError):
            first = rows.find_first(self._connection, [record.key for record in unit.records])
            first = first or _first_twin(unit.records)
            if first is not None:
                return Conflict(first)
        return error

    def _apply(self, batch: Sequence[Unit]) -> None:
        accepts = [unit for unit in batch if isinstance(unit, Accept) and self._may_accept(unit)]
        appends = [unit for unit in batch if isinstance(unit, Append) and self._may_write(unit)]
        if accepts:
            self._accept(accepts)
        if appends:
            self._append(appends)
        for unit in batch:
            if isinstance(unit, Take):
                self._take(unit)
            elif isinstance(unit, Drop) and self._may_write(unit):
                unit.result = rows.drop_bodies(self._connection, unit.after, unit.upto, unit.kinds)

    def _may_accept(self, unit: Accept) -> bool:
        """Room for the unit's new messages; answers and timers need none."""
        messages = [arrival.id for arrival in unit.arrivals if arrival.kind == rows.MESSAGE]
        if self.counters.backlog + len(messages) > self._backlog_max and messages:
            known = rows.positions_of(self._connection, messages)
            fresh = sum(name not in known for name in messages)
            if fresh and self.counters.backlog + fresh > self._backlog_max:
                unit.error = Busy(
                    f"{self.counters.backlog} messages wait, of at most {self._backlog_max}.",
                    "Nothing of this request was accepted.",
                )
                return False
        self.counters.backlog += len(messages)
        return True

    def _accept(self, units: Sequence[Accept]) -> None:
        arrivals = [arrival for unit in units for arrival in unit.arrivals]
        flags = rows.insert_arrivals(self._connection, arrivals, self.counters.arrivals + 1)
        self.counters.arrivals += len(arrivals)
        news = iter(flags)
        for unit in units:
            unit.result = [
                Accepted(a.id, is_new) for a, is_new in zip(unit.arrivals, news, strict=False)
            ]
        self.counters.backlog -= sum(
            not is_new and a.kind == rows.MESSAGE for a, is_new in zip(arrivals, flags, strict=True)
        )

    def _may_write(self, unit: Append | Drop) -> bool:
        if not self.is_held_by(unit.fence):
            unit.error = Fenced(unit.fence, self.counters.epoch)
        return unit.error is None

    def _append(self, units: Sequence[Append]) -> None:
        records: list[Record] = []
        done: list[str] = []
        position = self.counters.records + 1
        for unit in units:
            end = position + len(unit.records)
            unit.result = list(range(position, end))
            position = end
            records.extend(unit.records)
            done.extend(unit.done)
        first = self.counters.records + 1
        rows.insert_records(self._connection, records, first)
        self.counters.records = position - 1
        if done:
            self.counters.backlog -= rows.mark_done(self._connection, done)
        if records:
            self._project(self._connection, _stored(records, first))

    def _take(self, unit: Take) -> None:
        self.counters.epoch += 1
        rows.set_epoch(self._connection, self.counters.epoch, unit.worker)
        unit.result = Taken(Fence(0, self.counters.epoch), rows.undone(self._connection))


def _stored(records: Sequence[Record], first: Cursor) -> list[Record]:
    return [
        Record(r.key, r.kind, r.data, r.body, r.arrival, position)
        for position, r in enumerate(records, first)
    ]


def _first_twin(records: Sequence[Record]) -> Record | None:
    """The first of two records with one key in the same append."""
    seen: dict[str, Record] = {}
    for record in records:
        if record.key in seen:
            return seen[record.key]
        seen[record.key] = record
    return None
