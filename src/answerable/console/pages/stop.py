"""`/stop` Must it stop?"""

from typing import cast, get_args

from starlette.responses import Response

from answerable.agents.stops import tell_scope
from answerable.base.errors import UsageError
from answerable.console.page import Page, Visit
from answerable.console.render import go, html, link, live
from answerable.worker import verbs
from answerable.worker.verbs.control import AgentRow, AgentView, Mode, Stopped, StopRow

_MODES = get_args(Mode)
_KINDS = ("everything", "agent", "tool", "party")


async def stops(visit: Visit) -> Response:
    rows = await visit.ask(verbs.StopList(), list[StopRow])
    agents = await visit.ask(verbs.AgentList(), list[AgentRow])
    tools = [
        f"{agent.id}/{tool.name}"
        for agent in agents
        for tool in (await visit.ask(verbs.AgentShow(agent.id), AgentView)).tools
    ]
    return await live(
        visit, "stop.html", rows=rows, agents=[agent.id for agent in agents], tools=tools
    )


async def confirm(visit: Visit) -> Response:
    """What exactly would be stopped, or let go, before it is."""
    scope, mode = scope_of(visit), visit.query.get("mode", "pause")
    mode = mode if mode in _MODES else "pause"
    return html(
        visit, "stop_confirm.html", scope=scope, mode=mode, is_on=visit.query.get("on") != "0",
        what=tell_scope(scope),
    )  # fmt: skip


async def put(visit: Visit) -> Response:
    scope = visit.form.get("scope", "")
    is_on = visit.form.get("on") == "1"
    mode = cast("Mode", visit.form.get("mode", "pause"))  # the verb checks it
    asked = verbs.Stop(scope, visit.holder.person, is_on=is_on, mode=mode)
    stopped = await visit.ask(asked, Stopped)
    return go(link("/stop", done=str(stopped.index), late="1" if stopped.is_late else ""))


def scope_of(visit: Visit) -> str:
    """From one field (a link of ours) or from the form's choice and its field."""
    query = visit.query
    if query.get("scope"):
        return query["scope"]
    kind = query.get("kind", "")
    named = query.get(kind, "").strip() if kind in _KINDS else ""
    match kind:
        case "everything":
            return "*"
        case "agent" if named:
            return named
        case "tool" if named:
            return f"tool:{named}"
        case "party" if named:
            return f"party:{named}"
    raise UsageError(
        "It is not said what is to be stopped.", "Nothing was stopped.",
        "choose everything, an agent, a tool or a party",
    )  # fmt: skip


PAGES = (
    Page("GET", "/stop", "read", stops),
    Page("GET", "/stop/confirm", "control", confirm),
    Page("POST", "/stop", "control", put),
)
