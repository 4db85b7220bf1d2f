"""`/people` Who is here, and who owns what?"""

from starlette.responses import Response

from answerable.console.page import Page, Visit
from answerable.console.render import live
from answerable.worker import verbs
from answerable.worker.verbs.control import AgentRow
from answerable.worker.verbs.people import PersonRow


async def people(visit: Visit) -> Response:
    rows = await visit.ask(verbs.PersonList(), list[PersonRow])
    agents = await visit.ask(verbs.AgentList(), list[AgentRow])
    return await live(
        visit, "people.html", rows=sorted(rows, key=lambda row: (row.has_left, row.name)),
        names={row.id: row.name for row in rows},
        orphans=[agent.id for agent in agents if not agent.owner],
    )  # fmt: skip


PAGES = (Page("GET", "/people", "read", people),)
