"""Commands that show what was decided and what became of it: lists, one in full, in plain words."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from answerable.base.clock import iso
from answerable.base.errors import NotFound, Unreadable
from answerable.effects import rows as effects
from answerable.effects.domain import EffectState
from answerable.effects.errors import EffectUnknownId
from answerable.effects.intent import action_of, exactly, open_intent
from answerable.engine.port import Record
from answerable.ledger.archive import BodyArchived
from answerable.ledger.domain import Action, Entry, decode_entry
from answerable.ledger.named_sets import RELEASE_KINDS
from answerable.ledger.telling import tell, tell_action, tell_model
from answerable.policy.decide import text_of
from answerable.policy.load import PolicySet
from answerable.policy.reasons import tell_reason
from answerable.views import places
from answerable.worker import verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.replay.sets import PolicySets, kept_text
from answerable.worker.verbs.proofs import (
    DecisionRow,
    DecisionView,
    EffectView,
    FoundEntry,
    RuleRow,
)

_OF_EFFECTS = ("dec", "eff")
_RELEASES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Decision:
    """A decided entry with everything that stands beside it."""

    entry: Entry
    record: Record
    action: Action
    state: EffectState | None
    exact: str  # empty where it was erased
    request: dict[str, object]

    @property
    def status(self) -> str:
        return self.state.status.value if self.state else ""


async def decision_list(office: Office, verb: verbs.DecisionList) -> list[DecisionRow]:
    """Newest first."""
    await office.index.follow(office.house.hall.engine)
    found = places.decisions(
        office.index.db, agent=verb.agent, verdict=verb.verdict, before=verb.before,
        limit=verb.limit,
    )  # fmt: skip
    rows = []
    for place in found:
        entry = decode_entry((await office.record_at(place.position)).data)
        state = _state(office, entry)
        rows.append(
            DecisionRow(
                decision=entry.id, index=entry.seq, at=iso(entry.ts), agent=place.agent,
                verdict=place.verdict, action=tell_action(entry.action) if entry.action else "",
                owner=entry.accountable, interaction=place.interaction,
                status=state.status.value if state else "",
            )
        )  # fmt: skip
    return rows


async def decision_show(office: Office, verb: verbs.DecisionShow) -> DecisionView:
    found = await load_decision(office, verb.decision)
    entry, state, used = found.entry, found.state, found.entry.policy[-1]
    owner = entry.accountable
    return DecisionView(
        decision=entry.id, index=entry.seq, at=iso(entry.ts),
        agent=entry.agent.id if entry.agent else "",
        release=entry.agent.release if entry.agent else "",
        owner=owner, owner_name=await office.name_of(owner) if owner else "nobody",
        via=(entry.owner.via or "") if entry.owner else "",
        interaction=entry.interaction, case=entry.case,
        party=entry.subject.pid if entry.subject else "",
        action=tell_action(found.action), exact=found.exact, verdict=used.verdict,
        rules=used.reasons, rule_texts=await rule_texts(office, entry), policy=used.set,
        request=found.request, effect=entry.effect.id if entry.effect else "",
        status=found.status, attempt=state.attempt if state else 0,
        model=await model_of_turn(office, entry),
        entry=found.record.data.decode(),
    )  # fmt: skip


async def effect_show(office: Office, verb: verbs.EffectShow) -> EffectView:
    state = effects.find(office.house.hall.db, verb.effect)
    if state is None:
        raise EffectUnknownId(verb.effect)
    found = await load_decision(office, state.decision)
    return EffectView(
        effect=state.id, decision=state.decision, interaction=state.interaction, case=state.case,
        agent=state.agent, action=tell_action(found.action), exact=found.exact,
        repeat=state.repeat, status=state.status.value, attempt=state.attempt,
        entries=tuple(
            (entry.seq, iso(entry.ts), tell(entry, found.action))
            for entry in await entries_of_interaction(office, state.interaction)
            if entry.effect is not None and entry.effect.id == state.id
        ),
    )  # fmt: skip


async def ledger_search(office: Office, verb: verbs.LedgerSearch) -> list[FoundEntry]:
    """Newest first. An id of an effect or a decision finds all entries of that effect."""
    await office.index.follow(office.house.hall.engine)
    db, prefix = office.index.db, verb.id.partition("_")[0]
    if not verb.id:
        found = places.newest(db, kind=verb.kind, before=verb.before, limit=verb.limit)
    elif prefix in _OF_EFFECTS:
        return await _about_effect(office, verb)
    else:
        found = places.newest_about(
            db, verb.id, kind=verb.kind, before=verb.before, limit=verb.limit
        )
        itself = places.find(db, verb.id)
        if itself is not None and itself not in found and _fits(itself.seq, itself.kind, verb):
            found = sorted([*found, itself], key=lambda place: -place.seq)[: verb.limit]
    return [
        _found(office, await office.record_at(place.position))
        for place in found
    ]  # fmt: skip


async def _about_effect(office: Office, verb: verbs.LedgerSearch) -> list[FoundEntry]:
    effect = verb.id
    if verb.id.startswith("dec_"):
        entry = (await office.entry(verb.id))[0] if office.index.find(verb.id) else None
        effect = entry.effect.id if entry and entry.effect else ""
    state = effects.find(office.house.hall.db, effect)
    rows = []
    for place in office.index.of_interaction(state.interaction) if state else ():
        record = await office.record_at(place.position)
        entry = decode_entry(record.data)
        is_of_it = entry.effect is not None and entry.effect.id == effect
        if (is_of_it or entry.id == verb.id) and _fits(entry.seq, entry.kind, verb):
            rows.append(_found(office, record))
    itself = office.index.find(verb.id)
    if not rows and itself is not None and _fits(itself.seq, itself.kind, verb):
        rows.append(_found(office, await office.record_at(itself.position)))
    return rows[::-1][: verb.limit]


def _fits(seq: int, kind: str, verb: verbs.LedgerSearch) -> bool:
    return (not verb.before or seq < verb.before) and verb.kind in ("", kind)


def _found(office: Office, record: Record) -> FoundEntry:
    entry = decode_entry(record.data)
    summary = tell(entry, action_of_effect(office, entry))
    text = record.data.decode()
    return FoundEntry(entry.seq, iso(entry.ts), entry.kind, entry.id, summary, text)


async def policy_explain(office: Office, _: verbs.PolicyExplain) -> list[RuleRow]:
    return rules_of(office.house.hall.policy)


def rules_of(policies: PolicySet) -> list[RuleRow]:
    """In the order of the files."""
    return [
        RuleRow(one.ref, "hold" if one.hold is not None else one.effect, one.text)
        for one in policies.statements
    ]


async def load_decision(office: Office, decision: str) -> Decision:
    """Raises NotFound."""
    entry, record = await find_decided(office, decision)
    if entry.action is None:
        raise NotFound(
            f"'{decision}' names no action.", "Nothing was looked up.",
            f"answerable ledger prove {entry.seq}",
        )  # fmt: skip
    exact, request = await opened(office, record)
    return Decision(entry, record, entry.action, _state(office, entry), exact, request)


async def find_decided(office: Office, decision: str) -> tuple[Entry, Record]:
    """A decision's entry by its id. Raises NotFound."""
    entry, record = await office.entry(decision)
    if entry.kind != "decided":
        raise NotFound(
            f"'{decision}' is a {entry.kind}, not a decision.", "Nothing was looked up.",
            "answerable decision list",
        )  # fmt: skip
    return entry, record


