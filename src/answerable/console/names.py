"""Who is who: the names of persons, by id, for pages that show who holds or did something."""

from answerable.console.page import Visit
from answerable.worker.verbs import PersonList
from answerable.worker.verbs.people import PersonRow


async def names_of(visit: Visit) -> dict[str, str]:
    rows = await visit.ask(PersonList(), list[PersonRow])
    return {row.id: row.name for row in rows if row.name}
