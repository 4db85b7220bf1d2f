"""The verbs on agents: register a release, stop and resume."""

from answerable.agents.domain import Registry, Release
from answerable.agents.errors import AgentUnknown
from answerable.base.ids import Ids
from answerable.ledger.domain import AgentRef, Owner
from answerable.ledger.draft import Draft, Unit


class Agents:
    def __init__(self, registry: Registry, ids: Ids) -> None:
        self.registry = registry
        self._ids = ids

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
                        "agent": agent,
                        "release": release.id,
                        "digest": release.digest,
                        "policy": policy_digest,
                    },
                )
            ]
        )

    def stop(self, scope: str, *, by: str, is_on: bool) -> Unit:
        """Stop (or let go again) one agent, or everything with scope `*`."""
        if scope != "*" and scope not in self.registry.releases:
            raise AgentUnknown(scope, sorted(self.registry.releases))
        return Unit(
            drafts=[
                Draft(
                    kind="stop",
                    id=self._ids.new("stp"),
                    actor=by,
                    change={"scope": scope, "is_on": int(is_on)},
                )
            ]
        )
