"""The verbs on agents: register a release, stop and resume."""

from answerable.agents.domain import Registry, Release
from answerable.agents.errors import AgentUnknown, NotStopped
from answerable.agents.stops import (
    EVERYTHING,
    FILE,
    PARTY,
    Mode,
    StopOrder,
    Stops,
    tell_mode,
    tool_of_scope,
    typed_scope,
)
from answerable.base.ids import Ids
from answerable.ledger.domain import AgentRef, Owner
from answerable.ledger.draft import Draft, Unit


class Agents:
    def __init__(self, registry: Registry, ids: Ids) -> None:
        self.registry = registry
        self._ids = ids
        self.reaching: set[tuple[str, Mode]] = set()  # stops on their way to the disk: in force

    @property
    def is_nothing_stopped(self) -> bool:
        """No stop is in force, of any mode, on anything; the stop file is not looked at."""
        return not (self.registry.stops.orders or self.reaching)

    def is_stopped(self, mode: Mode, *, agent: str, tool: str = "", party: str = "") -> bool:
        """Whether a stop of this mode bears on it, from the moment at which it was asked for."""
        if self.is_nothing_stopped:
            return False
        asked = {"agent": agent, "tool": tool, "party": party}
        if self.registry.stops.is_on(mode, **asked):
            return True
        if not self.reaching:
            return False
        reaching = {key: StopOrder(*key, since=0, by="") for key in self.reaching}
        return Stops(reaching).is_on(mode, **asked)

    def is_everything_paused(self) -> bool:
        key = (EVERYTHING, Mode.PAUSE)
        return key in self.reaching or key in self.registry.stops.orders

    def register(self, release: Release, policy_digest: str, owner: Owner) -> Unit | None:
        """Record a release that this home has not seen, or stage a known one again.

        None if it is the active one already.
        """
        agent = release.blueprint.agent
        if self.registry.releases.get(agent) == release.id:
            return None
        is_known = release.id in self.registry.known
        return Unit(
            drafts=[
                Draft(
                    kind="release.staged" if is_known else "release.registered",
                    id=self._ids.new("stg") if is_known else release.id,
                    owner=owner,
                    agent=AgentRef(id=agent, release=release.id),
                    change={
                        **release.parts,
                        "agent": agent,
                        "release": release.id,
                        "digest": release.digest,
                        "policy": policy_digest,
                    },
                )
            ]
        )

    def stop(self, scope: str, *, by: str, is_on: bool, mode: Mode = Mode.PAUSE) -> Unit:
        """Put a stop on a scope, or let it go. Raises AgentUnknown, NotStopped."""
        agent = tool_of_scope(scope)[0] or scope
        is_of_agent = scope not in (EVERYTHING, FILE) and not scope.startswith(PARTY)
        if is_of_agent and agent not in self.registry.releases:
            raise AgentUnknown(agent, sorted(self.registry.releases))
        if not is_on and (scope, mode) not in self.registry.stops.orders:
            modes = [tell_mode(order.mode) for order in self.registry.stops.on(scope)]
            raise NotStopped(typed_scope(scope), tell_mode(mode), modes)
        return Unit(
            drafts=[
                Draft(
                    kind="stop",
                    id=self._ids.new("stp"),
                    actor=by,
                    change={"scope": scope, "is_on": int(is_on), "mode": mode.value},
                )
            ]
        )
