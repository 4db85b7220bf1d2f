"""Commands on persons and on who answers for an agent."""

from dataclasses import replace

from answerable.agents.errors import AgentUnknown
from answerable.base.clock import iso
from answerable.people.roles import AUDITOR
from answerable.worker import verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.people import OwnerView, PersonRow


async def person_add(office: Office, verb: verbs.PersonAdd) -> Done:
    people = office.house.hall.people
    return await office.change(
        lambda: people.add(
            verb.email, verb.name, by=office.actor(verb.by), reports_to=verb.reports_to
        )
    )


async def person_list(office: Office, _: verbs.PersonList) -> list[PersonRow]:
    hall = office.house.hall
    directory, now = hall.people.directory, hall.clock.now()
    running = [directory.delegation_of(agent, now) for agent in sorted(directory.delegations)]
    rows = []
    for person in directory.persons.values():
        owns = tuple(sorted(o.agent for o in directory.owners.values() if o.person == person.id))
        stands_in_for = tuple(one.agent for one in running if one and one.person == person.id)
        name = await office.name_of(person.id)
        rows.append(
            PersonRow(
                person.id,
                name,
                person.has_left,
                owns,
                person.reports_to,
                stands_in_for,
                (AUDITOR,) if directory.is_auditor(person.id) else (),
            )
        )
    return rows


async def owner_set(office: Office, verb: verbs.OwnerSet) -> Done:
    people = office.house.hall.people
    _check_known(office, verb.agent)
    return await office.change(lambda: people.ask_to_own(verb.agent, verb.person, by=verb.by))


async def owner_accept(office: Office, verb: verbs.OwnerAccept) -> Done:
    people = office.house.hall.people
    return await office.change(lambda: people.accept_ownership(verb.agent, verb.person))


async def owner_delegate(office: Office, verb: verbs.OwnerDelegate) -> Done:
    hall = office.house.hall
    people, clock = hall.people, hall.clock
    _check_known(office, verb.agent)
    if not verb.until:
        return await office.change(
            lambda: people.end_delegation(verb.agent, verb.to, by=verb.by, now=clock.now())
        )
    return await office.change(
        lambda: people.delegate(verb.agent, verb.to, verb.until, by=verb.by, now=clock.now())
    )


async def owner_show(office: Office, verb: verbs.OwnerShow) -> OwnerView:
    """At this instant; a delegation that has ended is not told."""
    hall, agent = office.house.hall, verb.agent
    _check_known(office, agent)
    directory, now = hall.people.directory, hall.clock.now()
    accountable, owned = directory.accountable_for(agent, now), directory.owned(agent)
    standing_in, asked = directory.delegation_of(agent, now), directory.asked_for(agent)
    view = OwnerView(
        agent=agent,
        accountable=accountable.person if accountable else "",
        accountable_name=await office.name_of(accountable.person) if accountable else "nobody",
        via=standing_in.owner if standing_in else "",
        owner=owned.person if owned else "",
        owner_name=await office.name_of(owned.person) if owned else "nobody",
        accepted_at=owned.accepted_at if owned else -1,
        until=iso(standing_in.until) if standing_in else "",
        asked=asked.id if asked else "",
        asked_name=await office.name_of(asked.id) if asked else "",
        sentence="",
    )
    return replace(view, sentence=_sentence(view))


def _sentence(view: OwnerView) -> str:
    owner = f"{view.owner_name} ({view.owner})"
    accepted = f"who accepted at ledger index {view.accepted_at}"
    if not view.accountable:
        told = f"Nobody answers for agent '{view.agent}': it does nothing."
    elif view.via:
        told = (
            f"{view.accountable_name} ({view.accountable}) answers for agent '{view.agent}' until "
            f"{view.until}, standing in for {owner}, {accepted}."
        )
    else:
        told = f"{owner} answers for agent '{view.agent}'; they {accepted[4:]}."
    if view.asked:
        told += f" {view.asked_name} ({view.asked}) is asked to, and has not accepted yet."
    return told


def _check_known(office: Office, agent: str) -> None:
    """Raises AgentUnknown where neither a release nor an owner of it was ever there."""
    hall = office.house.hall
    known = {*hall.agents.registry.releases, *hall.people.directory.owners}
    if agent not in known:
        raise AgentUnknown(agent, sorted(known))


HANDLERS: Handlers = {
    verbs.PersonAdd: person_add,
    verbs.PersonList: person_list,
    verbs.OwnerSet: owner_set,
    verbs.OwnerAccept: owner_accept,
    verbs.OwnerDelegate: owner_delegate,
    verbs.OwnerShow: owner_show,
}
