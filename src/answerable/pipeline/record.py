"""Record: what became of everything, and whether the interaction has ended."""

from answerable.base import faults
from answerable.cases.domain import Message
from answerable.effects import rows as effects
from answerable.effects.domain import OPEN, Status
from answerable.engine.port import Conflict
from answerable.ledger import domain as ledger
from answerable.ledger.draft import Body, Draft
from answerable.pipeline.barrier import commit
from answerable.pipeline.decide import escalated, with_model_use
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Acted, End, Journey
from answerable.pipeline.receive import accept_causes
from answerable.pipeline.reserve import giving_back, keep
from answerable.sdk.words import Escalation
from answerable.store.keys import KeyDestroyed

_KIND = {
    Status.DONE: "effect.done",
    Status.UNKNOWN: "effect.unknown",
    Status.ASKED: "effect.unknown",
    Status.RETRY: "effect.failed",
    Status.FAILED: "effect.failed",
    Status.REFUSED: "effect.failed",
}


async def record(hall: Hall, acted: Acted) -> None:
    """Write the ends and, if nothing is left open, the outcome; finish the arrival."""
    resolved = acted.decided.proposed.routed.resolved
    journey = resolved.received.journey
    if acted.later:
        await accept_causes(hall, [(one.id, one.due, one.at) for one in acted.later])
    drafts = journey.unit.drafts
    for end in acted.ends:
        if not _is_still_unknown(end):
            drafts.append(_ended(resolved.party.kid, end))
    to_people = _to_people(hall, acted)
    if _concludes(hall, acted):
        drafts.append(_outcome(hall, acted, is_escalated=to_people is not None))
    ended = [end.state for end in acted.ends if end.status in (Status.FAILED, Status.REFUSED)]
    with giving_back(hall, ended):
        await faults.point("record.before_commit")
        await _commit(hall, journey, to_people)
        await faults.point("record.after_commit")
    for end in acted.ends:
        if end.status is Status.DONE:
            keep(hall, end.state.id)


async def _commit(hall: Hall, journey: Journey, to_people: Draft | None) -> None:
    """With the escalation, if there is one; where a person took the case first, they have it.

    Where its party was erased the desk can not be told why: what became of everything, which may be
    somebody's word, is not lost for that.
    """
    drafts = list(journey.unit.drafts)
    if to_people is None:
        await commit(hall, journey, done=True)
        return
    journey.unit.drafts.append(to_people)
    try:
        await commit(hall, journey, done=True)
    except Conflict as conflict:
        if conflict.first.key != to_people.id:
            raise
        journey.unit.drafts = drafts
        await commit(hall, journey, done=True)
    except KeyDestroyed:
        journey.unit.drafts = drafts
        await commit(hall, journey, done=True)


def _concludes(hall: Hall, acted: Acted) -> bool:
    """Whether this pass closed what was open; a late timer finds everything closed already."""
    if not all(status.is_end for status in acted.statuses.values()):
        return False
    received = acted.decided.proposed.routed.resolved.received
    if received.is_persons_reply:
        return any(not one.state.status.is_end for one in acted.decided.effects)
    if isinstance(received.cause, Message):  # only what comes after it, in its inbox, may end it
        return True
    row = effects.interaction_of(hall.db, received.interaction)
    return row is not None and row.disposition == OPEN


def _is_still_unknown(end: End) -> bool:
    """A look-up that told nothing: that this attempt is unknown stands in the ledger already."""
    is_same = end.status is Status.UNKNOWN and end.state.status is Status.UNKNOWN
    return is_same and end.attempt == end.state.attempt


def _ended(kid: str, end: End) -> Draft:
    state = end.state
    suffix = {
        Status.RETRY: f"f{end.attempt}",
        Status.UNKNOWN: f"u{end.attempt}",
        Status.ASKED: f"a{end.attempt}",
    }
    return Draft(
        kind=_KIND[end.status],  # type: ignore[arg-type]
        id=f"{state.id}.{suffix.get(end.status, 'end')}",
        actor=end.actor or None,
        owner=state.owner,
        agent=state.agent_ref,
        party=state.party,
        parent=state.decision,
        trace=ledger.Trace(interaction=state.interaction, case=state.case),
        effect=ledger.Effect(
            id=state.id, key=state.id, repeat=state.repeat, attempt=end.attempt, after=state.after
        ),
        outcome=ledger.Outcome(status=end.status.value, reason=end.reason or None),
        body=Body(kid=kid, data=end.receipt.encode()) if end.receipt else None,
    )


_WHY = {
    "stalled": "An effect of this case kept the worker busy for too long; it is not called again.",
    "effect_unknown": "An effect of this case needs a person to say how it ended.",
    "effect_failed": "An effect of this case was tried as often as it may be, and was not done.",
    "reply_failed": "A reply of this case could not be sent.",
    "reply_denied": "A reply of this case may not be sent: policy says no.",
    "reply_refused": "A reply of this case was held, and nobody said yes.",
}


def _to_people(hall: Hall, acted: Acted) -> Draft | None:
    """Where only people can go on: an effect nobody can say, a reply that will not be sent."""
    resolved = acted.decided.proposed.routed.resolved
    codes = [end.desk for end in acted.ends if end.desk]
    code = min(codes, key=lambda one: one != "effect_unknown", default=acted.decided.desk)
    if not code:
        return None
    case = hall.cases.get(resolved.case.id)
    if not case.lease.is_held_by_agent(case.agent):
        return None
    return escalated(
        case, acted.decided.proposed.routed.release,
        Escalation(_WHY.get(code, "The agent may not go on with this case.")),
        code=code, interaction=resolved.received.interaction, kid=resolved.party.kid,
    )  # fmt: skip


def _outcome(hall: Hall, acted: Acted, *, is_escalated: bool) -> Draft:
    routed = acted.decided.proposed.routed
    resolved, received = routed.resolved, routed.resolved.received
    draft = Draft(
        kind="outcome",
        id=f"out_{received.origin}",
        actor="system:hallway",
        party=resolved.party.id,
        parent=received.message_id,
        trace=ledger.Trace(interaction=received.interaction, case=resolved.case.id),
        outcome=ledger.Outcome(status=_disposition(acted, is_escalated=is_escalated)),
    )
    is_told = any(one.kind in ("decided", "escalated") for one in received.journey.memo.values())
    return draft if is_told else with_model_use(hall, routed, draft)


def _disposition(acted: Acted, *, is_escalated: bool) -> str:
    """How the interaction ended, in one word."""
    replies = [
        (state.id, acted.statuses[state.id])
        for state in (one.state for one in acted.decided.effects)
        if state.kind == "reply"
    ]
    if any(status is Status.DONE for _, status in replies):
        return acted.decided.disposition
    if acted.decided.disposition in ("escalated", "with_people", "closed"):
        return acted.decided.disposition
    if is_escalated:
        return "escalated"
    return "with_people" if replies else "closed"
