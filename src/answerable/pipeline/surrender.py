"""When a stage itself fails: the interaction goes to people, as it stands."""

from answerable.base.errors import Broken, Unreadable
from answerable.effects.domain import EffectState, Status
from answerable.engine.port import Claim, Conflict, Fenced
from answerable.ledger import domain as ledger
from answerable.ledger.draft import Draft, Unit
from answerable.pipeline import resume
from answerable.pipeline.barrier import commit
from answerable.pipeline.decide import escalated, with_model_use
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Due, Journey, Received, Resolved, Routed
from answerable.pipeline.receive import named_in, open_arrival, open_erased
from answerable.pipeline.reserve import giving_back
from answerable.pipeline.resolve import resolve
from answerable.sdk.words import Escalation
from answerable.store.keys import KeyDestroyed

_TRIES = 3
_WAITS = frozenset({Status.BLOCKED, Status.GRANTED})
_MAY_HAVE_BEGUN = frozenset({Status.READY, Status.BLOCKED, Status.UNKNOWN})


async def surrender(hall: Hall, claim: Claim, why: str) -> None:
    """Finish an arrival that cannot be taken through the hallway: escalate its case, close it.

    What may have begun is for the person who takes the case to find out and to say. Where not even
    that can be done, because of what failed before, a declared gap finishes the arrival. Raises
    Broken, Fenced: then the storage is gone, and the arrival waits for the next life.
    """
    for _ in range(_TRIES):
        try:
            await _surrender(hall, claim, why)
        except Conflict:  # somebody took the case meanwhile, or was first with this
            continue
        except (Broken, Fenced):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not tried for ever
            why = _reason(error) or why
            break
        else:
            return
    try:
        await _surrender(hall, claim, why, is_told=False)
    except (Broken, Fenced):
        raise
    except Exception:  # noqa: BLE001 - same
        await _declare_gap(hall, claim, why)


def _reason(error: Exception) -> str:
    if isinstance(error, KeyDestroyed):
        return "erased"  # whoever sent it was forgotten before it was read
    return error.code if isinstance(error, Unreadable) else ""


async def _surrender(hall: Hall, claim: Claim, why: str, *, is_told: bool = True) -> None:
    """`is_told` is whether the desk gets the case: telling it why needs the party's key."""
    received = _opened(hall, claim)
    received.journey.unit = Unit(arrival=received.arrival.id)
    resolved = resolve(hall, received)
    drafts = received.journey.unit.drafts
    surely_not = _will_not_begin(hall, received)
    drafts.extend(_not_done(state) for state in surely_not)
    drafts.extend(_asked(state) for state in _may_have_begun(hall, received, surely_not))
    if is_told:
        drafts.extend(_handed_over(hall, resolved, why))
    drafts.append(_outcome(hall, resolved, why))
    with giving_back(hall, surely_not):
        await commit(hall, received.journey, done=True)
    hall.spending.forget(received.interaction)


def _opened(hall: Hall, claim: Claim) -> Received:
    try:
        return open_arrival(hall, claim)
    except KeyDestroyed:
        erased = open_erased(hall, claim)
        if erased is None:
            raise
        return erased


def _outcome(hall: Hall, resolved: Resolved, why: str) -> Draft:
    received, release = resolved.received, hall.releases.get(resolved.case.agent)
    draft = Draft(
        kind="outcome",
        id=f"out_{received.origin}.{received.arrival.id[-12:]}",
        actor="system:hallway",
        party=resolved.party.id,
        trace=ledger.Trace(interaction=received.interaction, case=resolved.case.id),
        outcome=ledger.Outcome(status="surrendered", reason=why),
    )
    is_told = any(one.kind in ("decided", "escalated") for one in received.journey.memo.values())
    return draft if is_told else with_model_use(hall, Routed(resolved, release, None), draft)


def _will_not_begin(hall: Hall, received: Received) -> list[EffectState]:
    """What only this timer would have ended or begun, and what waits for that: not done.

    A hold that expires is silence, which is no; a retry has not begun, or it would not be one.
    """
    due = received.cause
    if not isinstance(due, Due):
        return []
    states = resume.own_effects(hall, received)
    ended = [one for one in states if one.id == due.effect and _is_over(hall, one, due)]
    waits = [one for one in states if one.after == due.effect and one.status in _WAITS]
    return ended + waits if ended else []


def _is_over(hall: Hall, state: EffectState, due: Due) -> bool:
    if due.what == "expire":
        return state.status is Status.HELD and hall.clock.now() >= state.expires_at
    return state.status is Status.RETRY and due.attempt == state.attempt


def _may_have_begun(
    hall: Hall, received: Received, surely_not: list[EffectState]
) -> list[EffectState]:
    states = resume.own_effects(hall, received)
    waiting = {state.id for state in states if state.status in (Status.HELD, Status.RETRY)}
    return [
        state
        for state in states
        if state.status in _MAY_HAVE_BEGUN
        and state.after not in waiting
        and state not in surely_not
    ]


def _not_done(state: EffectState) -> Draft:
    if state.status is Status.HELD:
        return resume.refused_by_silence(state)
    return _ended(state, "effect.failed", "end", Status.FAILED)


def _asked(state: EffectState) -> Draft:
    return _ended(state, "effect.unknown", f"a{state.attempt}", Status.ASKED)


def _ended(state: EffectState, kind: ledger.Kind, suffix: str, status: Status) -> Draft:
    return Draft(
        kind=kind,
        id=f"{state.id}.{suffix}",
        owner=state.owner,
        agent=state.agent_ref,
        party=state.party,
        parent=state.decision,
        trace=ledger.Trace(interaction=state.interaction, case=state.case),
        effect=ledger.Effect(
            id=state.id, key=state.id, repeat=state.repeat, attempt=state.attempt, after=state.after
        ),
        outcome=ledger.Outcome(status=status.value, reason="surrendered"),
    )


def _handed_over(hall: Hall, resolved: Resolved, why: str) -> list[Draft]:
    case = hall.cases.find(resolved.case.id) or resolved.case
    if not case.lease.is_held_by_agent(case.agent):
        return []
    return [
        escalated(
            case, hall.releases.get(case.agent),
            Escalation(f"The platform failed on this interaction: {why}."),
            code="internal", interaction=resolved.received.interaction, kid=resolved.party.kid,
        )
    ]  # fmt: skip


async def _declare_gap(hall: Hall, claim: Claim, why: str) -> None:
    """What cannot be read cannot be answered; that it was there, and why nothing came, can."""
    arrival = claim.arrivals[0]
    unit = Unit(arrival=arrival.id)
    unit.drafts.append(
        Draft(
            kind="gap.declared",
            id=f"gap_{arrival.id}",
            actor="system:hallway",
            trace=ledger.Trace(interaction=named_in(arrival) or None),
            change={"arrival": arrival.id, "why": why},
        )
    )
    await commit(hall, Journey({}, unit), done=True)
