"""Erase: everything that is open for a party ends in one write, then its keys are destroyed.

The write comes first, and names the keys: a life that ends between the two leaves an entry by
which the next one destroys them before it does anything else. In between the keys are named
beside the keys of backups, so that no restore brings them back. Nothing is read of what the party
ever said or was told, so that it takes as long for ten entries as for ten thousand.
"""

from dataclasses import dataclass

from answerable.base import faults
from answerable.base.errors import Broken, Busy
from answerable.base.ids import kin
from answerable.cases import rows as cases
from answerable.cases.domain import Case
from answerable.cases.service import Handover, change_of_hands
from answerable.effects import rows as effects
from answerable.effects.domain import EffectState, Interaction, Status
from answerable.engine.port import Arrival, Conflict
from answerable.ledger import domain as ledger
from answerable.ledger.draft import Draft, Unit
from answerable.parties import rows
from answerable.parties.domain import Party
from answerable.parties.errors import EffectsOpen, StillAtWork
from answerable.pipeline.hall import Hall
from answerable.pipeline.quiet import Stillness
from answerable.pipeline.receive import named_in
from answerable.pipeline.reserve import giving_back
from answerable.pipeline.resume import refused
from answerable.store.threads import beside_the_loop

ENDS_S = 60.0  # above any send deadline: each ends by its own, this is only a net
_TRIES = 8
_CASES_MAX = 10_000  # one of each agent
_NOT_BEGUN = frozenset({Status.HELD, Status.GRANTED, Status.BLOCKED, Status.RETRY})
_WHY = "erased"
_LOG_FREE_TRIES, _LOG_FREE_S = 200, 0.05


@dataclass(frozen=True, slots=True)
class Ended:
    """What would end, or has ended, with a party."""

    holds: int = 0
    effects: int = 0  # holds among them
    unsure: tuple[str, ...] = ()  # that may have happened, and have to be settled first
    timers: int = 0
    messages: int = 0  # that wait, and would never be answered
    cases: int = 0


@dataclass(frozen=True, slots=True)
class Gone:
    """A party is erased: by which entry, at which ledger index."""

    entry: str
    index: int
    ended: Ended
    keys: int


async def what_ends(hall: Hall, party: Party) -> Ended:
    """What would end if the party were erased now."""
    return await _Open.of(hall, party).told()


async def erase(hall: Hall, party: Party, *, by: str, asked_at: int | None) -> Gone:
    """End all that is open, record it, destroy the keys: in this order, and whole.

    Who calls is alone with the party (`hall.quiet.alone`), and has checked that it may be.
    Raises EffectsOpen, StillAtWork, BackupKeysAway; then nothing has changed.
    """
    hall.backup_keys.check_there()
    inboxes = rows.identifiers_of(hall.db, party.id)
    with hall.quiet.still(inboxes) as still:
        _end_turns(hall, still)
        if not await hall.quiet.until_empty(inboxes, ENDS_S):
            raise StillAtWork(party.id)
        kids = [party.kid, *hall.keyring.store.kids_known(inboxes)]
        for _ in range(_TRIES):
            about = _Open.of(hall, party)
            about.check_sure()
            arrivals = await hall.engine.waiting_in(inboxes)
            unit = about.unit(arrivals)
            unit.drafts.append(_done(party, kids, by, asked_at))
            try:
                await faults.point("erase.before_commit")
                with giving_back(hall, about.states):
                    committed = await hall.committer.commit(unit)
            except Conflict as conflict:
                if conflict.first.kind == "erasure.done":
                    raise
                continue  # somebody took the case, or let it go, at the same moment
            await faults.point("erase.after_commit")
            still.finished(unit.done)
            await _carry_out(hall, kids, inboxes)
            gone = await about.told(arrivals)
            return Gone(committed.records[-1].key, committed.indexes[-1], gone, len(kids))
    raise StillAtWork(party.id)


async def _carry_out(hall: Hall, kids: list[str], inboxes: list[str]) -> None:
    """Name the keys beside those of the backups, and destroy them. Where the first fails they are
    destroyed all the same, and the worker goes on trying. Raises Broken, Busy."""
    failed: Broken | None = None
    try:
        await beside_the_loop(lambda: hall.backup_keys.note_erased(kids))
    except Broken as error:
        failed = error
    await faults.point("erase.after_noted")
    try:
        await destroy(hall, kids, inboxes)
    except Busy as busy:
        if failed is not None:
            raise failed from busy
        raise
    await faults.point("erase.after_destroy")
    if failed is not None:
        raise failed


