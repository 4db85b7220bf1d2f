"""When a stage itself fails: the interaction goes to people, as it stands."""

from answerable.base.errors import Unreadable
from answerable.effects.domain import EffectState, Status
from answerable.engine.port import Claim, Conflict
from answerable.ledger import domain as ledger
from answerable.ledger.draft import Draft, Unit
from answerable.pipeline import resume
from answerable.pipeline.barrier import commit
from answerable.pipeline.decide import escalated
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Journey, Received, Resolved
from answerable.pipeline.receive import open_arrival
from answerable.pipeline.resolve import resolve
from answerable.sdk.words import Escalation
from answerable.store.keys import KeyDestroyed

_TRIES = 3
_MAY_HAVE_BEGUN = frozenset({Status.READY, Status.BLOCKED, Status.UNKNOWN})


async def surrender(hall: Hall, claim: Claim, why: str) -> None:
    """Finish an arrival that cannot be taken through the hallway: escalate its case, close it.

    What may have begun is for the person who takes the case to find out and to say.
    """
    for _ in range(_TRIES - 1):
        try:
            await _surrender(hall, claim, why)
        except Conflict:  # somebody took the case meanwhile, or was first with this
            continue
        else:
            return
    await _surrender(hall, claim, why)


async def _surrender(hall: Hall, claim: Claim, why: str) -> None:
    try:
        received = open_arrival(hall, claim)
        received.journey.unit = Unit(arrival=received.arrival.id)
        resolved = resolve(hall, received)
    except Unreadable as error:  # its sender was forgotten before it was read, or it is damaged
        is_erased = isinstance(error, KeyDestroyed)
        await _declare_gap(hall, claim, "erased" if is_erased else error.code)
        return
    drafts = received.journey.unit.drafts
    drafts.extend(_asked(state) for state in _may_have_begun(hall, received))
    drafts.extend(_handed_over(hall, resolved, why))
    drafts.append(
        Draft(
            kind="outcome",
            id=f"out_{received.origin}.{received.arrival.id[-12:]}",
            actor="system:hallway",
            party=resolved.party.id,
            trace=ledger.Trace(interaction=received.interaction, case=resolved.case.id),
            outcome=ledger.Outcome(status="surrendered", reason=why),
        )
    )
    await commit(hall, received.journey, done=True)


def _may_have_begun(hall: Hall, received: Received) -> list[EffectState]:
    states = resume.own_effects(hall, received)
    waiting = {state.id for state in states if state.status in (Status.HELD, Status.RETRY)}
    return [
        state for state in states if state.status in _MAY_HAVE_BEGUN and state.after not in waiting
    ]


def _asked(state: EffectState) -> Draft:
    return Draft(
        kind="effect.unknown",
        id=f"{state.id}.a{state.attempt}",
        owner=state.owner,
        agent=state.agent_ref,
        party=state.party,
        parent=state.decision,
        trace=ledger.Trace(interaction=state.interaction, case=state.case),
        effect=ledger.Effect(
            id=state.id, key=state.id, repeat=state.repeat, attempt=state.attempt, after=state.after
        ),
        outcome=ledger.Outcome(status=Status.ASKED.value, reason="surrendered"),
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
            change={"arrival": arrival.id, "why": why},
        )
    )
    await commit(hall, Journey({}, unit), done=True)
