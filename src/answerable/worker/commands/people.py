"""Commands on persons and on who answers for an agent."""

from answerable.desk.service import SENDS_END_S
from answerable.pipeline.vacancy import fill_vacancies
from answerable.worker import verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.control import Stopped
from answerable.worker.verbs.people import PersonRow


async def person_add(office: Office, verb: verbs.PersonAdd) -> Done:
    people = office.house.hall.people
    return await office.change(lambda: people.add(verb.email, verb.name, by=office.actor(verb.by)))


async def person_leave(office: Office, verb: verbs.PersonLeave) -> Stopped:
    """Nothing more is done in their name, and what was open in it goes to the desk."""
    hall = office.house.hall
    done = await office.change(lambda: hall.people.leave(verb.person, by=office.actor(verb.by)))
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
    return await office.change(lambda: people.accept_ownership(verb.agent, verb.person))


HANDLERS: Handlers = {
    verbs.PersonAdd: person_add,
    verbs.PersonLeave: person_leave,
    verbs.PersonList: person_list,
    verbs.OwnerAccept: owner_accept,
}
