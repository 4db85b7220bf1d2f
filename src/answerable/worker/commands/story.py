"""A decision from arrival to outcome, in plain words: each sentence out of a record."""

from collections.abc import AsyncIterator, Sequence

from answerable.base.clock import iso
from answerable.base.errors import Unreadable
from answerable.ledger.archive import BodyArchived
from answerable.ledger.domain import Entry, PolicyUse
from answerable.ledger.telling import tell, tell_action, tell_grade
from answerable.pipeline.receive import load_message
from answerable.worker import verbs
from answerable.worker.commands.decisions import (
    Decision,
    action_of_effect,
    entries_of_interaction,
    load_decision,
    model_of_turn,
    rule_texts,
)
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.commands.steps import came_back, name_of, steps_of
from answerable.worker.verbs.proofs import Story, StoryStep

_CHARS_MAX = 300
_VERDICTS = {
    "allow": "allowed it",
    "hold": "held it for a person's yes or no",
    "deny": "denied it",
}
_BEFORE = ("received", "identified", "lease", "escalated", "handback")


async def decision_explain(office: Office, verb: verbs.DecisionExplain) -> Story:
    found = await load_decision(office, verb.decision)
    entries = await entries_of_interaction(office, found.entry.interaction)
    sentences = [one async for one in _sentences(office, found, entries)]
    steps = tuple(_step(office, entry) for entry in entries)
    return Story(found.entry.id, tuple(sentences), steps)


def _step(office: Office, entry: Entry) -> StoryStep:
    seq, owner = entry.seq, entry.owner
    return StoryStep(
        index=seq, at=iso(entry.ts), kind=entry.kind,
        said=tell(entry, action_of_effect(office, entry)), accountable=entry.accountable,
        via=(owner.via or "") if owner else "", prove=f"answerable ledger prove {seq}",
        url=f"/ledger/entries/{seq}", proof_url=f"/v1/ledger/entries/{seq}/proof",
    )  # fmt: skip


async def _sentences(
    office: Office, found: Decision, entries: Sequence[Entry]
) -> AsyncIterator[str]:
    entry = found.entry
    for before in entries:
        if before.seq < entry.seq and before.kind in _BEFORE:
            yield await _came(office, before) if before.kind == "received" else _at(before)
    yield await _who_decided(office, entry)
    if entry.agent is not None:
        for number, step in enumerate(await steps_of(office, entry.interaction), 1):
            yield f"Step {number}, {name_of(step)}: {_short(came_back(office, step))}."
    if model := await model_of_turn(office, entry):
        yield f"It asked its model: {model}."
    what = tell_action(found.action)
    yield f"The proposal: {what}" + (f", exactly: {_short(found.exact)}." if found.exact else ".")
    yield _verdict(entry.policy[-1])
    texts = await rule_texts(office, entry)
    for reason, text in zip(entry.policy[-1].reasons, texts, strict=True):
        yield (
            f"Rule '{reason}': {text}"
            if text
            else (f"Rule '{reason}' is of a policy set that was not kept.")
        )
    yield await _accountable(office, entry)
    for after in entries:
        is_of_it = after.effect is not None and entry.effect is not None
        if is_of_it and after.effect.id == entry.effect.id and after.seq != entry.seq:  # type: ignore[union-attr]
            yield await _by(office, after)
    yield _end(found, entries)
    yield f"Ledger entry {entry.seq} captures it: `answerable ledger prove {entry.seq}`."


async def _came(office: Office, entry: Entry) -> str:
    who = ""
    state = office.index.at(entry.seq)
    try:
        message = await load_message(office.house.hall, state.position if state else 0)
        who = f" from {message.sender}: {_short(message.text)!r}"
    except BodyArchived as gone:
        who = f" whose words are not here {await office.words_put_away(gone.index)}"
    except (Unreadable, LookupError) as error:
        who = f" whose text was {office.words_erased(error)[1:-1]}"
    return (
        f"At {iso(entry.ts)} a message came in by {entry.changed('rail')}{who}. Its sender is "
        f"of {tell_grade(entry)}. It belongs to case {entry.case}."
    )


def _at(entry: Entry) -> str:
    return f"At {iso(entry.ts)}: {tell(entry)}."


async def _who_decided(office: Office, entry: Entry) -> str:
    if entry.agent is not None:
        return f"Agent '{entry.agent.id}' ran as release {entry.agent.release}."
    who = entry.actor or ""
    return f"A person spoke: {await office.name_of(who)} ({who})."


def _verdict(used: PolicyUse) -> str:
    if used.set == "answerable":
        return f"The platform {_VERDICTS[used.verdict]}."
    return f"Policy set {used.set[:12]} {_VERDICTS[used.verdict]}."


async def _accountable(office: Office, entry: Entry) -> str:
    owner = entry.owner
    if owner is None:
        return "Nobody was accountable."
    name = await office.name_of(owner.person)
    via = ""
    if owner.via:
        via = f", standing in for {await office.name_of(owner.via)} ({owner.via})"
    return (
        f"{name} ({owner.person}) was accountable{via}, having accepted in ledger entry "
        f"{owner.accepted_at}."
    )


async def _by(office: Office, entry: Entry) -> str:
    """What became of it, and who said so where a person did."""
    said = f"At {iso(entry.ts)}: {tell(entry, action_of_effect(office, entry))}"
    actor = entry.actor or ""
    if actor.startswith("per_"):
        name = await office.name_of(actor)
        said = said.replace(actor, name) if actor in said else f"{said}, says {name}"
    return f"{said}."


def _end(found: Decision, entries: Sequence[Entry]) -> str:
    status = f"The effect is {found.status}" if found.status else "Nothing is known of the effect"
    outcome = next((one for one in reversed(entries) if one.kind == "outcome"), None)
    if outcome is None or outcome.outcome is None:
        return f"{status}; its interaction is still open."
    ended = outcome.outcome.status.replace("_", " ")
    return f"{status}; its interaction ended at {iso(outcome.ts)}: {ended}."


def _short(text: str) -> str:
    return text if len(text) <= _CHARS_MAX else f"{text[:_CHARS_MAX]}..."


HANDLERS: Handlers = {verbs.DecisionExplain: decision_explain}
