"""When nobody answers any more: work that is open goes to people at once, not at the next message.

Asked after a person has left and when a worker starts; what it has done it does not do again.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from answerable.cases.domain import Case
from answerable.desk import rows as desk
from answerable.effects import rows as effects
from answerable.effects.domain import EffectState
from answerable.engine.port import Conflict
from answerable.ledger.draft import Draft, Unit
from answerable.pipeline.decide import escalated
from answerable.pipeline.hall import Hall
from answerable.pipeline.reserve import giving_back
from answerable.pipeline.resume import refused_for_want_of_owner
from answerable.sdk.words import Escalation
from answerable.store.keys import KeyDestroyed


async def fill_vacancies(hall: Hall) -> int:
    """Move to the desk: open cases of agents without an owner, all cases of persons who left.

    Returns how many changed hands. A case that somebody takes at the same moment is theirs.
    """
    moved = 0
    for case, interaction, code in list(_vacant(hall)):
        draft = escalated(
            case, hall.releases.get(case.agent),
            Escalation("Nobody answers for this case any more."),
            code=code, interaction=interaction, kid=hall.parties.get(case.party).kid,
        )  # fmt: skip
        held = [] if code != "no_owner" else _held(hall, case)
        refusals = [refused_for_want_of_owner(state) for state in held]
        try:
            with giving_back(hall, held):
                await _commit(hall, draft, refusals)
        except Conflict:
            continue
        moved += 1
    return moved


async def _commit(hall: Hall, draft: Draft, refusals: list[Draft]) -> None:
    """Without words, where the party was erased: its case changes hands all the same, or nobody
    could start a worker on this home any more."""
    try:
        await hall.committer.commit(Unit(drafts=[draft, *refusals]))
    except KeyDestroyed:
        await hall.committer.commit(Unit(drafts=[replace(draft, body=None), *refusals]))


def _held(hall: Hall, case: Case) -> list[EffectState]:
    """What waits for a yes on the agent's behalf, that nobody could answer for any more."""
    return [one for one in effects.list_held(hall.db, case.id) if one.agent == case.agent]


def _vacant(hall: Hall) -> Iterator[tuple[Case, str, str]]:
    """The case, the interaction that is open in it, and why it is nobody's."""
    directory = hall.people.directory
    for case_id, interaction in effects.cases_with_open_work(hall.db):
        case = hall.cases.get(case_id)
        is_the_agents = case.lease.is_held_by_agent(case.agent)
        if is_the_agents and directory.owned(case.agent) is None:
            yield case, interaction, "no_owner"
    for person in directory.persons.values():
        if person.has_left:
            for item in desk.list_taken_by(hall.db, person.id):
                yield hall.cases.get(item.case), item.interaction, "holder_left"
