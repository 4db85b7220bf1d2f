"""What a home that came out of a backup writes first: that it was restored, and who was erased.

Their keys were destroyed when it was restored; here the ledger says so, and what is open for them
ends as it does in any erasure. Until then it goes on being tried.
"""

import contextlib

from answerable.base.errors import Refused
from answerable.compose.house import House
from answerable.engine.port import Conflict
from answerable.ledger.draft import Draft, Unit
from answerable.parties import rows
from answerable.parties.domain import Party
from answerable.parties.errors import EffectsOpen, StillAtWork
from answerable.pipeline.erase import erase, what_ends
from answerable.store.forgotten import drop_forgotten, forgotten_again
from answerable.store.restored import restored

_ACTOR = "system:restore"
_KIDS_IN_ONE = 1_000  # of 33 bytes; an entry has 64 KiB


async def record_restored(house: House) -> None:
    """That it goes on from a backup, and which keys of it were destroyed since, once each."""
    made_at_us, at_us = restored(house.home)
    if not at_us:
        return
    said: dict[str, str | int] = {"why": "restored", "since": made_at_us, "until": at_us}
    await _declare(house, f"gap_restored.{at_us}", said)
    kids = forgotten_again(house.home)
    alive = set(house.keys.alive(kids))
    gone = [kid for kid in kids if kid not in alive]
    for start in range(0, len(gone), _KIDS_IN_ONE):
        some = " ".join(gone[start : start + _KIDS_IN_ONE])
        id_ = f"gap_forgotten.{at_us}.{start // _KIDS_IN_ONE}"
        await _declare(house, id_, {"why": "forgotten", "kids": some})
    await forget_again(house)


async def _declare(house: House, id_: str, change: dict[str, str | int]) -> None:
    draft = Draft(kind="gap.declared", id=id_, actor=_ACTOR, change=change)
    with contextlib.suppress(Conflict):
        await house.commit_control(Unit(drafts=[draft]))


async def forget_again(house: House) -> None:
    """End what is open for who was erased after the backup was made. Where it is not known of an
    effect whether it happened, that comes first, as in any erasure."""
    kids = frozenset(forgotten_again(house.home))
    if not kids:
        return
    hall = house.hall
    left = 0
    for party in rows.list_of_keys(hall.db, kids):
        async with hall.quiet.alone:
            left += not await _is_forgotten(house, party)
    if not left:
        drop_forgotten(house.home)


async def _is_forgotten(house: House, party: Party) -> bool:
    hall = house.hall
    if rows.erased_at(hall.db, party.id) is not None:
        return True
    if (await what_ends(hall, party)).unsure:
        return False
    try:
        await erase(hall, party, by=_ACTOR, asked_at=None)
    except (EffectsOpen, StillAtWork, Refused):
        return False
    except Conflict:
        pass  # it is recorded
    return True
