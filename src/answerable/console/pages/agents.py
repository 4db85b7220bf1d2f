"""`/agents`, `/agents/{agent}` Who answers for it, what may it do, which release serves?"""

from urllib.parse import quote

from starlette.responses import Response

from answerable.console.page import Page, Visit
from answerable.console.render import go, html, link, live
from answerable.worker import verbs
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.control import AgentRow, AgentView, ReleaseRow, StopRow
from answerable.worker.verbs.desk import GivenBack
from answerable.worker.verbs.people import OwnerView


async def agents(visit: Visit) -> Response:
    return await live(visit, "agents.html", rows=await visit.ask(verbs.AgentList(), list[AgentRow]))


async def agent(visit: Visit) -> Response:
    name = visit.path["agent"]
    seen = await visit.ask(verbs.AgentShow(name), AgentView)
    owner = await visit.ask(verbs.OwnerShow(name), OwnerView)
    releases = await visit.ask(verbs.ReleaseList(name), list[ReleaseRow])
    stops = await visit.ask(verbs.StopList(), list[StopRow])
    waits = await visit.ask(verbs.DeskGiveBack(name, visit.holder.person), GivenBack)
    return await live(
        visit, "agent.html", seen=seen, owner=owner, releases=releases, at_desk=at_desk(waits),
        stops=[stop for stop in stops if bears_on(stop.scope, name)],
    )  # fmt: skip


def bears_on(scope: str, agent: str) -> bool:
    return scope in ("*", agent) or scope.startswith(f"tool:{agent}/")


async def accept(visit: Visit) -> Response:
    """Who was asked to answer for it says yes: for themselves alone."""
    name = visit.path["agent"]
    await visit.ask(verbs.OwnerAccept(name, visit.holder.person), Done)
    return go(f"/agents/{quote(name, safe='')}")


def at_desk(seen: GivenBack) -> dict[str, int]:
    """Of an agent's cases that nobody has taken: why they wait, and how many."""
    asked_for = {seen.code: seen.left} if seen.left else {}
    return asked_for | seen.others


async def give_back(visit: Visit) -> Response:
    """What exactly would be the agent's again, before it is."""
    name, code = visit.path["agent"], visit.query.get("code", "stopped")
    would = await visit.ask(verbs.DeskGiveBack(name, visit.holder.person, code), GivenBack)
    return html(visit, "give_back.html", would=would)


async def given_back(visit: Visit) -> Response:
    """As many at once as the worker gives, until none is left or somebody else has the rest."""
    name, code = visit.path["agent"], visit.form.get("code", "")
    asked = verbs.DeskGiveBack(name, visit.holder.person, code, is_meant=True)
    moved = 0
    while (given := await visit.ask(asked, GivenBack)).moved:
        moved += given.moved
    return go(link(f"/agents/{quote(name, safe='')}", given=str(moved)))


PAGES = (
    Page("GET", "/agents", "read", agents),
    Page("GET", "/agents/{agent}", "read", agent),
    Page("POST", "/agents/{agent}/accept", "people", accept),
    Page("GET", "/agents/{agent}/handback", "desk", give_back),
    Page("POST", "/agents/{agent}/handback", "desk", given_back),
)
