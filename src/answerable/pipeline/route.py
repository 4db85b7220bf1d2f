"""Route: who answers this case now: a release with a living owner, or people."""

from answerable.cases.domain import Message
from answerable.pipeline.guard import why_people
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Resolved, Routed

_PAST_DECIDE = frozenset({"decided", "escalated", "outcome"})


def route(hall: Hall, resolved: Resolved) -> Routed:
    """Pin the release and its owner, or say why the case goes to the desk."""
    received, case = resolved.received, resolved.case
    release = hall.releases.get(case.agent)
    owner = hall.people.directory.accountable_for(case.agent, hall.clock.now())
    if not isinstance(received.cause, Message):
        return Routed(resolved, release, owner)
    if any(record.kind in _PAST_DECIDE for record in received.journey.memo.values()):
        return Routed(resolved, release, owner, is_decided=True)
    return Routed(resolved, release, owner, why_people(hall, case, received.arrival.id))
