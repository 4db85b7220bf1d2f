"""Commands with which people answer: yes or no to a hold, and how an unknown effect ended."""

import asyncio

from answerable.base.clock import iso
from answerable.effects import rows
from answerable.effects.domain import EffectState, Status
from answerable.effects.errors import EffectNotUnknown, EffectUnknownId, HoldEnded
from answerable.effects.intent import ReplyAction, load_action
from answerable.ledger.domain import decode_entry
from answerable.pipeline.passage import Answer
from answerable.pipeline.receive import accept_causes
from answerable.worker import verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs.desk import Answered, HoldRow

_LOOK_S = 0.02


async def approval_list(office: Office, verb: verbs.ApprovalList) -> list[HoldRow]:
    return await _rows(office, Status.HELD, verb.limit)


async def unknown_list(office: Office, verb: verbs.UnknownList) -> list[HoldRow]:
    return await _rows(office, Status.ASKED, verb.limit)


async def _rows(office: Office, status: Status, limit: int) -> list[HoldRow]:
    hall = office.house.hall
    return [await _row(office, state) for state in rows.list_in_status(hall.db, status, limit)]


async def _row(office: Office, state: EffectState) -> HoldRow:
    hall = office.house.hall
    entry = decode_entry((await office.record_at(state.position)).data)
    action = await load_action(hall.engine, hall.keyring, state.position)
    if isinstance(action, ReplyAction):
        exact = f"to {action.to}: {action.text}"
    else:
        exact = f"{action.tool} {bytes(action.arguments).decode()}"
    return HoldRow(
        state.id, state.agent, state.case, f"{state.kind} {state.name}", exact,
        state.amount_minor, state.currency, state.status.value,
        iso(state.expires_at) if state.expires_at else "",
        ask=str((entry.change or {}).get("ask", "")),
    )  # fmt: skip


async def approval_answer(office: Office, verb: verbs.ApprovalAnswer) -> Answered:
    state = _find(office, verb.effect)
    if state.status is not Status.HELD:
        raise HoldEnded(state.id, state.status.value)
    return await _answer(office, state, verb.by, verb.says, verb.wait_s)


async def effect_settle(office: Office, verb: verbs.EffectSettle) -> Answered:
    state = _find(office, verb.effect)
    if state.status not in (Status.UNKNOWN, Status.ASKED):
        raise EffectNotUnknown(state.id, state.status.value)
    return await _answer(office, state, verb.by, verb.says, verb.wait_s)


def _find(office: Office, effect: str) -> EffectState:
    state = rows.find(office.house.hall.db, effect)
    if state is None:
        raise EffectUnknownId(effect)
    return state


async def _answer(
    office: Office, state: EffectState, by: str, says: str, wait_s: float
) -> Answered:
    """A person's word comes in through the front door, as an arrival of its own."""
    hall = office.house.hall
    person = hall.people.find(by)
    answer = Answer(
        interaction=state.interaction, effect=state.id, by=person.id, says=says,
        attempt=state.attempt,
    )  # fmt: skip
    id_ = f"answer/{state.id}/{state.attempt}/{person.id}/{says}"
    await accept_causes(hall, [(id_, answer, 0)])
    now = state
    for _ in range(int(wait_s / _LOOK_S) if office.dispatcher.works else 0):
        now = _find(office, state.id)
        if now.status is not state.status:
            break
        await asyncio.sleep(_LOOK_S)
    return Answered(state.id, now.status.value)


HANDLERS: Handlers = {
    verbs.ApprovalList: approval_list,
    verbs.ApprovalAnswer: approval_answer,
    verbs.UnknownList: unknown_list,
    verbs.EffectSettle: effect_settle,
}
