"""Route: who answers this case now: a release with a living owner, or people."""

from answerable.agents.domain import Release
from answerable.cases.domain import Message
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Resolved, Routed

_PAST_DECIDE = frozenset({"decided", "escalated", "outcome"})


def route(hall: Hall, resolved: Resolved) -> Routed:
    """Pin the release and its owner, or say why the case goes to the desk."""
    received, case = resolved.received, resolved.case
    release = hall.releases.get(case.agent)
    owner = hall.people.directory.accountable_for(case.agent)
    if not isinstance(received.cause, Message):
        return Routed(resolved, release, owner)
    if any(record.kind in _PAST_DECIDE for record in received.journey.memo.values()):
        return Routed(resolved, release, owner, is_decided=True)
    to_desk = ""
    if not case.lease.is_held_by_agent(case.agent):
        to_desk = "with_people"
    elif hall.agents.registry.is_stopped(case.agent):
        to_desk = "stopped"
    elif owner is None:
        to_desk = "no_owner"
    elif release is None or not is_registered(hall, release):
        to_desk = "release_gone"
    elif received.arrival.id in hall.stalled:
        to_desk = "stalled"
    return Routed(resolved, release, owner, to_desk)


def is_registered(hall: Hall, release: Release) -> bool:
    """Whether what is loaded is what the ledger says is active."""
    return hall.agents.registry.releases.get(release.blueprint.agent) == release.id
