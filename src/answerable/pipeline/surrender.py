"""When a stage itself fails: the interaction goes to people, as it stands."""

from answerable.engine.port import Claim
from answerable.ledger import domain as ledger
from answerable.ledger.draft import Draft, Unit
from answerable.pipeline.barrier import commit
from answerable.pipeline.decide import escalated
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Journey
from answerable.pipeline.receive import open_arrival
from answerable.pipeline.resolve import resolve
from answerable.sdk.words import Escalation


async def surrender(hall: Hall, claim: Claim, why: str) -> None:
    """Finish an arrival that cannot be taken through the hallway: escalate its case, close it.

    What an effect may have begun stays as the ledger has it, for the person who takes the case.
    """
    received = open_arrival(hall, claim)
    resolved = resolve(hall, received)
    journey = Journey({}, received.journey.unit)
    if not journey.unit.drafts:
        journey.unit = Unit(arrival=received.arrival.id)
    case = hall.cases.get(resolved.case.id) if not resolved.case.is_new else resolved.case
    if case.lease.is_held_by_agent(case.agent):
        journey.unit.drafts.append(
            escalated(
                case, hall.releases.get(case.agent),
                Escalation(f"The platform failed on this interaction: {why}."),
                code="internal", interaction=received.interaction, kid=resolved.party.kid,
            )
        )  # fmt: skip
    journey.unit.drafts.append(
        Draft(
            kind="outcome",
            id=f"out_{received.origin}.{received.arrival.id[-12:]}",
            actor="system:hallway",
            party=resolved.party.id,
            trace=ledger.Trace(interaction=received.interaction, case=case.id),
            outcome=ledger.Outcome(status="surrendered", reason=why),
        )
    )
    await commit(hall, journey, done=True)
