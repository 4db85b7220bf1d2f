"""Closing: at the end of each day, and whenever somebody asks for everything of somebody.

A close commits all counters as they stand before it (`ledger.counted`), so that a stranger sees
which entry of a party or person was the last. What is due is read from the ledger's own rows, and
an entry's id is written once: whatever crashes, each day is closed once.
"""

from contextlib import suppress
from datetime import date, timedelta

from answerable.base.clock import DAY_US, day_of
from answerable.base.errors import NotFound
from answerable.engine.port import Conflict
from answerable.ledger import closes
from answerable.ledger.domain import CLOSED
from answerable.ledger.draft import Draft, Unit
from answerable.worker.commands.office import Office

_ACTOR = "system:close"


async def close_days(office: Office) -> None:
    """Close the days that have ended since the last one that was, by one entry."""
    hall = office.house.hall
    times, last = closes.times(hall.db), closes.standing(hall.db)
    ended = day_of(hall.clock.now() - DAY_US)
    since = _after(last.day) if last.day else day_of(times.first)
    if _is_empty(office) or ended < since:
        return
    draft = Draft(
        kind=CLOSED, id=f"day_{ended}", actor=_ACTOR, change={"since": since, "day": ended}
    )
    with suppress(Conflict):
        await hall.committer.commit(Unit(drafts=[draft]))


async def close_now(office: Office) -> int:
    """The index of a close with no entry after it but what came while it was written."""
    hall = office.house.hall
    if _is_empty(office):
        raise NotFound(
            "The ledger is empty: it has nothing of anybody.", "Nothing was answered.",
            "answerable person add EMAIL --name NAME",
        )  # fmt: skip
    last = closes.standing(hall.db)
    if last.seq == hall.committer.size - 1:
        return last.seq
    draft = Draft(kind=CLOSED, id=hall.ids.new("cls"), actor=_ACTOR, change={"why": "asked"})
    committed = await hall.committer.commit(Unit(drafts=[draft]))
    return committed.indexes[0]


def _is_empty(office: Office) -> bool:
    return not office.house.hall.committer.size


def _after(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