async def opened(office: Office, record: Record) -> tuple[str, dict[str, object]]:
    """The exact action and what policy was asked; empty where both were erased, and in place of the
    action where it went, where both were archived."""
    try:
        intent = open_intent(office.house.hall.keyring, record)
    except BodyArchived as gone:
        return await office.words_put_away(gone.index), {}
    except Unreadable:
        return "", {}
    if intent is None:
        return "", {}
    request = msgspec.json.decode(intent.request, type=dict[str, object] | None)
    return exactly(action_of(intent)), request or {}


async def rule_texts(office: Office, entry: Entry) -> tuple[str, ...]:
    """Of each reason, as it was written in the set that decided; empty where that was not kept."""
    used = entry.policy[-1]
    policy = await _policy_of(office, used.set)
    rules = [text_of(policy, reason) if policy else "" for reason in used.reasons]
    return tuple(
        "\n".join(part for part in (tell_reason(reason), rule) if part)
        for reason, rule in zip(used.reasons, rules, strict=True)
    )


async def _policy_of(office: Office, digest: str) -> PolicySet | None:
    hall = office.house.hall
    if digest == hall.policy.digest:
        return hall.policy
    sets = PolicySets(office.house.keys)
    for kind in RELEASE_KINDS:
        for place in places.newest(office.index.db, kind=kind, limit=_RELEASES_MAX):
            sets.take(await office.record_at(place.position))
    return kept_text(sets, digest)


async def entries_of_interaction(office: Office, interaction: str) -> Sequence[Entry]:
    """Oldest first."""
    await office.index.follow(office.house.hall.engine)
    return [
        decode_entry((await office.record_at(place.position)).data)
        for place in office.index.of_interaction(interaction)
    ]


async def model_of_turn(office: Office, entry: Entry) -> str:
    """What the turn that led to a decision asked of its model, in words; it stands on one of the
    turn's entries. Empty where it asked nothing, and for what a person decided."""
    if entry.agent is None or not entry.interaction:
        return ""
    entries = await entries_of_interaction(office, entry.interaction)
    used = next((one.model for one in entries if one.model is not None), None)
    return tell_model(used) if used is not None else ""


def action_of_effect(office: Office, entry: Entry) -> Action | None:
    """What an entry about an effect is about, out of that effect's row."""
    state = effects.find(office.house.hall.db, entry.effect.id) if entry.effect else None
    if state is None or entry.action is not None:
        return entry.action
    return Action(
        kind="reply" if state.kind == "reply" else "tool", name=state.name, commit="",
        amount_minor=state.amount_minor if state.currency else None,
        currency=state.currency or None,
    )  # fmt: skip


def _state(office: Office, entry: Entry) -> EffectState | None:
    return effects.find(office.house.hall.db, entry.effect.id) if entry.effect else None


HANDLERS: Handlers = {
    verbs.DecisionList: decision_list,
    verbs.DecisionShow: decision_show,
    verbs.EffectShow: effect_show,
    verbs.LedgerSearch: ledger_search,
    verbs.PolicyExplain: policy_explain,
}
