"""What specialists do to a case: take it over, speak on it, hand it back."""

from dataclasses import dataclass

from answerable.base import faults
from answerable.cases import rows as case_rows
from answerable.cases.domain import Case
from answerable.cases.service import change_of_hands
from answerable.desk.errors import CaseNotFound, NotYours
from answerable.engine.port import Conflict
from answerable.ledger.draft import Committed, Unit
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import DeskReply
from answerable.pipeline.receive import accept_causes

_SEND_DEADLINE_S = 15.0  # above every rail's and tool's own: then a send has ended or is unknown


@dataclass(frozen=True, slots=True)
class Taken:
    """The case is the specialist's. `is_quiet` is False if a send was still in flight."""

    case: str
    holder: str
    epoch: int
    is_quiet: bool


async def take(hall: Hall, case_id: str, person: str) -> Taken:
    """Take a case over. When this returns no agent speaks on it any more.

    The case is marked first, so that no send may start; the lease changes hands; then the sends
    that were in flight are waited for, at most their deadline.
    """
    hall.leases.mark(case_id)
    try:
        case = await _change(hall, case_id, person)
        await faults.point("desk.after_take")
        is_quiet = await hall.leases.sends_ended(case_id, _SEND_DEADLINE_S)
    finally:
        hall.leases.unmark(case_id)
    return Taken(case_id, person, case.lease.epoch, is_quiet)


async def _change(hall: Hall, case_id: str, person: str) -> Case:
    """Win the next epoch; lose to whoever wrote it first, and try the one after."""
    while True:
        case = find_case(hall, case_id)
        if case.lease.holder == person:
            return case
        draft = change_of_hands("lease", case, person, actor=person, facts={"why": "takeover"})
        try:
            await hall.committer.commit(Unit(drafts=[draft]))
        except Conflict:
            continue
        return find_case(hall, case_id)


async def say(hall: Hall, interaction: str, case_id: str, person: str, text: str) -> str:
    """Say something on a case that one holds, in answer to a message; returns the reply's id.

    It is accepted like any arrival and goes out through the hallway, in the specialist's name.
    """
    case = find_case(hall, case_id)
    if case.lease.holder != person:
        raise NotYours(case_id, case.lease.holder)
    reply = hall.ids.new("drp")
    sealed = hall.keyring.seal(hall.parties.get(case.party).kid, reply, text.encode())
    cause = DeskReply(interaction=interaction, id=reply, by=person, sealed=sealed)
    await accept_causes(hall, [(reply, cause, 0)])
    return reply


async def hand_back(hall: Hall, case_id: str, person: str) -> Committed:
    """Give a case back to its agent. Only its holder may."""
    case = find_case(hall, case_id)
    if case.lease.holder != person:
        raise NotYours(case_id, case.lease.holder)
    draft = change_of_hands("handback", case, f"agent:{case.agent}", actor=person, facts={})
    return await hall.committer.commit(Unit(drafts=[draft]))


def find_case(hall: Hall, case_id: str) -> Case:
    case = case_rows.find(hall.db, case_id)
    if case is None:
        raise CaseNotFound(case_id)
    return case
