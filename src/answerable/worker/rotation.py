"""Replacing a key of a home: recorded first, then done, on a home that nobody works in."""

from pathlib import Path

from answerable.base.chance import SystemChance
from answerable.compose.configured import office_plan
from answerable.ledger.draft import Draft, Unit
from answerable.store.rotation import rotate_home_key
from answerable.worker.process import close_office, open_office
from answerable.worker.verbs.base import Done


async def rotate_home(home: Path, by: str) -> tuple[Done, int]:
    """Another home key; what was recorded, and how many keys were damaged before.

    Raises HomeHeld while a worker runs, PersonUnknown, Broken.
    """
    office = await open_office(office_plan(home), works=False)
    try:
        hall = office.house.hall
        person = hall.people.find(by)
        draft = Draft(
            kind="key.rotated", id=hall.ids.new("rot"), actor=person.id, change={"key": "home"}
        )
        committed = await office.house.commit_control(Unit(drafts=[draft]))
        unread = await rotate_home_key(home, office.house.keys, SystemChance())
    finally:
        await close_office(office)
    return Done(draft.id, committed.indexes[0]), unread
