"""What decide does with what was decided before: answers, timers, and lives cut short."""

from answerable.base.ids import kin
from answerable.cases.domain import Message
from answerable.effects import rows as effects
from answerable.effects.domain import EffectState, Status
from answerable.effects.intent import (
    Action,
    ReplyAction,
    encode_action,
    encode_intent,
    load_action,
    one_line,
)
from answerable.ledger import domain as ledger
from answerable.ledger.draft import Body, Draft
from answerable.pipeline.barrier import commit
from answerable.pipeline.guard import FOR_PEOPLE, in_the_way
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import (
    Answer,
    Decided,
    DeskReply,
    Due,
    Intended,
    Journey,
    Proposed,
    Received,
)
from answerable.pipeline.receive import load_message
from answerable.pipeline.reserve import giving_back
from answerable.policy.domain import Spoken, Verdict, encode_spoken
from answerable.policy.weigh import weigh_spoken
from answerable.store.keys import KeyDestroyed


async def decide_again(hall: Hall, proposed: Proposed) -> Decided:
    """Go on with an interaction whose decisions stand in the ledger."""
    received = proposed.routed.resolved.received
    fresh: frozenset[str] = frozenset()
    match received.cause:
        case Answer() as answer if answer.says in ("grant", "refuse"):
            fresh = await _answered(hall, proposed, answer)
        case Due(what="expire") as due:
            await _expired(hall, proposed, due)
        case DeskReply() as reply:
            fresh = await _spoken_for(hall, proposed, reply)
        case _:
            pass
    intended = [
        Intended(state, await _action(hall, state), is_fresh=state.id in fresh)
        for state in own_effects(hall, received)
    ]
    return Decided(
        proposed,
        tuple(intended),
        _disposition(hall, received),
        _why_people(received, [one.state for one in intended]),
    )


def _why_people(received: Received, states: list[EffectState]) -> str:
    """Why this pass leaves nobody of ours to go on, out of what is recorded: lives may end."""
    if isinstance(received.cause, Message):
        is_denied = any(one.kind == "reply" and one.status is Status.DENIED for one in states)
        return "reply_denied" if is_denied else ""
    replies = {state.id for state in states if state.kind == "reply"}
    for record in received.journey.memo.values():
        entry = ledger.decode_entry(record.data) if record.kind == "approval" else None
        if entry is None or entry.outcome is None or entry.effect is None:
            continue
        if entry.outcome.reason in FOR_PEOPLE:
            return entry.outcome.reason
        if entry.effect.id in replies and entry.outcome.status == Status.REFUSED:
            return "reply_refused"
    return ""


def own_effects(hall: Hall, received: Received) -> list[EffectState]:
    """The effects of what this arrival is about: the interaction's, or a specialist's reply's."""
    return [
        state
        for state in effects.list_of_interaction(hall.db, received.interaction)
        if state.origin == received.origin
    ]


async def _action(hall: Hall, state: EffectState) -> Action | None:
    """What was decided, to the byte; None where nothing is to be done, or its party was erased."""
    if state.status.is_end:
        return None
    try:
        return await load_action(hall.engine, hall.keyring, state.position)
    except KeyDestroyed:
        return None


def _disposition(hall: Hall, received: Received) -> str:
    if received.is_persons_reply:
        return "answered_by_person"
    row = effects.interaction_of(hall.db, received.interaction)
    return "escalated" if row is not None and row.is_escalated else "answered"


def _held(hall: Hall, cause: Answer | Due) -> EffectState | None:
    """The effect that it speaks of, if that still waits; whatever else it names changes nothing."""
    state = effects.find(hall.db, cause.effect)
    if state is None or state.status is not Status.HELD:
        return None
    return state if state.interaction == cause.interaction else None


async def _answered(hall: Hall, proposed: Proposed, answer: Answer) -> frozenset[str]:
    """A person's yes or no to a hold: it acts on the exact bytes, once, or it ends."""
    state = _held(hall, answer)
    if state is None or hall.people.directory.living(answer.by) is None:
        return frozenset()
    no = ""
    if hall.clock.now() >= state.expires_at:
        no = "expired"
    elif answer.says == "grant":
        no = in_the_way(hall, state)
    else:
        no = "refused_by_person"
    journey = proposed.routed.resolved.received.journey
    if no:
        await _refuse(hall, journey, state, no, actor=answer.by)
        return frozenset()
    granted = _approval(state, Status.GRANTED, "granted_by_person", actor=answer.by)
    journey.unit.drafts.append(granted)
    if _has_to_wait(hall, state):
        await commit(hall, journey)
        return frozenset()
    journey.unit.drafts.append(started(hall, state, attempt=1))
    await commit(hall, journey)
    return frozenset({state.id})


def _has_to_wait(hall: Hall, state: EffectState) -> bool:
    """A granted reply still waits for the effect that it speaks of."""
    before = effects.find(hall.db, state.after) if state.after else None
    return before is not None and not before.status.is_end


