"""The verbs of the desk: take a case over, hand it back. One speaker, races included."""

from collections.abc import Sequence
from dataclasses import dataclass

from answerable.cases.domain import Case, Lease
from answerable.cases.leases import Leases
from answerable.cases.service import Cases, Handover, change_of_hands
from answerable.desk.errors import CaseEnded, CaseNotFound, NotYours
from answerable.engine.port import Conflict
from answerable.ledger.committer import Committer
from answerable.ledger.domain import NOBODY
from answerable.ledger.draft import Committed, Unit
from answerable.people.errors import AgentHasNoOwner
from answerable.people.service import People

SENDS_END_S = 60.0  # above any send deadline: each send ends by its own, this is only a net
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Taken:
    """A case is in a person's hands: by which entry, at which ledger index."""

    case: str
    lease: Lease
    entry: str
    index: int
    is_late: bool = False  # a send of the former holder had not ended when the wait did


@dataclass(frozen=True, slots=True)
class Desk:
    """Built from the rooms of an open house; holds nothing of its own."""

    people: People
    cases: Cases
    leases: Leases
    committer: Committer

    async def take(self, case_id: str, who: str, *, sends_end_s: float = SENDS_END_S) -> Taken:
        """A person takes the case, whoever holds it: no other holder speaks once this returns.

        The case is marked first, so that no send starts; then the lease changes hands, durably;
        then the sends in flight end, each by its own deadline. Raises PersonUnknown, CaseNotFound.
        """
        person = self.people.find(who)
        self.get(case_id)
        self.leases.mark(case_id)
        try:
            taken = await self._give_to(case_id, person.id)
            has_ended = await self.leases.sends_ended(case_id, sends_end_s)
        finally:
            self.leases.unmark(case_id)
        return Taken(taken.case, taken.lease, taken.entry, taken.index, is_late=not has_ended)

    async def hand_back(self, case_id: str, who: str) -> Committed:
        """Its holder gives the case back to its agent; not to one that nobody answers for, with
        which it would only lie. Raises NotYours, CaseNotFound, AgentHasNoOwner."""
        person = self.people.find(who)
        case = self.get(case_id)
        if case.lease.holder != person.id:
            raise NotYours(case_id, case.lease.holder)
        self._check_owned(case.agent)
        draft = change_of_hands(
            case, Handover(kind="handback", to=f"agent:{case.agent}", actor=person.id)
        )
        try:
            return await self.committer.commit(Unit(drafts=[draft]))
        except Conflict:
            raise NotYours(case_id, self.get(case_id).lease.holder) from None

    async def give_back(self, case_ids: Sequence[str], who: str) -> int:
        """Cases that wait in a queue become their agents' again, by a person's word; how many.

        One that somebody takes at the same moment is theirs. Raises PersonUnknown, AgentHasNoOwner.
        """
        person = self.people.find(who)
        for agent in dict.fromkeys(self.get(case_id).agent for case_id in case_ids):
            self._check_owned(agent)
        for _ in range(_TRIES):
            waiting = [case for case in map(self.get, case_ids) if _is_queued(case)]
            drafts = [
                change_of_hands(
                    case, Handover(kind="handback", to=f"agent:{case.agent}", actor=person.id)
                )
                for case in waiting
            ]
            try:
                if drafts:
                    await self.committer.commit(Unit(drafts=drafts))
            except Conflict:
                continue
            return len(drafts)
        return 0

    def _check_owned(self, agent: str) -> None:
        if self.people.directory.owned(agent) is None:
            raise AgentHasNoOwner(agent, "Nothing was handed back to it.")

    async def _give_to(self, case_id: str, person: str) -> Taken:
        """The next epoch is the person's; where somebody else is first, the one after it."""
        for _ in range(_TRIES):
            case = self.get(case_id)
            if case.lease.holder == person:
                return Taken(case_id, case.lease, f"{case_id}.{case.lease.epoch}", case.since)
            draft = change_of_hands(case, Handover(kind="lease", to=person, actor=person))
            try:
                committed = await self.committer.commit(Unit(drafts=[draft]))
            except Conflict:
                continue
            lease = Lease(person, case.lease.epoch + 1)
            return Taken(case_id, lease, draft.id, committed.indexes[0])
        raise NotYours(case_id, self.get(case_id).lease.holder)

    def find(self, case_id: str) -> Case:
        """Raises CaseNotFound."""
        case = self.cases.find(case_id)
        if case is None:
            raise CaseNotFound(case_id)
        return case

    def get(self, case_id: str) -> Case:
        """One on which something may still be done. Raises CaseNotFound, CaseEnded."""
        case = self.find(case_id)
        if case.lease.holder == NOBODY:
            raise CaseEnded(case_id, case.since)
        return case


def _is_queued(case: Case) -> bool:
    return case.lease.holder.startswith("queue:")
