"""Commands that show what may act: the agents."""

from answerable.agents.stops import Mode
from answerable.pipeline.guard import is_stopped
from answerable.worker import verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs.control import AgentRow


async def agent_list(office: Office, _: verbs.AgentList) -> list[AgentRow]:
    hall = office.house.hall
    registry, rows = hall.agents.registry, []
    for agent, release in sorted(registry.releases.items()):
        owner = hall.people.directory.accountable_for(agent, hall.clock.now())
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
    verbs.AgentList: agent_list,
}
