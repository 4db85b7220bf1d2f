"""Cases as of the last commit, without asking the file for those of late.

A reader of the file pays for every commit with its whole page cache, so a row that was written or
read a moment ago costs some twenty times what it costs here. Told of each commit before the caller
of that commit is: what is remembered is never older than what anybody was told.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Mapping

from msgspec.structs import replace

from answerable.cases import rows
from answerable.cases.domain import Case, Lease
from answerable.ledger.draft import Committed, Unit

_KEPT_MAX = 20_000  # of some 600 bytes each


class Recent:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._cases: OrderedDict[str, Case] = OrderedDict()
        self._newest: OrderedDict[tuple[str, str], str] = OrderedDict()  # of a party with an agent

    def find(self, case_id: str) -> Case | None:
        known = self._cases.get(case_id)
        if known is None:
            known = rows.find(self._db, case_id)
            if known is not None:
                self._keep(known)
        return known

    def find_of_party(self, party: str, agent: str) -> Case | None:
        """The party's case with this agent: the newest, by its time-ordered id."""
        case_id = self._newest.get((party, agent))
        if case_id is not None:
            return self.find(case_id)
        known = rows.find_of_party(self._db, party, agent)
        if known is not None:
            self._keep(known)
            self._point(known)
        return known

    def heard(self, unit: Unit, committed: Committed) -> None:
        """Follow what has just become durable."""
        for draft, index in zip(unit.drafts, committed.indexes, strict=True):
            if draft.kind in rows.KINDS and draft.trace is not None and draft.trace.case:
                self._follow(draft.trace.case, draft.party or "", draft.change or {}, index)

    def _follow(
        self, case_id: str, party: str, change: Mapping[str, str | int], index: int
    ) -> None:
        lease = Lease(str(change["holder"]), int(change["epoch"]))
        before = self._cases.get(case_id)
        if lease.epoch == 1:
            opened = Case(case_id, party, str(change["agent"]), lease, index)
            self._keep(opened)
            self._point(opened)
        elif before is not None:
            self._keep(replace(before, lease=lease, since=index))

    def _keep(self, case: Case) -> None:
        self._cases[case.id] = case
        if len(self._cases) > _KEPT_MAX:
            self._cases.popitem(last=False)

    def _point(self, case: Case) -> None:
        whose = (case.party, case.agent)
        self._newest[whose] = max(case.id, self._newest.get(whose, ""))
        if len(self._newest) > _KEPT_MAX:
            self._newest.popitem(last=False)
