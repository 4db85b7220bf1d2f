"""The desk's verbs on an open hall; what a specialist says comes in through the front door."""

from collections.abc import Sequence

from answerable.base.errors import UsageError
from answerable.cases.domain import Case
from answerable.desk.errors import NotYours
from answerable.desk.service import Desk, Taken
from answerable.effects import rows as effects
from answerable.ledger.draft import Committed
from answerable.people.errors import PersonUnknown
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import DeskReply
from answerable.pipeline.receive import accept_causes
from answerable.pipeline.vacancy import fill_vacancies

__all__ = ["Taken", "find_case", "give_back", "hand_back", "say", "take"]

REPLY_BYTES_MAX = 64 * 1024


def find_case(hall: Hall, case_id: str) -> Case:
    """Raises CaseNotFound."""
    return _desk(hall).find(case_id)


async def take(hall: Hall, case_id: str, who: str) -> Taken:
    """See `Desk.take`: once this returns, nobody but this person speaks on the case.

    Who left while it was on its way to the disk has taken nothing: it goes back to its queue.
    Raises PersonUnknown, CaseNotFound.
    """
    taken = await _desk(hall).take(case_id, who)
    if hall.people.directory.living(taken.lease.holder) is None:
        await fill_vacancies(hall)
        raise PersonUnknown(who)
    return taken


async def hand_back(hall: Hall, case_id: str, who: str) -> Committed:
    """See `Desk.hand_back`."""
    return await _desk(hall).hand_back(case_id, who)


async def give_back(hall: Hall, case_ids: Sequence[str], who: str) -> int:
    """See `Desk.give_back`."""
    return await _desk(hall).give_back(case_ids, who)


async def say(
    hall: Hall, interaction: str, case_id: str, who: str, text: str, key: str = ""
) -> str:
    """Accept the holder's reply to a message of the case; durable on return.

    Returns its id `drp_...`; its effect is `kin("eff", id, 1)`. The address is that of the message
    which it answers. The same `key` again is the same reply, said once. Raises PersonUnknown,
    CaseNotFound, NotYours, UsageError.
    """
    person = hall.people.find(who)
    case = _desk(hall).get(case_id)
    if case.lease.holder != person.id:
        raise NotYours(case_id, case.lease.holder)
    asked = effects.interaction_of(hall.db, interaction)
    problem = _problem(text)
    if asked is None or asked.case != case_id:
        problem = f"'{interaction}' is no message of case '{case_id}'"
    elif asked.rail not in hall.lines:
        problem = f"rail '{asked.rail}', on which it was asked, is not configured"
    if problem:
        raise UsageError(f"The reply was refused: {problem}.", "Nothing was sent.")
    reply_id = hall.ids.new("drp")
    if key:
        reply_id = "drp_" + hall.keyring.dedup_id("desk", f"{case_id}\n{person.id}\n{key}")
    kid = hall.parties.get(case.party).kid
    sealed = hall.keyring.seal(kid, reply_id, text.encode())
    reply = DeskReply(interaction=interaction, id=reply_id, by=person.id, sealed=sealed)
    await accept_causes(hall, [(reply_id, reply, 0)])
    return reply_id


def _desk(hall: Hall) -> Desk:
    return Desk(hall.people, hall.cases, hall.leases, hall.committer)


def _problem(text: str) -> str:
    if not text.strip():
        return "it is empty"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "its text is not Unicode"
    return f"it is over {REPLY_BYTES_MAX} bytes" if size > REPLY_BYTES_MAX else ""
