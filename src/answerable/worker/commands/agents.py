"""Commands that show what may act: who answers for it, what it may do, what it did today."""

from collections.abc import Iterator

from answerable.agents.domain import Release, Tool
from answerable.agents.errors import AgentUnknown
from answerable.agents.stops import EVERYTHING, Mode, StopOrder, tool_of_scope
from answerable.base.clock import DAY_US, day_of
from answerable.base.money import Money
from answerable.desk import rows as desk
from answerable.effects import rows as effects
from answerable.effects.domain import Status, counted_as
from answerable.pipeline.guard import is_stopped
from answerable.policy.limits import Limit
from answerable.views import hours
from answerable.worker import verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.commands.people import owner_show
from answerable.worker.verbs.control import AgentRow, AgentView, ToolRow


async def agent_list(office: Office, _: verbs.AgentList) -> list[AgentRow]:
    return [await row_of(office, agent) for agent in sorted(_registry(office))]


async def row_of(office: Office, agent: str) -> AgentRow:
    """Raises AgentUnknown."""
    if agent not in _registry(office):
        raise AgentUnknown(agent, sorted(_registry(office)))
    hall, release = office.house.hall, _registry(office)[agent]
    owner = hall.people.directory.accountable_for(agent, hall.clock.now())
    loaded = hall.releases.get(agent)
    return AgentRow(
        agent, release,
        is_loaded=loaded is not None and loaded.id == release,
        is_stopped=is_stopped(hall, Mode.PAUSE, agent=agent),
        owner=owner.person if owner else "",
        owner_name=await office.name_of(owner.person) if owner else "nobody",
        states=tuple(_states(office, agent)),
    )  # fmt: skip


async def agent_show(office: Office, verb: verbs.AgentShow) -> AgentView:
    hall, agent = office.house.hall, verb.agent
    row = await row_of(office, agent)
    await office.index.follow(hall.engine)
    answering = await owner_show(office, verbs.OwnerShow(agent))
    loaded = hall.releases.get(agent)
    blueprint = loaded.blueprint if loaded else None
    return AgentView(
        id=agent, purpose=blueprint.purpose if blueprint else "",
        desk=blueprint.desk if blueprint else "", owner=row.owner, owner_name=row.owner_name,
        owner_sentence=answering.sentence, release=row.release, is_loaded=row.is_loaded,
        model=_model(loaded), states=row.states,
        tools=tuple(_tool(office, agent, it) for it in blueprint.tools.values())
        if blueprint
        else (),
        rails=tuple(sorted(name for name, line in hall.lines.items() if line.agent == agent)),
        today=hours.since(office.index.db, _midnight(office), agent),
        waiting=waiting(office, agent),
    )  # fmt: skip


def waiting(office: Office, agent: str | None = None) -> dict[str, int]:
    """What waits for people, and what has not ended, of one agent or of all."""
    db = office.house.hall.db
    unended = effects.count_by_status(db, agent)
    found = {
        "approvals": unended.get(Status.HELD, 0),
        "unknown": unended.get(Status.ASKED, 0),
        "desk": desk.count_waiting(db, agent),
    }
    return found | {"open": effects.count_open_of(db, agent)} if agent is not None else found


def _model(loaded: Release | None) -> str:
    settings = loaded.blueprint.model if loaded else {}
    return ", ".join(f"{name} {value}" for name, value in sorted(settings.items()))


def _tool(office: Office, agent: str, tool: Tool) -> ToolRow:
    db, today = office.house.hall.db, day_of(office.house.hall.clock.now())
    used = effects.used_on(db, agent, counted_as("tool", tool.name), today)
    return ToolRow(
        name=tool.name, effect=tool.effect, repeat=tool.repeat, needs_grade=tool.needs_grade,
        limits=tuple(_limits(tool.limit)), effects_today=used[""].effects if "" in used else 0,
        amounts_today=tuple(
            str(Money(one.amount_minor, currency)) for currency, one in used.items() if currency
        ),
        states=tuple(
            order.mode.value
            for order in office.house.hall.agents.registry.stops.bearing_on(agent)
            if tool_of_scope(order.scope)[1] in ("", tool.name)
        ),
    )  # fmt: skip


def _limits(limit: Limit) -> Iterator[str]:
    for name in limit.__dataclass_fields__:
        most = getattr(limit, name)
        if most is not None and name != "currency":
            unit = f" {limit.currency}" if name.startswith("amount") else ""
            yield f"{name} {most}{unit}"


def _states(office: Office, agent: str) -> Iterator[str]:
    hall = office.house.hall
    yield from (_state(order) for order in hall.agents.registry.stops.bearing_on(agent))
    if hall.stop_file.is_pressed():
        yield "everything: pause (stop file)"


def _state(order: StopOrder) -> str:
    tool = tool_of_scope(order.scope)[1]
    if order.scope == EVERYTHING:
        return f"everything: {order.mode.value}"
    return f"tool {tool}: {order.mode.value}" if tool else order.mode.value


def _midnight(office: Office) -> int:
    now = office.house.hall.clock.now()
    return now - now % DAY_US


def _registry(office: Office) -> dict[str, str]:
    return office.house.hall.agents.registry.releases


HANDLERS: Handlers = {verbs.AgentList: agent_list, verbs.AgentShow: agent_show}
