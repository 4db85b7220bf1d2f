"""The verbs on cases: open one, hand it over, hand it back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from answerable.base.ids import kin
from answerable.cases.domain import Case, Lease
from answerable.cases.recent import Recent
from answerable.ledger.domain import Trace
from answerable.ledger.draft import Body, Draft, Unit


class Cases:
    def __init__(self, recent: Recent) -> None:
        self._recent = recent

    def get(self, case_id: str) -> Case:
        case = self._recent.find(case_id)
        if case is None:
            raise LookupError(f"state names case {case_id}, which has no row")
        return case

    def find(self, case_id: str) -> Case | None:
        return self._recent.find(case_id)

    def find_or_open(
        self, party: str, agent: str, interaction: str, unit: Unit, *, is_new_party: bool = False
    ) -> Case:
        """The party's case with this agent; a new one joins `unit`, held by the agent."""
        known = None if is_new_party else self._recent.find_of_party(party, agent)
        if known is not None:
            return known
        case_id = kin("cas", interaction, 0)
        lease = Lease(f"agent:{agent}", 1)
        unit.drafts.append(
            Draft(
                kind="lease",
                id=f"{case_id}.1",
                actor="system:resolve",
                party=party,
                trace=Trace(interaction=interaction, case=case_id),
                change={"agent": agent, "holder": lease.holder, "epoch": 1},
            )
        )
        return Case(case_id, party, agent, lease)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """To whom a case goes, by whom, and what is told with it."""

    kind: Literal["lease", "escalated", "handback"]
    to: str  # `per_...`, `queue:...`, `agent:...`
    actor: str
    facts: Mapping[str, str | int] = field(default_factory=dict)
    interaction: str | None = None
    body: Body | None = None


def change_of_hands(case: Case, handover: Handover) -> Draft:
    """The case changes hands: the next epoch, after which no earlier holder may speak.

    The entry's id is the case and the epoch, so that of two changes at once the first one wins.
    """
    epoch = case.lease.epoch + 1
    return Draft(
        kind=handover.kind,
        id=f"{case.id}.{epoch}",
        actor=handover.actor,
        party=case.party,
        trace=Trace(interaction=handover.interaction, case=case.id),
        change={"holder": handover.to, "epoch": epoch, "agent": case.agent, **handover.facts},
        body=handover.body,
    )
