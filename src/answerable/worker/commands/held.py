"""What is held about one party: told out of the bodies that a person was allowed."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from answerable.base.clock import iso
from answerable.base.errors import Unreadable
from answerable.base.ids import made_at
from answerable.cases import rows as cases
from answerable.cases.domain import Case
from answerable.desk import rows as desk
from answerable.effects import rows as effects
from answerable.effects.domain import EffectState, Interaction, Status
from answerable.engine.port import Record
from answerable.ledger.domain import Entry, decode_entry
from answerable.ledger.note import encode_base64
from answerable.ledger.telling import tell
from answerable.pipeline.receive import decode_message, find_waiting
from answerable.worker import verbs
from answerable.worker.bundling.access_file import (
    Content,
    HeldCase,
    HeldDecision,
    HeldEntry,
    HeldMessage,
    HeldStep,
    SentReply,
    WaitingMessage,
)
from answerable.worker.bundling.disclosing import Bodies
from answerable.worker.commands.decisions import action_of_effect, decision_show, opened
from answerable.worker.commands.office import Office
from answerable.worker.commands.said import heard_in, replies_sent
from answerable.worker.commands.steps import came_back, name_of, steps_of
from answerable.worker.verbs.base import ARCHIVED, ERASED

PAGE = 500


def cases_of(office: Office, party: str) -> list[Case]:
    """Oldest first, however many."""
    found: list[Case] = []
    db, before = office.house.hall.db, ""
    while page := cases.list_newest(db, party=party, before=before, limit=PAGE):
        found += page
        before = page[-1].id
    return found[::-1]


def interactions_of(office: Office, of: Sequence[Case]) -> list[Interaction]:
    """Of each case in turn, oldest first."""
    found: list[Interaction] = []
    for case in of:
        mine: list[Interaction] = []
        before = ""
        while page := effects.list_of_case(office.house.hall.db, case.id, PAGE, before=before):
            mine += page
            before = page[-1].id
        found += mine[::-1]
    return found


def may_tell(office: Office, interaction: str, bodies: Bodies) -> bool:
    """Whether each body of it may be given: one that may not keeps all of it back."""
    seen = {place.seq for place in office.index.of_interaction(interaction)}
    return not any(bodies.withheld.get(seq) == "not_allowed" for seq in seen)


def held_case(office: Office, case: Case) -> HeldCase:
    item = desk.find(office.house.hall.db, case.id)
    return HeldCase(
        case.id, case.agent, case.lease.holder, item.queue if item else "",
        item.code if item else "",
    )  # fmt: skip


async def held_message(office: Office, row: Interaction, *, told: bool) -> HeldMessage:
    if not told:
        return HeldMessage(
            row.id, row.case, iso(made_at(row.id)), row.rail, "", "", "", "", row.disposition,
            is_withheld=True,
        )  # fmt: skip
    heard = await heard_in(office, row)
    states = effects.list_of_interaction(office.house.hall.db, row.id)
    record = await office.record_at(row.position)
    message = await content_of(office, record)
    subject = message.get("subject", "") if isinstance(message, dict) else ""
    places = office.index.of_interaction(row.id)
    entries = [decode_entry((await office.record_at(one.position)).data) for one in places]
    decided = [one for one in entries if one.kind == "decided"]
    return HeldMessage(
        row.id, row.case, heard.at, row.rail, heard.sender, str(subject), heard.text,
        heard.external_id, row.disposition, is_withheld=False,
        replies=await _replies(office, states, entries),
        decisions=tuple([await _decision(office, one, entries, states) for one in decided]),
        steps=tuple(
            HeldStep(name_of(step), ARCHIVED if step.body is None else came_back(office, step))
            for step in await steps_of(office, row.id)
        ),
    )  # fmt: skip


async def _replies(
    office: Office, states: Sequence[EffectState], entries: Sequence[Entry]
) -> tuple[SentReply, ...]:
    """Each that really left, at the time at which the ledger says that it had."""
    sent = [one for one in states if one.kind == "reply" and one.status is Status.DONE]
    ended = {one.effect.id: one.ts for one in entries if one.effect and one.kind == "effect.done"}
    texts = await replies_sent(office, states)
    return tuple(
        SentReply(one.id, iso(ended.get(one.id, one.started_at)), one.name, text)
        for one, text in zip(sent, texts, strict=True)
    )


async def _decision(
    office: Office, entry: Entry, entries: Sequence[Entry], states: Sequence[EffectState]
) -> HeldDecision:
    view = await decision_show(office, verbs.DecisionShow(entry.id))
    of_it = [
        one for one in entries
        if one.effect and one.effect.id == view.effect and one.seq != entry.seq
    ]  # fmt: skip
    said = {one.actor for one in of_it if one.kind == "approval"} | {entry.actor}
    persons = sorted(who for who in said if who and who.startswith("per_"))
    state = next((one for one in states if one.id == view.effect), None)
    is_held = state is not None and state.status is Status.HELD
    return HeldDecision(
        decision=view.decision, index=view.index, at=view.at, agent=view.agent,
        release=view.release, model=view.model, action=view.action, exact=view.exact,
        verdict=view.verdict, rules=view.rules, reasons=view.rule_texts, inputs=view.request,
        owner=view.owner, owner_name=view.owner_name,
        decided_by=tuple([await office.name_of(who) for who in persons]),
        effect=view.effect, status=view.status, attempt=view.attempt,
        expires_at=iso(state.expires_at) if state and is_held else "",
        ended=tuple(f"{iso(one.ts)}: {tell(one, action_of_effect(office, one))}" for one in of_it),
    )  # fmt: skip


async def held_entry(office: Office, index: int, position: int, bodies: Bodies) -> HeldEntry:
    record = await office.record_at(position)
    entry = decode_entry(record.data)
    content: Content = ""
    if index in bodies.given:
        content = await content_of(office, record)
    elif bodies.withheld.get(index) == "archived":
        content = await office.words_put_away(index)
    return HeldEntry(
        index, iso(entry.ts), entry.kind, entry.id, tell(entry, action_of_effect(office, entry)),
        entry.accountable, content,
    )  # fmt: skip


async def content_of(office: Office, record: Record) -> Content:
    """What a body says, as people and their tools can read it."""
    entry = decode_entry(record.data)
    if entry.body is None or record.body is None:
        return ""
    if entry.kind == "decided":
        exact, inputs = await opened(office, record)
        return {"proposal": exact, "inputs": inputs} if exact or inputs else ERASED
    try:
        words = office.house.hall.keyring.open(entry.body.kid, entry.id, record.body)
        if entry.kind == "received":
            return msgspec.structs.asdict(decode_message(words))
        with suppress(UnicodeDecodeError):
            return words.decode()
    except (Unreadable, msgspec.DecodeError) as error:
        return office.words_erased(error)
    return {"base64": encode_base64(words)}


async def held_waiting(
    office: Office, interaction: str, *, may_read: bool
) -> WaitingMessage | None:
    """A message that no stage has taken up; None where one has by now."""
    found = await find_waiting(office.house.hall, interaction)
    await asyncio.sleep(0)
    if found is None:
        return None
    message = found.message if may_read else None
    gone = ERASED if may_read else ""
    return WaitingMessage(
        interaction, found.rail, iso(message.sent_at if message else made_at(interaction)),
        message.sender if message else gone, message.subject if message else gone,
        message.text if message else gone, is_withheld=not may_read,
    )  # fmt: skip
