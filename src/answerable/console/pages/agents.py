"""`/agents`, `/agents/{agent}` Who answers for it, what may it do, which release serves?"""

from urllib.parse import quote

from starlette.responses import Response

from answerable.console.page import Page, Visit
from answerable.console.render import go, live
from answerable.worker import verbs
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.control import AgentRow, AgentView, ReleaseRow, StopRow
from answerable.worker.verbs.people import OwnerView


async def agents(visit: Visit) -> Response:
    return await live(visit, "agents.html", rows=await visit.ask(verbs.AgentList(), list[AgentRow]))


async def agent(visit: Visit) -> Response:
    name = visit.path["agent"]
    seen = await visit.ask(verbs.AgentShow(name), AgentView)
    owner = await visit.ask(verbs.OwnerShow(name), OwnerView)
    releases = await visit.ask(verbs.ReleaseList(name), list[ReleaseRow])
    stops = await visit.ask(verbs.StopList(), list[StopRow])
    return await live(
        visit, "agent.html", seen=seen, owner=owner, releases=releases,
        stops=[stop for stop in stops if bears_on(stop.scope, name)],
    )  # fmt: skip


def bears_on(scope: str, agent: str) -> bool:
    return scope in ("*", agent) or scope.startswith(f"tool:{agent}/")


async def accept(visit: Visit) -> Response:
    """Who was asked to answer for it says yes: for themselves alone."""
    name = visit.path["agent"]
    await visit.ask(verbs.OwnerAccept(name, visit.holder.person), Done)
    return go(f"/agents/{quote(name, safe='')}")


PAGES = (
    Page("GET", "/agents", "read", agents),
    Page("GET", "/agents/{agent}", "read", agent),
    Page("POST", "/agents/{agent}/accept", "people", accept),
)
