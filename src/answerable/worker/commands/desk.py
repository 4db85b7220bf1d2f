"""Commands of the desk: what waits, take it, speak, hand it back."""

from answerable.base.errors import Broken, NotFound
from answerable.base.ids import kin
from answerable.desk import rows
from answerable.desk.domain import QueueItem
from answerable.effects import rows as effects
from answerable.ledger.archive import BodyArchived
from answerable.ledger.domain import decode_entry
from answerable.pipeline import desk
from answerable.pipeline.desk import Taken
from answerable.worker import verbs
from answerable.worker.commands.agents import row_of
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.desk import GivenBack, Said


async def desk_list(office: Office, verb: verbs.DeskList) -> list[QueueItem]:
    return rows.list_items(office.house.hall.db, verb.queue, since=verb.since, limit=verb.limit)


async def desk_take(office: Office, verb: verbs.DeskTake) -> Taken:
    hall = office.house.hall
    person = hall.people.find(verb.by).id
    try:
        return await desk.take(hall, verb.case, person)
    except Broken as error:
        if hall.people.directory.living(person) is None:  # it may be with who left meanwhile
            office.dispatcher.fail(error)
        raise


async def desk_reply(office: Office, verb: verbs.DeskSay) -> Said:
    hall = office.house.hall
    interaction = verb.interaction or effects.last_of_case(hall.db, verb.case)
    if not interaction:
        raise NotFound(
            f"Case '{verb.case}' has no message to answer.", "Nothing was sent.",
            "answerable desk list",
        )  # fmt: skip
    person = hall.people.find(verb.by).id
    await _check_can_be_answered(office, interaction)
    reply = await desk.say(hall, interaction, verb.case, person, verb.text, verb.key)
    status = await _status_of(office, kin("eff", reply, 1), verb.wait_s)
    return Said(reply, interaction, status)


async def _check_can_be_answered(office: Office, interaction: str) -> None:
    """A reply goes where its message says. Raises BodyArchived where that was put away."""
    row = effects.interaction_of(office.house.hall.db, interaction)
    record = await office.record_at(row.position) if row else None
    if record is not None and record.body is None:
        raise BodyArchived(decode_entry(record.data).seq)


async def _status_of(office: Office, effect: str, wait_s: float) -> str:
    """Where a reply stands, as soon as it has ended."""
    state = await office.until(
        lambda seen: seen is not None and seen.status.is_end,
        lambda: effects.find(office.house.hall.db, effect),
        wait_s,
    )
    return state.status.value if state is not None else "accepted"


async def desk_handback(office: Office, verb: verbs.DeskHandback) -> Done:
    hall = office.house.hall
    committed = await desk.hand_back(hall, verb.case, hall.people.find(verb.by).id)
    return Done(committed.records[0].key, committed.indexes[0])


async def desk_give_back(office: Office, verb: verbs.DeskGiveBack) -> GivenBack:
    hall, row = office.house.hall, await row_of(office, verb.agent)
    hall.people.find(verb.by)
    moved = 0
    if verb.is_meant:
        cases = rows.list_waiting_of(hall.db, verb.agent, verb.code, verb.limit)
        moved = await desk.give_back(hall, cases, verb.by)
    others = rows.count_by_code(hall.db, verb.agent)
    left = others.pop(verb.code, 0)
    return GivenBack(verb.agent, verb.code, moved, left, others, row.states)


HANDLERS: Handlers = {
    verbs.DeskList: desk_list,
    verbs.DeskTake: desk_take,
    verbs.DeskSay: desk_reply,
    verbs.DeskHandback: desk_handback,
    verbs.DeskGiveBack: desk_give_back,
}
