"""Resolve: say who is speaking and about which matter; never guess across channels."""

from answerable.cases.domain import Message
from answerable.effects import rows as effects
from answerable.ledger.domain import Trace
from answerable.ledger.draft import Body, Draft
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Received, Resolved


def resolve(hall: Hall, received: Received, *, is_first: bool = False) -> Resolved:
    """The party and the case: as recorded, or found by the exact identifier, or new.

    `is_first` where nothing can be recorded of the arrival: no life of it came past a barrier.
    """
    message = received.cause
    is_unknown = is_first and isinstance(message, Message)
    known = None if is_unknown else effects.interaction_of(hall.db, received.interaction)
    if known is not None:
        return Resolved(received, hall.parties.get(known.party), hall.cases.get(known.case))
    if not isinstance(message, Message):
        raise LookupError(f"a {type(message).__name__} names {received.interaction}, unknown here")
    unit = received.journey.unit
    agent = hall.lines[received.rail].agent
    party = hall.parties.find_or_create(
        received.arrival.inbox, message.sender, received.interaction, unit
    )
    case = hall.cases.find_or_open(
        party.id, agent, received.interaction, unit, is_new_party=party.is_new
    )
    unit.drafts.append(
        Draft(
            kind="received",
            id=received.message_id,
            actor=f"rail:{received.rail}",
            party=party.id,
            trace=Trace(interaction=received.interaction, case=case.id),
            change={
                "inbox": received.arrival.inbox,
                "rail": received.rail,
                "grade": received.grade,
            },
            body=Body(kid=received.kid, data=received.sealed, is_sealed=True),
        )
    )
    return Resolved(received, party, case)
