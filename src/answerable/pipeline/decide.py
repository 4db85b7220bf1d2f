"""Decide: a verdict on everything proposed, durable with its owner before anything happens."""

from msgspec.structs import replace

from answerable.agents.domain import Release
from answerable.base import faults
from answerable.cases.domain import Case, Message
from answerable.cases.service import Handover, change_of_hands
from answerable.effects.changes import begun
from answerable.effects.intent import Action, ReplyAction
from answerable.ledger.domain import AgentRef, decode_entry
from answerable.ledger.draft import Body, Committed, Draft, Unit
from answerable.pipeline import resume
from answerable.pipeline.barrier import commit
from answerable.pipeline.guard import why_people
from answerable.pipeline.hall import Hall
from answerable.pipeline.judge import Judged, judge_reply, judge_tool
from answerable.pipeline.passage import Decided, Due, Intended, Proposed, Received, Routed
from answerable.pipeline.receive import accept_causes
from answerable.pipeline.reserve import remember
from answerable.pipeline.thoughts import model_use
from answerable.policy.domain import Verdict
from answerable.sdk.words import Escalation


async def decide(hall: Hall, proposed: Proposed) -> Decided:
    """Judge what the turn proposed; or go on with what was decided earlier."""
    received = proposed.routed.resolved.received
    if not isinstance(received.cause, Message) or proposed.routed.is_decided:
        return await resume.decide_again(hall, proposed)
    proposed = _look_again(hall, proposed)
    judged: list[Judged] = []
    try:
        _judge_all(hall, proposed, received.cause, judged)
        unit = received.journey.unit
        unit.drafts.extend(one.draft for one in judged)
        if proposed.escalation is not None:
            unit.drafts.append(_escalated(proposed, proposed.escalation))
        is_told = _tell_model_use(hall, proposed, unit)
        await _hold_timers(hall, received, judged)
        await faults.point("decide.before_commit")
        committed = await commit(hall, received.journey)
    except BaseException:
        for one in judged:
            if one.reservation is not None:
                hall.limits.release(one.reservation)
        raise
    for one in judged:
        if one.reservation is not None:
            remember(hall, one.effect, one.reservation)
    if is_told:
        hall.spending.forget(received.interaction)
    await faults.point("decide.after_commit")
    return Decided(proposed, _intended(judged, committed), _disposition(proposed), _desk(judged))


def _desk(judged: list[Judged]) -> str:
    """What may not be said leaves somebody without an answer: people see to it."""
    is_denied = any(
        isinstance(one.action, ReplyAction) and one.verdict is Verdict.DENY for one in judged
    )
    return "reply_denied" if is_denied else ""


def _look_again(hall: Hall, proposed: Proposed) -> Proposed:
    """The turn took its time: who answers, who holds the case, what is stopped, all as of now."""
    routed = proposed.routed
    resolved = routed.resolved
    if routed.to_desk:
        return proposed
    case = resolved.case
    if not case.is_new:
        case = hall.cases.get(case.id)
    why = why_people(hall, case, resolved.received.arrival.id)
    if case.lease != resolved.case.lease:
        why = "with_people"  # even if it is the agent's again: a person was here meanwhile
    if not why:
        owner = hall.people.directory.accountable_for(case.agent, hall.clock.now())
        return replace(proposed, routed=replace(routed, owner=owner))
    routed = replace(routed, resolved=replace(resolved, case=case), to_desk=why)
    if why == "with_people":
        return Proposed(routed)
    return Proposed(routed, escalation=Escalation("No agent may act on this case now."), code=why)


def _judge_all(hall: Hall, proposed: Proposed, message: Message, judged: list[Judged]) -> None:
    routed = proposed.routed
    for proposal in proposed.effects:
        judged.append(judge_tool(hall, routed, proposal))  # noqa: PERF401 - kept if the next fails
    if proposed.reply is not None:
        ordinal = len(proposed.effects) + 1
        judged.append(judge_reply(hall, routed, proposed.reply, message, ordinal))


def _tell_model_use(hall: Hall, proposed: Proposed, unit: Unit) -> bool:
    """On the first entry of the turn, and on no other: so it can be summed. Where the turn has no
    entry of its own here, its outcome tells it."""
    for place, draft in enumerate(unit.drafts):
        if draft.kind in ("decided", "escalated"):
            unit.drafts[place] = with_model_use(hall, proposed.routed, draft)
            return True
    return False


def with_model_use(hall: Hall, routed: Routed, draft: Draft) -> Draft:
    use = model_use(hall, routed.resolved.received)
    if use is None:
        return draft
    routed.resolved.received.journey.model = use
    release = routed.release.id if routed.release else ""
    agent = AgentRef(id=routed.resolved.case.agent, release=release)
    return replace(draft, model=use, agent=draft.agent or agent)


async def _hold_timers(hall: Hall, received: Received, judged: list[Judged]) -> None:
    """Silence must become no: durable before the hold; a timer without its hold is harmless."""
    timers = [
        (
            f"expire/{one.effect}/{one.expires_at}",
            Due(interaction=received.interaction, effect=one.effect, what="expire"),
            one.expires_at,
        )
        for one in judged
        if one.verdict is Verdict.HOLD
    ]
    if timers:
        # the interaction has no row yet: name its inbox by the arrival that is being worked on
        await accept_causes(hall, timers, inbox=received.arrival.inbox)


def _intended(judged: list[Judged], committed: Committed) -> tuple[Intended, ...]:
    """What was decided as the state has it now, without asking for it."""
    actions: dict[str, Action] = {one.effect: one.action for one in judged}
    decided = [one for one in committed.records if one.kind == "decided"]
    states = [begun(decode_entry(record.data), record.position) for record in decided]
    return tuple(Intended(state, actions.get(state.id), is_fresh=True) for state in states if state)


def _escalated(proposed: Proposed, escalation: Escalation) -> Draft:
    routed = proposed.routed
    resolved = routed.resolved
    return escalated(
        resolved.case, routed.release, escalation,
        code=proposed.code, interaction=resolved.received.interaction, kid=resolved.party.kid,
    )  # fmt: skip


def escalated(
    case: Case,
    release: Release | None,
    escalation: Escalation,
    *,
    code: str,
    interaction: str,
    kid: str,
) -> Draft:
    """The case goes to a queue: the next epoch of its lease, so that no agent speaks after it."""
    queue = escalation.queue or (release.blueprint.desk if release else "") or case.agent
    handover = Handover(
        kind="escalated",
        to=f"queue:{queue}",
        actor=f"agent:{case.agent}" if code == "asked" else "system:hallway",
        facts={"queue": queue, "code": code},
        interaction=interaction,
        body=Body(kid=kid, data=escalation.reason.encode()),
    )
    return change_of_hands(case, handover)


def _disposition(proposed: Proposed) -> str:
    if proposed.routed.to_desk == "with_people":
        return "with_people"
    if proposed.escalation is not None:
        return "escalated"
    return "answered" if proposed.reply is not None else "closed"
