"""A person leaves: what would change by it, and the leaving itself."""

from collections.abc import Iterator

from answerable.base.errors import Broken
from answerable.desk import rows as desk
from answerable.desk.service import SENDS_END_S
from answerable.effects import rows as effects
from answerable.effects.domain import EffectState, Status
from answerable.people.domain import Person
from answerable.pipeline.vacancy import fill_vacancies
from answerable.worker import verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs.control import Stopped
from answerable.worker.verbs.people import LeavingView

_ALL = 1_000_000


async def person_leaving(office: Office, verb: verbs.PersonLeaving) -> LeavingView:
    """What would change if they left now. Raises PersonUnknown."""
    hall = office.house.hall
    person, now = hall.people.find(verb.person), hall.clock.now()
    directory = hall.people.directory
    agents = _owned_by(office, person)
    above = directory.above(person.id)
    would_ask = [
        asked if asked is not None and asked != person else above
        for asked in map(directory.asked_for, agents)
    ]
    running = [directory.delegation_of(agent, now) for agent in sorted(directory.delegations)]
    cases = set(_cases_of(office, agents))
    return LeavingView(
        person=person.id, name=await office.name_of(person.id), agents=agents,
        asked=tuple([await office.name_of(_id(one)) for one in would_ask]),
        stands_in_for=tuple(one.agent for one in running if one and one.person == person.id),
        holds=sum(1 for state in _held(office) if state.case in cases),
        cases=len(cases) + len(desk.list_taken_by(hall.db, person.id)),
        keys=tuple(await _keys_of(office, person)),
    )  # fmt: skip


async def person_leave(office: Office, verb: verbs.PersonLeave) -> Stopped:
    """Nothing more is done in their name, and what was open in it goes to the desk."""
    hall = office.house.hall
    person = hall.people.find(verb.person)
    keys, held = tuple(await _keys_of(office, person)), {state.id for state in _held(office)}
    done = await office.change(lambda: hall.people.leave(verb.person, by=office.actor(verb.by)))
    is_late = not await hall.leases.all_sends_ended(SENDS_END_S)
    try:
        moved = await fill_vacancies(hall)
    except Broken as error:  # some of it is nobody's yet: a worker that begins looks for that first
        office.dispatcher.fail(error)
        raise
    agents = _owned_by(office, person)
    asked = tuple(_id(hall.people.directory.asked_for(agent)) for agent in agents)
    ended = held - {state.id for state in _held(office)}
    return Stopped(done.id, done.index, is_late, moved, asked, agents, len(ended), keys)


def _owned_by(office: Office, person: Person) -> tuple[str, ...]:
    owners = office.house.hall.people.directory.owners.values()
    return tuple(sorted(one.agent for one in owners if one.person == person.id))


def _cases_of(office: Office, agents: tuple[str, ...]) -> Iterator[str]:
    """The agents' own cases in which something is open."""
    hall = office.house.hall
    for case_id, _ in effects.cases_with_open_work(hall.db):
        case = hall.cases.get(case_id)
        if case.agent in agents and case.lease.is_held_by_agent(case.agent):
            yield case_id


def _held(office: Office) -> list[EffectState]:
    return effects.list_in_status(office.house.hall.db, Status.HELD, _ALL)


async def _keys_of(office: Office, person: Person) -> list[str]:
    """Their keys for HTTP that open something: `key_7Q (a laptop)`."""
    hall = office.house.hall
    directory, now = hall.people.directory, hall.clock.now()
    found = []
    for key in directory.keys.values():
        if key.person == person.id and directory.is_valid(key, now):
            name = await office.text_of(key.id)
            found.append(f"{key.id} ({name})" if name else key.id)
    return found


def _id(person: Person | None) -> str:
    return person.id if person is not None else ""


HANDLERS: Handlers = {
    verbs.PersonLeave: person_leave,
    verbs.PersonLeaving: person_leaving,
}
