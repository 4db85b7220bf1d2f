"""Decide: a verdict on everything proposed, durable with its owner before anything happens."""

from answerable.agents.domain import Release
from answerable.base import faults
from answerable.cases.domain import Case, Message
from answerable.cases.service import change_of_hands
from answerable.effects.intent import Action
from answerable.ledger.draft import Draft
from answerable.pipeline import resume
from answerable.pipeline.barrier import commit
from answerable.pipeline.hall import Hall
from answerable.pipeline.judge import Judged, judge_reply, judge_tool
from answerable.pipeline.passage import Decided, Due, Intended, Proposed, Received
from answerable.pipeline.receive import accept_causes
from answerable.policy.domain import Verdict
from answerable.sdk.words import Escalation

_RESERVATIONS_KEPT = 50_000


async def decide(hall: Hall, proposed: Proposed) -> Decided:
    """Judge what the turn proposed; or go on with what was decided earlier."""
    received = proposed.routed.resolved.received
    if not isinstance(received.cause, Message) or proposed.routed.is_decided:
        return await resume.decide_again(hall, proposed)
    judged = _judge_all(hall, proposed, received.cause)
    unit = received.journey.unit
    unit.drafts.extend(one.draft for one in judged)
    if proposed.escalation is not None:
        unit.drafts.append(_escalated(proposed, proposed.escalation))
    await _hold_timers(hall, received, judged)
    await faults.point("decide.before_commit")
    try:
        await commit(hall, received.journey)
    except BaseException:
        for one in judged:
            if one.reservation is not None:
                hall.limits.release(one.reservation)
        raise
    await faults.point("decide.after_commit")
    _keep_reservations(hall, judged)
    return Decided(proposed, _intended(hall, received, judged), _disposition(proposed))


def _judge_all(hall: Hall, proposed: Proposed, message: Message) -> list[Judged]:
    routed = proposed.routed
    judged = [judge_tool(hall, routed, proposal) for proposal in proposed.effects]
    if proposed.reply is not None:
        ordinal = len(proposed.effects) + 1
        judged.append(judge_reply(hall, routed, proposed.reply, message, ordinal))
    return judged


async def _hold_timers(hall: Hall, received: Received, judged: list[Judged]) -> None:
    """Silence must become no: the timer is durable before the hold (an orphan timer is harmless)."""
    timers = [
        (
            f"expire/{one.effect}",
            Due(interaction=received.interaction, effect=one.effect, what="expire"),
            one.expires_at,
        )
        for one in judged
        if one.verdict is Verdict.HOLD
    ]
    if timers:
        # the interaction has no row yet: name its inbox by the arrival that is being worked on
        await accept_causes(hall, timers, inbox=received.arrival.inbox)


def _keep_reservations(hall: Hall, judged: list[Judged]) -> None:
    """So that an effect that ends as not done gives its room back in this process."""
    for one in judged:
        if one.reservation is not None:
            hall.reservations[one.effect] = one.reservation
    while len(hall.reservations) > _RESERVATIONS_KEPT:
        _, oldest = hall.reservations.popitem(last=False)
        hall.limits.settle(oldest)


def _intended(hall: Hall, received: Received, judged: list[Judged]) -> tuple[Intended, ...]:
    if not judged:
        return ()
    actions: dict[str, Action] = {one.effect: one.action for one in judged}
    return tuple(
        Intended(state, actions.get(state.id), is_fresh=True)
        for state in resume.own_effects(hall, received)
    )


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
    return change_of_hands(
        "escalated", case, f"queue:{queue}",
        actor=f"agent:{case.agent}" if code == "asked" else "system:hallway",
        facts={"queue": queue, "code": code}, interaction=interaction,
        body=(kid, escalation.reason.encode()),
    )  # fmt: skip


def _disposition(proposed: Proposed) -> str:
    if proposed.routed.to_desk == "with_people":
        return "with_people"
    if proposed.escalation is not None:
        return "escalated"
    return "answered" if proposed.reply is not None else "closed"
