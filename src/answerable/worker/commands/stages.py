"""An interaction stage by stage, in sentences: what went in, what came out. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from answerable.base.clock import iso
from answerable.effects.domain import EffectState, Interaction, Status
from answerable.ledger.domain import Action, Entry
from answerable.ledger.telling import tell, tell_action, tell_grade
from answerable.telemetry.passages import NOT_MEASURED, STAGES, Passage
from answerable.worker.commands.said import Heard
from answerable.worker.verbs.cases import StageView

_DONE_LATER = ("effect.started", "effect.done", "effect.unknown", "effect.failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that is known of an interaction, read."""

    row: Interaction
    heard: Heard
    agent: str
    release: str
    entries: Sequence[Entry]  # oldest first
    states: Sequence[EffectState]
    steps: Sequence[str]  # names, in the order in which they were recorded
    names: Mapping[str, str]  # of the persons in the entries
    action_of: Callable[[Entry], Action | None]

    def of_kind(self, *kinds: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.kind in kinds]

    def told(self, entry: Entry) -> str:
        """The entry in a sentence, with persons by name."""
        said = tell(entry, self.action_of(entry))
        for person, name in self.names.items():
            said = said.replace(person, name)
        return said


def stage_views(seen: Seen, passages: Sequence[Passage]) -> tuple[StageView, ...]:
    """The seven stages: what the message's own pass took, and what every pass found."""
    own = next((one for one in passages if one.kind == "message"), None)
    said = {name: tuple(_SAID[name](seen)) for name in STAGES}
    said["record"] += tuple(_later(passages))
    return tuple(StageView(name, took(own, name), said[name]) for name in STAGES)


def waiting_views(heard: Heard, rail: str) -> tuple[StageView, ...]:
    """Of a message that no stage has taken up yet."""
    received = f"message '{heard.external_id}' came in by {rail}, sent at {heard.at}; it waits"
    said = {"receive": (received,)}
    return tuple(StageView(name, NOT_MEASURED, said.get(name, ("not yet",))) for name in STAGES)


def took(passage: Passage | None, stage: str) -> int:
    return passage.took_us.get(stage, NOT_MEASURED) if passage else NOT_MEASURED


def _later(passages: Iterable[Passage]) -> Iterator[str]:
    for one in passages:
        if one.kind != "message":
            yield (
                f"gone on with at {iso(one.began_us)}, for {_A[one.kind]}: "
                f"{sum(one.took_us.values()) / 1000:.1f} ms in all stages"
            )


_A = {"answer": "a person's word", "timer": "a timer"}


def _receive(seen: Seen) -> Iterator[str]:
    heard = seen.heard
    yield f"message '{heard.external_id}' came in by {seen.row.rail}, sent at {heard.at}"
    for entry in seen.of_kind("received"):
        yield f"kept whole, sealed under its sender's key: ledger entry {entry.seq}"


def _resolve(seen: Seen) -> Iterator[str]:
    for entry in seen.of_kind("received"):
        yield f"{seen.heard.sender} is party {seen.row.party}, {tell_grade(entry)}"
    is_new = bool(seen.of_kind("identified"))
    yield "the party is new" if is_new else "the party was known by exactly this identifier"
    opened = [one for one in seen.of_kind("lease") if one.changed("epoch") == "1"]
    yield f"case {seen.row.case} {'was opened' if opened else 'goes on'}"


def _route(seen: Seen) -> Iterator[str]:
    decided = [one for one in seen.of_kind("decided") if one.agent is not None]
    if decided and (agent := decided[0].agent) and (owner := decided[0].owner):
        via = f", standing in for {_name(seen, owner.via)}" if owner.via else ""
        yield (
            f"agent {agent.id}, release {agent.release}, owner {_name(seen, owner.person)}{via}, "
            f"who accepted in ledger entry {owner.accepted_at}"
        )
        return
    yield f"agent {seen.agent}" + (f", release {seen.release}" if seen.release else "")
    handed = [one for one in seen.of_kind("escalated") if one.actor == "system:hallway"]
    for entry in handed[:1]:
        yield f"no agent decided anything: {_code(entry)}"
    if not handed and seen.row.disposition in ("with_people", "answered_by_person"):
        yield "people had the case, so no agent ran"


def _run(seen: Seen) -> Iterator[str]:
    for name, count in Counter(seen.steps).items():
        yield f"recorded step {name}" + (f", {count} times" if count > 1 else "")
    proposed = [one.action for one in seen.of_kind("decided") if one.agent and one.action]
    for action in proposed:
        yield f"proposed: {tell_action(action)}"
    asked = [one for one in seen.of_kind("escalated") if (one.actor or "").startswith("agent:")]
    for entry in asked:
        yield f"asked for people, in queue {entry.changed('queue')}"
    if not proposed and not asked and not seen.steps:
        yield "proposed nothing"


def _decide(seen: Seen) -> Iterator[str]:
    entries = seen.of_kind("decided", "approval")
    for entry in entries:
        owner = f", {_name(seen, entry.owner.person)} accountable" if entry.owner else ""
        yield f"{seen.told(entry)} (ledger entry {entry.seq}{owner})"
    if not entries:
        yield "nothing was to be decided"


def _act(seen: Seen) -> Iterator[str]:
    for entry in seen.of_kind(*_DONE_LATER):
        yield f"{iso(entry.ts)}: {seen.told(entry)}"
    by_effect = {one.effect.id: one for one in seen.of_kind("decided") if one.effect}
    for state in seen.states:
        decided = by_effect.get(state.id)
        what = tell_action(decided.action) if decided and decided.action else state.name
        if state.status is Status.HELD:
            yield f"{what} waits for a person until {iso(state.expires_at)}"
        elif not state.status.is_end:
            yield f"{what} is not ended: {state.status.value}, attempt {state.attempt}"
    if not seen.states:
        yield "nothing was to be done"


def _record(seen: Seen) -> Iterator[str]:
    for entry in seen.of_kind("escalated", "handback", "outcome"):
        yield f"{iso(entry.ts)}: {seen.told(entry)} (ledger entry {entry.seq})"
    if not seen.of_kind("outcome"):
        yield "still open"


def _name(seen: Seen, person: str | None) -> str:
    return seen.names.get(person or "", person or "")


def _code(entry: Entry) -> str:
    return entry.changed("code").replace("_", " ")


_SAID: dict[str, Callable[[Seen], Iterator[str]]] = {
    "receive": _receive,
    "resolve": _resolve,
    "route": _route,
    "run": _run,
    "decide": _decide,
    "act": _act,
    "record": _record,
}
