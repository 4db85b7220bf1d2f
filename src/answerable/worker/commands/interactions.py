"""Commands that show interactions: which there were, and of one why it did that."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from answerable.base.clock import iso
from answerable.base.errors import NotFound
from answerable.base.ids import made_at
from answerable.effects import rows as effects
from answerable.effects.domain import OPEN, Interaction
from answerable.engine.port import Record
from answerable.ledger.domain import Entry, decode_entry
from answerable.ledger.telling import tell, tell_action
from answerable.pipeline.receive import Waiting, find_interaction, find_waiting
from answerable.telemetry.passages import NOT_MEASURED
from answerable.views import interactions, passages, places
from answerable.worker import verbs
from answerable.worker.commands.decisions import action_of_effect, opened
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.commands.said import Heard, heard, heard_in, replies_sent
from answerable.worker.commands.stages import Seen, stage_views, waiting_views
from answerable.worker.commands.steps import name_of, steps_of
from answerable.worker.verbs.cases import (
    DecisionLine,
    EntryLine,
    InteractionRow,
    InteractionView,
    Overheard,
    StageView,
)

WAITING = "waiting"  # durable, and no stage has taken it up yet
UNREADABLE = "unreadable"  # closed without an answer: a declared gap says why
_RELEASES_LOOKED_THROUGH = 100  # of all agents, back from the message


async def interaction_list(office: Office, verb: verbs.InteractionList) -> list[InteractionRow]:
    """Those that a stage has taken up; `waiting` ones are not in the ledger yet."""
    hall = office.house.hall
    await office.index.follow(hall.engine)
    ids = interactions.newest(
        office.index.db, agent=verb.agent, disposition=verb.disposition, before=verb.before,
        limit=verb.limit,
    )  # fmt: skip
    found = [row for id_ in ids if (row := effects.interaction_of(hall.db, id_)) is not None]
    return [
        InteractionRow(
            row.id, row.case, hall.cases.get(row.case).agent, iso(made_at(row.id)), row.rail,
            row.disposition,
        )
        for row in found
    ]  # fmt: skip


async def interaction_find(office: Office, verb: verbs.InteractionFind) -> InteractionView:
    hall = office.house.hall
    interaction = await find_interaction(hall, verb.rail, verb.external_id)
    if not interaction:
        raise NotFound(
            f"No message '{verb.external_id}' was accepted on rail '{verb.rail}'.",
            "Nothing was looked up.", "answerable interaction list",
        )  # fmt: skip
    return await interaction_show(office, verbs.InteractionShow(interaction))


async def interaction_show(office: Office, verb: verbs.InteractionShow) -> InteractionView:
    hall = office.house.hall
    row, waiting = effects.interaction_of(hall.db, verb.interaction), None
    if row is None:
        waiting = await find_waiting(hall, verb.interaction)
        row = effects.interaction_of(hall.db, verb.interaction)  # it may have been taken up by now
    if verb.wait_s and (row or waiting):
        row = await _ended(office, verb.interaction, verb.wait_s)
        waiting = None if row else await find_waiting(hall, verb.interaction)
    if row is not None:
        return await _view(office, row)
    if waiting is not None:
        return _as_it_waits(office, verb.interaction, waiting)
    return await _as_a_gap(office, verb.interaction)


async def interaction_hear(office: Office, verb: verbs.InteractionHear) -> Overheard:
    heard = office.thoughts.heard(verb.interaction)
    return Overheard(heard[verb.after :] if verb.after <= len(heard) else heard, len(heard))


async def _ended(office: Office, interaction: str, wait_s: float) -> Interaction | None:
    """Its row, as soon as it has ended or the time is over; None if it has none by then."""
    return await office.until(
        lambda row: row is not None and row.disposition != OPEN,
        lambda: effects.interaction_of(office.house.hall.db, interaction),
        wait_s,
    )


def _as_it_waits(office: Office, interaction: str, waiting: Waiting) -> InteractionView:
    said, line = heard(interaction, waiting.message), office.house.hall.lines.get(waiting.rail)
    view = _bare(interaction, said, WAITING)
    stages = waiting_views(said, waiting.rail)
    agent = line.agent if line else ""
    return replace(view, rail=waiting.rail, agent=agent, stages=stages)


async def _as_a_gap(office: Office, interaction: str) -> InteractionView:
    """What could not be taken through the hallway; an entry says why. Raises NotFound."""
    entries = [entry for entry, _ in await _entries(office, interaction)]
    if not entries:
        raise NotFound(
            f"No interaction '{interaction}' is in this home.", "Nothing was looked up.",
            "answerable interaction list",
        )  # fmt: skip
    lines = tuple(_line(office, entry) for entry in entries)
    stages = (StageView("record", NOT_MEASURED, tuple(line.summary for line in lines)),)
    view = _bare(interaction, heard(interaction, None), UNREADABLE)
    return replace(view, stages=stages, entries=lines)


def _bare(interaction: str, said: Heard, disposition: str) -> InteractionView:
    return InteractionView(
        interaction=interaction, case="", party="", agent="", release="", rail="",
        at=iso(made_at(interaction)), sender=said.sender, text=said.text, disposition=disposition,
        is_escalated=False, replies=(), stages=(), decisions=(), steps=(), entries=(),
    )  # fmt: skip


async def _view(office: Office, row: Interaction) -> InteractionView:
    hall = office.house.hall
    found = await _entries(office, row.id)
    entries = [entry for entry, _ in found]
    states = effects.list_of_interaction(hall.db, row.id)
    seen = Seen(
        row=row, heard=await heard_in(office, row), agent=hall.cases.get(row.case).agent,
        release=await _release(office, row, entries),
        entries=entries, states=states, steps=tuple(map(name_of, await steps_of(office, row.id))),
        names={who: await office.name_of(who) for who in sorted(_persons(entries))},
        action_of=partial(action_of_effect, office),
    )  # fmt: skip
    await office.keep_measured()
    measured = passages.of_interaction(office.index.db, row.id)
    return InteractionView(
        interaction=row.id, case=row.case, party=row.party, agent=seen.agent,
        release=seen.release,
        rail=row.rail, at=seen.heard.at, sender=seen.heard.sender, text=seen.heard.text,
        disposition=row.disposition, is_escalated=row.is_escalated,
        replies=await replies_sent(office, states),
        stages=stage_views(seen, measured),
        decisions=tuple(
            [
                await _decision(office, seen, entry, record)
                for entry, record in found
                if entry.kind == "decided"
            ]
        ),
        steps=tuple(seen.steps),
        entries=tuple(_line(office, entry) for entry in entries),
    )  # fmt: skip


async def _release(office: Office, row: Interaction, entries: Sequence[Entry]) -> str:
    """What decided; where nothing was decided, what was in force when the message was taken up."""
    for entry in entries:
        if entry.agent is not None:
            return entry.agent.release
    agent, before = office.house.hall.cases.get(row.case).agent, entries[0].seq if entries else 0
    known = [
        place
        for kind in ("release.registered", "release.staged")
        for place in places.newest(
            office.index.db, kind=kind, before=before, limit=_RELEASES_LOOKED_THROUGH
        )
        if place.agent == agent
    ]
    if not known:
        return ""
    last = max(known, key=lambda place: place.seq)
    return decode_entry((await office.record_at(last.position)).data).changed("release")


async def _entries(office: Office, interaction: str) -> list[tuple[Entry, Record]]:
    """Oldest first, each with its record."""
    await office.index.follow(office.house.hall.engine)
    records = [
        await office.record_at(place.position)
        for place in office.index.of_interaction(interaction)
    ]  # fmt: skip
    return [(decode_entry(record.data), record) for record in records]


def _persons(entries: Sequence[Entry]) -> set[str]:
    owners = [entry.owner for entry in entries if entry.owner is not None]
    named = {owner.person for owner in owners} | {owner.via for owner in owners if owner.via}
    return named | {one.actor for one in entries if one.actor and one.actor.startswith("per_")}


async def _decision(office: Office, seen: Seen, entry: Entry, record: Record) -> DecisionLine:
    exact, _ = await opened(office, record)
    effect = entry.effect.id if entry.effect else ""
    state = next((one for one in seen.states if one.id == effect), None)
    owner = entry.accountable
    used = entry.policy[-1] if entry.policy else None
    return DecisionLine(
        decision=entry.id, effect=effect,
        action=tell_action(entry.action) if entry.action else "",
        exact=exact, verdict=used.verdict if used else "", rules=used.reasons if used else (),
        status=state.status.value if state else "", attempt=state.attempt if state else 0,
        index=entry.seq, owner=owner, owner_name=seen.names.get(owner, owner),
    )  # fmt: skip


def _line(office: Office, entry: Entry) -> EntryLine:
    summary = tell(entry, action_of_effect(office, entry))
    return EntryLine(entry.seq, iso(entry.ts), entry.kind, entry.id, summary)


HANDLERS: Handlers = {
    verbs.InteractionList: interaction_list,
    verbs.InteractionFind: interaction_find,
    verbs.InteractionShow: interaction_show,
    verbs.InteractionHear: interaction_hear,
}
