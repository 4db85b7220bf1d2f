"""Replacing a key of a home: recorded first, then done, on a home that nobody works in."""

from pathlib import Path

from answerable.base import faults
from answerable.base.chance import SystemChance
from answerable.compose.configured import office_plan
from answerable.ledger.draft import Draft, Unit
from answerable.ledger.keychain import ROTATION, SIGNER
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
            kind="key.rotated", id=hall.ids.new(ROTATION), actor=person.id, change={"key": "home"}
        )
        committed = await office.house.commit_control(Unit(drafts=[draft]))
        unread = await rotate_home_key(home, office.house.keys, SystemChance())
    finally:
        await close_office(office)
    return Done(draft.id, committed.indexes[0]), unread


async def rotate_signer(home: Path, by: str) -> tuple[Done, str]:
    """Hand the log over to another key; what was recorded, and the key to verify with from now on.

    Raises HomeHeld while a worker runs, PersonUnknown, Broken.
    """
    office = await open_office(office_plan(home), works=False)
    try:
        hall, old = office.house.hall, office.house.vkey
        person = hall.people.find(by)
        new = office.house.signing.make_next(home, SystemChance())
        await faults.point("rotation.after_next_signer")
        hall.committer.hand_over_to(new)
        change: dict[str, str | int] = {
            "key": SIGNER, "old": old.encode(), "new": new.vkey.encode(),
        }  # fmt: skip
        draft = Draft(kind="key.rotated", id=hall.ids.new(ROTATION), actor=person.id, change=change)
        committed = await office.house.commit_control(Unit(drafts=[draft]))
        await faults.point("rotation.after_handing_over")
        office.house.signing.take_over(home, new.vkey)
    finally:
        await close_office(office)
    return Done(draft.id, committed.indexes[0]), new.vkey.encode()
