"""The command that makes an answer about somebody complete as of now."""

from answerable.ledger import closes
from answerable.ledger.counted import person_name
from answerable.worker import verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.days import close_now
from answerable.worker.verbs.completeness import Closed


async def ledger_close(office: Office, verb: verbs.LedgerClose) -> Closed:
    """Raises PersonUnknown where nobody is who is asked for, NotFound in an empty ledger."""
    house = office.house
    person = verb.person
    if person and not closes.last(house.hall.db, person_name(person)):
        person = house.hall.people.whoever(person).id
    index = await close_now(office)
    await office.publisher.follow(house.hall.engine)
    await office.index.follow(house.hall.engine)
    return Closed(index, person)


HANDLERS: Handlers = {verbs.LedgerClose: ledger_close}
