"""The desk's side of the front door: what a specialist says comes in as an arrival of its own."""

from answerable.base.errors import UsageError
from answerable.desk.errors import CaseNotFound, NotYours
from answerable.effects import rows as effects
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import DeskReply
from answerable.pipeline.receive import accept_causes

REPLY_BYTES_MAX = 64 * 1024


async def speak(hall: Hall, case_id: str, who: str, text: str, *, interaction: str = "") -> str:
    """Accept the holder's reply to `interaction` (the newest of the case); durable on return.

    Returns its id `drp_...`; its effect is `kin("eff", id, 1)`. The address is that of the message
    which it answers. Raises PersonUnknown, CaseNotFound, NotYours, UsageError.
    """
    person = hall.people.find(who)
    case = hall.cases.find(case_id)
    if case is None:
        raise CaseNotFound(case_id)
    if case.lease.holder != person.id:
        raise NotYours(case_id, case.lease.holder)
    asked = effects.interaction_of(hall.db, interaction or effects.last_of_case(hall.db, case_id))
    problem = _problem(text)
    if asked is None or asked.case != case_id:
        problem = f"'{interaction}' is no message of case '{case_id}'"
    if problem:
        raise UsageError(f"The reply was refused: {problem}.", "Nothing was sent.")
    reply_id = hall.ids.new("drp")
    kid = hall.parties.get(case.party).kid
    sealed = hall.keyring.seal(kid, reply_id, text.encode())
    reply = DeskReply(
        interaction=asked.id if asked else "", id=reply_id, by=person.id, sealed=sealed
    )
    await accept_causes(hall, [(reply_id, reply, 0)])
    return reply_id


def _problem(text: str) -> str:
    if not text.strip():
        return "it is empty"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "its text is not Unicode"
    return f"it is over {REPLY_BYTES_MAX} bytes" if size > REPLY_BYTES_MAX else ""
