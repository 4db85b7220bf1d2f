"""Commands that change or show who may do what: persons, owners, agents."""

from answerable.agents.stops import Mode
from answerable.desk.service import SENDS_END_S
from answerable.ledger.draft import Unit
from answerable.pipeline.guard import is_stopped
from answerable.pipeline.vacancy import fill_vacancies
from answerable.worker import verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.control import AgentRow, Stopped
from answerable.worker.verbs.people import PersonRow


async def _write(office: Office, unit: Unit) -> Done:
    committed = await office.house.commit_control(unit)
    return Done(committed.records[0].key, committed.indexes[0])


async def person_add(office: Office, verb: verbs.PersonAdd) -> Done:
    people = office.house.hall.people
    return await _write(office, people.add(verb.email, verb.name, by="system:command"))


async def person_leave(office: Office, verb: verbs.PersonLeave) -> Stopped:
    """Nothing more is done in their name, and what was open in it goes to the desk."""
    hall = office.house.hall
    done = await _write(office, hall.people.leave(verb.person, by="system:command"))
    is_late = not await hall.leases.all_sends_ended(SENDS_END_S)
    moved = await fill_vacancies(hall)
    return Stopped(done.id, done.index, is_late, moved)


async def person_list(office: Office, _: verbs.PersonList) -> list[PersonRow]:
    directory = office.house.hall.people.directory
    rows = []
    for person in directory.persons.values():
        owns = tuple(sorted(o.agent for o in directory.owners.values() if o.person == person.id))
        rows.append(PersonRow(person.id, await office.name_of(person.id), person.has_left, owns))
    return rows


async def owner_accept(office: Office, verb: verbs.OwnerAccept) -> Done:
    people = office.house.hall.people
    return await _write(office, people.accept_ownership(verb.agent, verb.person))


async def agent_list(office: Office, _: verbs.AgentList) -> list[AgentRow]:
    hall = office.house.hall
    registry, rows = hall.agents.registry, []
    for agent, release in sorted(registry.releases.items()):
        owner = hall.people.directory.accountable_for(agent)
        loaded = hall.releases.get(agent)
        rows.append(
            AgentRow(
                agent, release,
                is_loaded=loaded is not None and loaded.id == release,
                is_stopped=is_stopped(hall, Mode.PAUSE, agent=agent),
                owner=owner.person if owner else "",
                owner_name=await office.name_of(owner.person) if owner else "nobody",
            )
        )  # fmt: skip
    return rows


HANDLERS: Handlers = {
    verbs.PersonAdd: person_add,
    verbs.PersonLeave: person_leave,
    verbs.PersonList: person_list,
    verbs.OwnerAccept: owner_accept,
    verbs.AgentList: agent_list,
}