async def destroy(hall: Hall, kids: list[str], addresses: list[str]) -> None:
    """Here and in every file. Raises Busy where another process held the key store's log open all
    the while: no key opens anything any more, and the next life empties the log."""
    hall.keyring.forget(kids)
    for last in range(_LOG_FREE_TRIES):
        try:
            await beside_the_loop(lambda: hall.keyring.store.destroy(kids, addresses))
        except Busy:
            hall.keyring.forget(kids)
            if last == _LOG_FREE_TRIES - 1:
                raise
            await hall.clock.sleep_until(hall.clock.now() + int(_LOG_FREE_S * 1_000_000))
        else:
            hall.keyring.forget(kids)  # a message may have brought one back until then
            return


def _end_turns(hall: Hall, still: Stillness) -> None:
    """What an agent is thinking about the party ends now; it could do nothing any more."""
    names = {f"turn {named_in(one)}" for one in hall.quiet.inside(still.inboxes)}
    for task in list(hall.turns):
        if task.get_name() in names:
            task.cancel()


def _done(party: Party, kids: list[str], by: str, asked_at: int | None) -> Draft:
    change: dict[str, str | int] = {"party": party.id, "kids": " ".join(kids)}
    if asked_at is not None:
        change["asked_at"] = asked_at  # the ledger index of the request that this is the yes to
    return Draft(
        kind="erasure.done", id=kin("ers", party.id, "done"), actor=by, party=party.id,
        change=change,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Open:
    """What is open for a party: out of what has not ended, never out of what has."""

    hall: Hall
    party: Party
    states: list[EffectState]
    interactions: list[Interaction]
    cases: list[Case]

    @classmethod
    def of(cls, hall: Hall, party: Party) -> "_Open":
        states = effects.list_unended_of_party(hall.db, party.id)
        mine = cases.list_newest(hall.db, party=party.id, limit=_CASES_MAX)
        return cls(
            hall, party, states, effects.list_open_of_party(hall.db, party.id),
            [case for case in mine if case.lease.holder != ledger.NOBODY],
        )  # fmt: skip

    @property
    def _unsure(self) -> list[str]:
        late = [one.id for one in self.states if self.hall.leases.is_left_behind(one.id)]
        begun = [one.id for one in self.states if one.status not in _NOT_BEGUN]
        return sorted({*late, *begun})

    def check_sure(self) -> None:
        if unsure := self._unsure:
            raise EffectsOpen(self.party.id, unsure)

    async def told(self, arrivals: list[Arrival] | None = None) -> Ended:
        if arrivals is None:
            inboxes = rows.identifiers_of(self.hall.db, self.party.id)
            arrivals = await self.hall.engine.waiting_in(inboxes)
        messages = [one for one in self._never_taken_up(arrivals) if one.kind == "message"]
        return Ended(
            holds=sum(one.status is Status.HELD for one in self.states), effects=len(self.states),
            unsure=tuple(self._unsure), timers=sum(one.kind == "timer" for one in arrivals),
            messages=len(messages), cases=len(self.cases),
        )  # fmt: skip

    def unit(self, arrivals: list[Arrival]) -> Unit:
        """All ends in one write, and every arrival of the party finished by it."""
        drafts = [refused(one, _WHY) for one in self.states]
        drafts += [self._outcome(one) for one in self.interactions]
        drafts += [_gap(one) for one in self._never_taken_up(arrivals)]
        drafts += [change_of_hands(one, _ENDED) for one in self.cases]
        return Unit(drafts=drafts, done=tuple(one.id for one in arrivals))

    def _never_taken_up(self, arrivals: list[Arrival]) -> list[Arrival]:
        """Messages, and what people said, of which the ledger does not say yet how they ended."""
        known = {one.id for one in self.interactions}
        return [
            one for one in arrivals
            if one.kind != "timer" and not (one.kind == "message" and named_in(one) in known)
        ]  # fmt: skip

    def _outcome(self, one: Interaction) -> Draft:
        return Draft(
            kind="outcome", id=f"out_{one.id.partition('_')[2]}", actor="system:erasure",
            party=self.party.id, trace=ledger.Trace(interaction=one.id, case=one.case),
            outcome=ledger.Outcome(status=_WHY),
        )  # fmt: skip


_ENDED = Handover(kind="lease", to=ledger.NOBODY, actor="system:erasure")


def _gap(arrival: Arrival) -> Draft:
    """What was acknowledged and not taken up: that it was there stays, and why it ended."""
    return Draft(
        kind="gap.declared", id=f"gap_{arrival.id}", actor="system:erasure",
        trace=ledger.Trace(interaction=named_in(arrival) or None),
        change={"arrival": arrival.id, "why": _WHY},
    )  # fmt: skip