async def _refuse(
    hall: Hall, journey: Journey, state: EffectState, reason: str, *, actor: str
) -> None:
    journey.unit.drafts.append(_approval(state, Status.REFUSED, reason, actor=actor))
    with giving_back(hall, [state]):
        await commit(hall, journey)


def refused_for_want_of_owner(state: EffectState) -> Draft:
    return _approval(state, Status.REFUSED, "no_owner", actor="system:hallway")


def refused(state: EffectState, why: str) -> Draft:
    """What has not begun never will: a hold becomes a no, anything else ends as not done."""
    if state.status is Status.HELD:
        return _approval(state, Status.REFUSED, why, actor="system:hallway")
    return Draft(
        kind="effect.failed",
        id=f"{state.id}.end",
        owner=state.owner,
        agent=state.agent_ref,
        party=state.party,
        parent=state.decision,
        trace=ledger.Trace(interaction=state.interaction, case=state.case),
        effect=ledger.Effect(
            id=state.id, key=state.id, repeat=state.repeat, attempt=state.attempt, after=state.after
        ),
        outcome=ledger.Outcome(status=Status.REFUSED.value, reason=why),
    )


def refused_by_silence(state: EffectState) -> Draft:
    return _approval(state, Status.REFUSED, "expired", actor="system:silence")


async def _expired(hall: Hall, proposed: Proposed, due: Due) -> None:
    """Nobody answered in time: no."""
    state = _held(hall, due)
    if state is not None and hall.clock.now() >= state.expires_at:  # not of a life cut short
        journey = proposed.routed.resolved.received.journey
        await _refuse(hall, journey, state, "expired", actor="system:silence")


def _approval(state: EffectState, status: Status, reason: str, *, actor: str) -> Draft:
    return Draft(
        kind="approval",
        id=kin("apr", state.id, 0),
        actor=actor,
        party=state.party,
        parent=state.decision,
        trace=ledger.Trace(interaction=state.interaction, case=state.case),
        effect=ledger.Effect(id=state.id, key=state.id, repeat=state.repeat),
        outcome=ledger.Outcome(status=status.value, reason=reason),
    )


def owner_now(hall: Hall, state: EffectState) -> ledger.Owner:
    """Who is accountable for the effect at this instant; whoever was, if nobody is."""
    if not state.agent:
        return state.owner
    return hall.people.directory.accountable_for(state.agent, hall.clock.now()) or state.owner


def started(hall: Hall, state: EffectState, *, attempt: int) -> Draft:
    """The intent to act now, later than its decision: with who is accountable at this instant."""
    owner = owner_now(hall, state)
    return Draft(
        kind="effect.started",
        id=f"{state.id}.s{attempt}.{owner.accepted_at}",  # one for each who answers for it
        owner=owner,
        agent=state.agent_ref,
        party=state.party,
        parent=state.decision,
        trace=ledger.Trace(interaction=state.interaction, case=state.case),
        effect=ledger.Effect(
            id=state.id, key=state.id, repeat=state.repeat, attempt=attempt, after=state.after
        ),
    )


async def _spoken_for(hall: Hall, proposed: Proposed, reply: DeskReply) -> frozenset[str]:
    """A specialist speaks on a case that they hold: a decision in their own name."""
    resolved = proposed.routed.resolved
    received, case, kid = resolved.received, resolved.case, resolved.party.kid
    effect = kin("eff", reply.id, 1)
    if effects.find(hall.db, effect) is not None:
        return frozenset()
    is_living = hall.people.directory.living(reply.by) is not None
    spoken = Spoken(reply.by, case.lease.holder, is_living)
    judgement = weigh_spoken(spoken)
    request = encode_spoken(spoken)
    row = effects.interaction_of(hall.db, received.interaction)
    if row is None:
        return frozenset()
    message = await load_message(hall, row.position)
    text = hall.keyring.open(kid, reply.id, reply.sealed).decode()
    action = encode_action(
        ReplyAction(
            rail=message.rail, to=message.address, in_reply_to=message.external_id, text=text,
            subject=one_line(message.subject),
        )
    )  # fmt: skip
    received.journey.unit.drafts.append(
        Draft(
            kind="decided",
            id=kin("dec", reply.id, 1),
            actor=reply.by,
            owner=ledger.Owner(person=reply.by, accepted_at=case.since),
            party=resolved.party.id,
            parent=f"{case.id}.{case.lease.epoch}",
            trace=ledger.Trace(interaction=received.interaction, case=case.id),
            policy=(
                ledger.PolicyUse(
                    set="answerable",
                    context=hall.keyring.commit(kid, "request", request),
                    verdict=judgement.verdict.value,
                    reasons=judgement.reasons,
                ),
            ),
            action=ledger.Action(
                kind="reply",
                name=message.rail,
                commit=hall.keyring.commit(kid, "action", action),
            ),
            effect=ledger.Effect(
                id=effect, key=effect, repeat=hall.lines[message.rail].rail.repeat
            ),
            change={"holder": reply.by, "epoch": case.lease.epoch},
            body=Body(kid=kid, data=encode_intent(action, request)),
        )
    )
    await commit(hall, received.journey)
    return frozenset() if judgement.verdict is Verdict.DENY else frozenset({effect})
