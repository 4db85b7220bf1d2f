"""Forget a party: one at a time, and only by persons of the company, each in their own name."""

from answerable.base.clock import iso
from answerable.effects import rows as effects
from answerable.engine.port import Conflict
from answerable.ledger.draft import Draft, Unit
from answerable.ledger.rows import CounterRows
from answerable.parties import rows
from answerable.parties.domain import Asked
from answerable.parties.erasure import DAY_US
from answerable.parties.errors import PartyErased
from answerable.pipeline.erase import Gone, erase, what_ends
from answerable.worker import verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.forget import ErasedView, ErasingView, ErasureRow


async def party_hold(office: Office, verb: verbs.PartyHold) -> Done:
    hall = office.house.hall
    by = hall.people.find(verb.by).id
    async with hall.quiet.alone:
        return await _write(office, hall.erasures.hold(verb.party, by=by, reason=verb.reason))


async def party_release(office: Office, verb: verbs.PartyReleaseHold) -> Done:
    hall = office.house.hall
    by = hall.people.find(verb.by).id
    async with hall.quiet.alone:
        return await _write(office, hall.erasures.release(verb.party, by=by, reason=verb.reason))


async def party_erasing(office: Office, verb: verbs.PartyErasing) -> ErasingView:
    hall = office.house.hall
    by = hall.people.find(verb.by).id
    party = hall.erasures.erasable(verb.party)
    asked = _agreed(office, party.id, by)
    ended = await what_ends(hall, party)
    return ErasingView(
        party.id, CounterRows(hall.db).last(f"s/{party.id}"),
        is_last_word=asked is not None or _is_one_enough(office),
        asked_by=asked.by if asked else "", holds=ended.holds, effects=ended.effects,
        unsure=ended.unsure, timers=ended.timers, messages=ended.messages, cases=ended.cases,
    )  # fmt: skip


async def party_erase(office: Office, verb: verbs.PartyErase) -> ErasedView:
    hall = office.house.hall
    by = hall.people.find(verb.by).id
    async with hall.quiet.alone:
        party = hall.erasures.erasable(verb.party)
        asked = _agreed(office, party.id, by)
        if asked is None:
            expires_at = hall.clock.now() + office.house.plan.erasure_asked_days * DAY_US
            draft = hall.erasures.ask(party.id, by=by, reason=verb.reason, expires_at=expires_at)
            done = await _write(office, draft)
            if not _is_one_enough(office):
                return ErasedView(
                    party.id, done.id, done.index, is_erased=False, expires_at=iso(expires_at)
                )
            asked_at = done.index
        else:
            asked_at = asked.since
        try:
            gone = await erase(hall, party, by=by, asked_at=asked_at)
        except Conflict as conflict:
            index = rows.erased_at(hall.db, party.id)
            raise PartyErased(party.id, index or conflict.first.position) from None
        finally:
            if rows.erased_at(hall.db, party.id) is not None:  # and its keys may be left in a log
                _forget_thoughts(office, party.id)
    return _told(party.id, gone)


def _agreed(office: Office, party: str, by: str) -> Asked | None:
    """The request of somebody else that `by` agrees to. Where one is enough, none is needed.

    Of who has left nothing is agreed to: added again under another id, they would agree to it
    themselves.
    """
    hall = office.house.hall
    if _is_one_enough(office):
        return rows.asked_of(hall.db, party, hall.clock.now())
    asked = hall.erasures.standing(party, by=by, now=hall.clock.now())
    has_left = asked is not None and hall.people.directory.living(asked.by) is None
    return None if has_left else asked


def _is_one_enough(office: Office) -> bool:
    return office.house.plan.persons_to_erase == 1


def _told(party: str, gone: Gone) -> ErasedView:
    ended = gone.ended
    return ErasedView(
        party, gone.entry, gone.index, is_erased=True, holds=ended.holds, effects=ended.effects,
        timers=ended.timers, messages=ended.messages, cases=ended.cases, keys=gone.keys,
    )  # fmt: skip


def _forget_thoughts(office: Office, party: str) -> None:
    """What a model was saying is in memory, for who listens."""
    for interaction in office.thoughts.interactions():
        row = effects.interaction_of(office.house.hall.db, interaction)
        if row is None or row.party == party:
            office.thoughts.forget(interaction)


async def erasure_list(office: Office, verb: verbs.ErasureList) -> list[ErasureRow]:
    hall = office.house.hall
    asked = [
        ErasureRow(one.party, "asked", one.since, one.by, iso(one.expires_at))
        for one in rows.list_asked(hall.db, hall.clock.now())
    ]
    erased = [
        ErasureRow(one.party, "erased", one.at, "", "")
        for one in rows.list_erased(hall.db, verb.limit)
    ]
    return [*asked, *erased][: verb.limit]


async def _write(office: Office, draft: Draft) -> Done:
    committed = await office.house.hall.committer.commit(Unit(drafts=[draft]))
    return Done(committed.records[0].key, committed.indexes[0])


HANDLERS: Handlers = {
    verbs.PartyHold: party_hold,
    verbs.PartyReleaseHold: party_release,
    verbs.PartyErasing: party_erasing,
    verbs.PartyErase: party_erase,
    verbs.ErasureList: erasure_list,
}
