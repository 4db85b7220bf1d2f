"""What was accepted: its sums, its data, and whether what is finished has left a record."""

import sqlite3

from answerable.adapters.engines.embedded import rows
from answerable.engine.port import Arrival
from answerable.ledger.domain import decode_entry
from answerable.ledger.keyring import Keyring
from answerable.pipeline.receive import NAMES_ITS_INTERACTION, why_unreadable
from answerable.worker.deep.found import Found

_KINDS = frozenset({"message", "answer", "timer", "start"})
_SELECT = "SELECT id, inbox, kind, data, not_before_us, done, sum FROM arrival ORDER BY position"


class Arrivals:
    """Every arrival, finished or not, and the fence."""

    def __init__(self, found: Found, database: sqlite3.Connection, keyring: Keyring | None) -> None:
        self._found = found
        self._database = database
        self._keyring = keyring
        self.seen = 0

    def check(self) -> None:
        with self._found.looking("arrivals", "table arrival"):
            for *columns, done, kept in self._database.execute(_SELECT):
                self.seen += 1
                with self._found.looking("arrivals", f"table arrival, id {columns[0]!r}"):
                    self._take(Arrival(*columns), done, kept)
        with self._found.looking("arrivals", "table fence"):
            fences = self._database.execute("SELECT partition, epoch, worker, sum FROM fence")
            sums = [(row[0], row[3] == rows.fence_sum(*row[:3])) for row in fences.fetchall()]
            if sums != [(0, True)]:
                self._found.add("arrivals", "table fence", "it is not as it was written")

    def _take(self, arrival: Arrival, done: object, kept: object) -> None:
        problem = self._problem(arrival, done, kept)
        if problem:
            self._found.add("arrivals", f"table arrival, id {arrival.id!r}", problem)

    def _problem(self, it: Arrival, done: object, kept: object) -> str:
        if rows.arrival_sum(it.id, it.inbox, it.kind, it.not_before_us, it.data) != kept:
            return "it is not as it was accepted: its sum differs"
        if it.kind not in _KINDS or done not in (0, 1):
            return f"it is a '{it.kind}' with done = {done!r}"
        if done == 1:
            if it.data:
                return "it is said to be finished, and its data is still there"
            return self._unrecorded(it) if it.kind == "message" else ""
        if it.kind == "start" or self._keyring is None:
            return ""
        return why_unreadable(self._keyring, it)

    def _unrecorded(self, it: Arrival) -> str:
        """A message is finished by the append that says what became of it, or after it."""
        for record in rows.memo_of(self._database, it.id):
            if record.kind in NAMES_ITS_INTERACTION:
                inbox = (decode_entry(record.data).change or {}).get("inbox", it.inbox)
                return "" if inbox == it.inbox else "its record names another inbox"
        return "it is said to be finished, and no record says what became of it"
