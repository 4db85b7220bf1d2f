"""Commands with which people answer: yes or no to a hold, and how an unknown effect ended."""

from answerable.base.clock import iso
from answerable.effects import rows
from answerable.effects.domain import EffectState, Status
from answerable.effects.errors import (
    CannotActNow,
    EffectNotUnknown,
    EffectUnknownId,
    HoldEnded,
)
from answerable.ledger.domain import decode_entry
from answerable.ledger.telling import tell_action
from answerable.pipeline.passage import Answer
from answerable.pipeline.receive import accept_causes
from answerable.worker import verbs
from answerable.worker.commands.decisions import effect_show, opened
from answerable.worker.commands.hindrance import hindrance
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.commands.said import heard_in
from answerable.worker.verbs.desk import Answered, HoldRow

_ON_ITS_WAY = (Status.GRANTED, Status.READY)
_SHOWN_CHARS = 4_000  # of a message: enough to decide on, and a list stays a page


async def approval_list(office: Office, verb: verbs.ApprovalList) -> list[HoldRow]:
    if verb.effect:
        state = _find(office, verb.effect)
        if state.status is not Status.HELD:
            raise HoldEnded(state.id, state.status.value)
        return [await _row(office, state)]
    return await _rows(office, Status.HELD, verb.limit, verb.agent)


async def unknown_list(office: Office, verb: verbs.UnknownList) -> list[HoldRow]:
    return await _rows(office, Status.ASKED, verb.limit)


async def _rows(office: Office, status: Status, limit: int, agent: str = "") -> list[HoldRow]:
    waiting = rows.list_in_status(office.house.hall.db, status, limit, agent)
    return [await _row(office, state) for state in waiting]


async def _row(office: Office, state: EffectState) -> HoldRow:
    record = await office.record_at(state.position)
    entry = decode_entry(record.data)
    sender, text = await _asked_by(office, state)
    blocked = hindrance(office, state) if state.status is Status.HELD else None
    return HoldRow(
        state.id, state.agent, state.case,
        tell_action(entry.action) if entry.action else f"{state.kind} {state.name}",
        (await opened(office, record))[0],
        state.amount_minor, state.currency, state.status.value,
        iso(state.expires_at) if state.expires_at else "",
        ask=entry.changed("ask"), interaction=state.interaction,
        decision=state.decision, rules=entry.policy[-1].reasons, owner=state.owner.person,
        owner_name=await office.name_of(state.owner.person), message=text, sender=sender,
        in_the_way=blocked.said if blocked else "", then=blocked.do if blocked else "",
    )  # fmt: skip


async def _asked_by(office: Office, state: EffectState) -> tuple[str, str]:
    """Who wrote the message that it is about, and what."""
    row = rows.interaction_of(office.house.hall.db, state.interaction)
    if row is None:
        return "", ""
    message = await heard_in(office, row)
    text = message.text
    return message.sender, f"{text[:_SHOWN_CHARS]}..." if len(text) > _SHOWN_CHARS else text


async def approval_answer(office: Office, verb: verbs.ApprovalAnswer) -> Answered:
    state = _find(office, verb.effect)
    if state.status is not Status.HELD:
        raise HoldEnded(state.id, state.status.value)
    if office.house.hall.clock.now() >= state.expires_at:
        raise HoldEnded(state.id, "expired")
    office.house.hall.people.find(verb.by)
    blocked = hindrance(office, state) if verb.says == "grant" else None
    if blocked is not None:
        raise CannotActNow(state.id, blocked.said, blocked.do)
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
    now = await office.until(
        lambda seen: seen.status not in (state.status, *_ON_ITS_WAY),
        lambda: _find(office, state.id),
        wait_s,
    )
    if now.status is state.status:
        return Answered(state.id, now.status.value)
    seen = await effect_show(office, verbs.EffectShow(state.id))
    return Answered(state.id, now.status.value, seen.entries[-1][2])


HANDLERS: Handlers = {
    verbs.ApprovalList: approval_list,
    verbs.ApprovalAnswer: approval_answer,
    verbs.UnknownList: unknown_list,
    verbs.EffectSettle: effect_settle,
}
