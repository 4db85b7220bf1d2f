"""Commands that show cases: which there are, and one as it was said and done."""

from collections.abc import Sequence

from answerable.base.clock import iso
from answerable.base.ids import made_at
from answerable.cases import rows
from answerable.cases.domain import Case
from answerable.desk import rows as desk_rows
from answerable.effects import rows as effects
from answerable.effects.domain import EffectState, Interaction
from answerable.pipeline import desk
from answerable.views import interactions, places
from answerable.worker import verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.commands.said import heard_in, replies_sent
from answerable.worker.verbs.cases import CaseRow, CaseView, Shown

_ANY_AGENT = "agent"


async def case_list(office: Office, verb: verbs.CaseList) -> list[CaseRow]:
    return await case_rows(office, _newest(office, verb))


def _newest(office: Office, verb: verbs.CaseList) -> list[Case]:
    """`agent` as a holder is each agent's own: a walk of the index for each of them."""
    hall = office.house.hall
    holders = [verb.holder]
    if verb.holder == _ANY_AGENT:
        holders = [f"agent:{name}" for name in sorted(hall.agents.registry.releases)]
    found = [
        case
        for holder in holders
        for case in rows.list_newest(
            hall.db, agent=verb.agent, party=verb.party, holder=holder, before=verb.before,
            limit=verb.limit,
        )
    ]  # fmt: skip
    return sorted(found, key=lambda case: case.id, reverse=True)[: verb.limit]


async def case_rows(office: Office, cases: Sequence[Case]) -> list[CaseRow]:
    """As they are listed: each with how much was said, and how its newest interaction stands."""
    await office.index.follow(office.house.hall.engine)
    counts = interactions.tallies(office.index.db, [case.id for case in cases])
    return [_row(office, case, counts[case.id]) for case in cases]


def _row(office: Office, case: Case, count: int) -> CaseRow:
    newest = effects.list_of_case(office.house.hall.db, case.id, 1)
    return CaseRow(
        case=case.id, agent=case.agent, party=case.party, holder=case.lease.holder,
        epoch=case.lease.epoch, interactions=count,
        last_at=iso(made_at(newest[0].id)) if newest else "",
        last=newest[0].disposition if newest else "",
    )  # fmt: skip


async def case_show(office: Office, verb: verbs.CaseShow) -> CaseView:
    """Its newest messages, newest first, each with what was decided on it and said to it."""
    hall = office.house.hall
    case = desk.find_case(hall, verb.case)
    item = desk_rows.find(hall.db, case.id)
    messages = [
        await _shown(office, one, effects.list_of_interaction(hall.db, one.id))
        for one in effects.list_of_case(hall.db, case.id, verb.limit, before=verb.before)
    ]
    return CaseView(
        case.id, case.lease.holder, case.lease.epoch, case.party, tuple(messages),
        agent=case.agent, queue=item.queue if item else "", code=item.code if item else "",
        reason=await _reason(office, case) if item and item.queue else "",
    )  # fmt: skip


async def _shown(office: Office, row: Interaction, states: Sequence[EffectState]) -> Shown:
    message = await heard_in(office, row)
    return Shown(
        row.id, message.at, message.sender, message.text, row.disposition,
        tuple(f"{state.id} {state.name}: {state.status.value}" for state in states),
        await replies_sent(office, states),
    )  # fmt: skip


async def _reason(office: Office, case: Case) -> str:
    """The words with which it was last handed to people."""
    await office.index.follow(office.house.hall.engine)
    last = places.newest_about(office.index.db, case.id, kind="escalated", limit=1)
    return await office.text_of(last[0].id) if last else ""


HANDLERS: Handlers = {
    verbs.CaseList: case_list,
    verbs.CaseShow: case_show,
}
