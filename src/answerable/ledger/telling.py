"""What an entry says, as a sentence for people. Pure; ids and words of ours, no personal data.

A sentence has no full stop and begins small, so that it can stand in a row, after a time or inside
another sentence. An entry that ends an effect does not say what the effect was: who knows it (from
the deciding entry, or from the effect's row) passes its `action`.
"""

from collections.abc import Callable

from answerable.base.clock import iso
from answerable.base.money import Money
from answerable.ledger.domain import NOBODY, Action, Entry, Kind, ModelUse

MICROS = 1_000_000  # of a US dollar


def tell(entry: Entry, action: Action | None = None) -> str:
    """`refund of 39.90 USD was allowed`, `handed to queue orders: asked`."""
    return _TELL[entry.kind](entry, entry.action or action)


def tell_action(action: Action) -> str:
    """`refund of 39.90 USD`, `reply by email`."""
    if action.kind == "reply":
        return f"reply by {action.name}"
    if action.amount_minor is None or not action.currency:
        return action.name
    return f"{action.name} of {Money(action.amount_minor, action.currency)}"


def tell_model(use: ModelUse) -> str:
    """`2 calls of openai:gpt-5-mini, 1200 tokens in and 300 out, 0.0021 USD`."""
    calls = f"{use.calls} call{'' if use.calls == 1 else 's'} of {use.use}"
    tokens = f"{use.input_tokens} tokens in and {use.output_tokens} out"
    estimated = " (estimated)" if use.estimated else ""
    priced = use.attempts - use.unpriced
    cost = f"{use.cost_micros / MICROS:.4f} USD" if priced else ""
    unpriced = f"{use.unpriced} requests without a known price" if use.unpriced else ""
    return ", ".join(part for part in (calls, tokens + estimated, cost, unpriced) if part)


def tell_holder(holder: str) -> str:
    """A lease's holder: `agent support`, `queue orders`, a person by id."""
    kind, colon, name = holder.partition(":")
    return f"{kind} {name}" if colon else holder


def tell_grade(entry: Entry) -> str:
    """How well the sender of a received message is proven: `grade 2 (verified)`."""
    grade = int(entry.changed("grade") or 0)
    return f"grade {grade} ({_GRADES[min(grade, len(_GRADES) - 1)]})"


_GRADES = (
    "not proven at all",
    "asserted by the channel",
    "verified",
    "logged in, or gave a one-time code",
)

_Tell = Callable[[Entry, Action | None], str]


def _what(action: Action | None) -> str:
    return tell_action(action) if action is not None else "the effect"


def _why(entry: Entry) -> str:
    reason = entry.outcome.reason if entry.outcome else None
    return f": {reason.replace('_', ' ')}" if reason else ""


def _again(entry: Entry) -> str:
    attempt = entry.effect.attempt if entry.effect else 1
    return f" (attempt {attempt})" if attempt > 1 else ""


def _received(entry: Entry, _: Action | None) -> str:
    return f"a message came in by {entry.changed('rail')}, grade {entry.changed('grade')}"


def _identified(entry: Entry, _: Action | None) -> str:
    return f"its sender is new here: party {entry.changed('party')}"


def _lease(entry: Entry, _: Action | None) -> str:
    if entry.changed("holder") == NOBODY:
        return "the case ended: its party was erased"
    holder = tell_holder(entry.changed("holder"))
    if entry.changed("epoch") == "1":
        return f"case opened with {holder}"
    return f"taken over by {holder}"


def _escalated(entry: Entry, _: Action | None) -> str:
    code = entry.changed("code").replace("_", " ")
    return f"handed to queue {entry.changed('queue')}: {code}"


def _handback(entry: Entry, _: Action | None) -> str:
    return f"handed back to {tell_holder(entry.changed('holder'))}"


def _decided(entry: Entry, action: Action | None) -> str:
    used = entry.policy[-1] if entry.policy else None
    what, rules = _what(action), f" by {', '.join(used.reasons)}" if used and used.reasons else ""
    match used.verdict if used else None:
        case "allow":
            return f"{what} was allowed{rules}"
        case "hold":
            ask = entry.changed("ask")
            return f"{what} waits for a yes{f' of {ask}' if ask else ''}{rules}"
        case "deny":
            return f"{what} was denied{rules}"
        case None:
            return f"{what} was decided"


def _approval(entry: Entry, action: Action | None) -> str:
    if entry.outcome is not None and entry.outcome.status == "granted":
        return f"{_what(action)} was granted by {entry.actor}"
    return f"{_what(action)} was refused{_why(entry)}"


def _started(entry: Entry, action: Action | None) -> str:
    return f"{_what(action)} was started{_again(entry)}"


def _done(entry: Entry, action: Action | None) -> str:
    if action is not None and action.kind == "reply":
        return f"{_what(action)} was sent{_again(entry)}"
    return f"{_what(action)} was done{_again(entry)}"


def _unknown(entry: Entry, action: Action | None) -> str:
    status = entry.outcome.status if entry.outcome else ""
    if status == "late":
        return f"a call for {_what(action)} ended after it was given up{_why(entry)}"
    if status == "asked":
        return f"only a person can say whether {_what(action)} happened{_why(entry)}"
    return f"it is not known whether {_what(action)} happened{_why(entry)}{_again(entry)}"


def _failed(entry: Entry, action: Action | None) -> str:
    status = entry.outcome.status if entry.outcome else ""
    if status == "refused":
        return f"{_what(action)} was not started{_why(entry)}"
    if status == "retry":
        return f"{_what(action)} did not happen and will be tried again{_why(entry)}{_again(entry)}"
    return f"{_what(action)} did not happen{_why(entry)}{_again(entry)}"


def _outcome(entry: Entry, _: Action | None) -> str:
    status = entry.outcome.status.replace("_", " ") if entry.outcome else ""
    return f"ended: {status}{f' ({_why(entry)[2:]})' if _why(entry) else ''}"


def _of_agent(entry: Entry) -> str:
    return f"agent {entry.changed('agent')}"


def _person_added(entry: Entry, _: Action | None) -> str:
    return f"person {entry.id} was added"


def _person_left(entry: Entry, _: Action | None) -> str:
    return f"person {entry.changed('person')} left"


def _owner_accepted(entry: Entry, _: Action | None) -> str:
    return f"{entry.changed('person')} accepted to answer for {_of_agent(entry)}"


def _owner_changed(entry: Entry, _: Action | None) -> str:
    return f"{entry.changed('person')} was asked to answer for {_of_agent(entry)}"


def _owner_delegated(entry: Entry, _: Action | None) -> str:
    until = (entry.change or {}).get("until", 0)
    who, owner = entry.changed("person"), entry.changed("via")
    if isinstance(until, int) and until:
        return f"{who} stands in for {owner} for {_of_agent(entry)} until {iso(until)}"
    return f"{who} no longer stands in for {owner} for {_of_agent(entry)}"


def _role(entry: Entry, _: Action | None) -> str:
    is_on = entry.changed("is_on") == "1"
    verb = "was made" if is_on else "is no longer"
    return f"{entry.changed('person')} {verb} {entry.changed('role')}, by {_who(entry)}"


def _registered(entry: Entry, _: Action | None) -> str:
    return f"release {entry.changed('release')} of {_of_agent(entry)} was registered"


def _staged(entry: Entry, _: Action | None) -> str:
    return f"release {entry.changed('release')} of {_of_agent(entry)} is active again"


def _policy(_entry: Entry, _: Action | None) -> str:
    return "a policy set was activated"


def _stop(entry: Entry, _: Action | None) -> str:
    scope, mode = entry.changed("scope"), entry.changed("mode")
    what = {"*": "everything", "file": "everything, by the stop file,"}.get(scope, scope)
    if entry.changed("is_on") == "0":
        return f"{what} was let go again" + (f" ({mode.replace('_', '-')})" if mode else "")
    return f"{what} was {_MODES.get(mode, 'stopped')}"


_MODES = {"read_only": "made read-only", "ask": "made to ask a person first"}


def _key_added(entry: Entry, _: Action | None) -> str:
    return f"{entry.changed('person')} was given key {entry.id} for {entry.changed('scopes')}"


def _key_revoked(entry: Entry, _: Action | None) -> str:
    return f"key {entry.changed('key')} was revoked"


def _key_rotated(entry: Entry, _: Action | None) -> str:
    return f"{_KEYS.get(entry.changed('key'), 'a key')} was replaced"


_KEYS = {"home": "the home's key", "signer": "the key that signs checkpoints"}


def _who(entry: Entry) -> str:
    return entry.actor or "somebody"


def _erasure_requested(entry: Entry, _: Action | None) -> str:
    return f"{_who(entry)} asked that the party be erased"


def _erasure_done(entry: Entry, _: Action | None) -> str:
    return f"{_who(entry)} erased the party: what its keys sealed cannot be read any more"


def _party_held(entry: Entry, _: Action | None) -> str:
    return f"{_who(entry)} put the party under legal hold: it may not be erased"


def _party_released(entry: Entry, _: Action | None) -> str:
    return f"{_who(entry)} let the party go from legal hold"


def _gap(entry: Entry, _: Action | None) -> str:
    if entry.changed("why") == "restored":
        return "the home was restored from a backup: what came after that is not in it"
    if entry.changed("why") == "forgotten":
        return "keys of who was erased after the backup were destroyed when it was restored"
    return f"a message that cannot be read or answered was closed: {entry.changed('why')}"


def _archived(entry: Entry, _: Action | None) -> str:
    last = int(entry.changed("end") or 1) - 1
    return (
        f"{entry.changed('bodies')} bodies of entries {entry.changed('first')} to {last} were put "
        f"away in {entry.changed('file')}"
    )


def _read(entry: Entry, _: Action | None) -> str:
    who, bodies = entry.actor or "somebody", entry.changed("bodies")
    count = f"{bodies} bod{'y' if bodies == '1' else 'ies'}"
    return f"{who} was given {count} to read, asking for {entry.changed('asked')}"


def _day(entry: Entry, _: Action | None) -> str:
    since, day = entry.changed("since"), entry.changed("day")
    what = f"the days {since} to {day}" if since != day else f"the day {day}"
    what = f"{what} closed" if day else "somebody asked"
    return f"{what}: the counters of {entry.changed('names')} parties and persons were committed"


_TELL: dict[Kind, _Tell] = {
    "received": _received,
    "identified": _identified,
    "lease": _lease,
    "decided": _decided,
    "approval": _approval,
    "effect.started": _started,
    "effect.done": _done,
    "effect.unknown": _unknown,
    "effect.failed": _failed,
    "outcome": _outcome,
    "escalated": _escalated,
    "handback": _handback,
    "person.added": _person_added,
    "person.left": _person_left,
    "owner.accepted": _owner_accepted,
    "owner.changed": _owner_changed,
    "owner.delegated": _owner_delegated,
    "release.registered": _registered,
    "release.staged": _staged,
    "policy.activated": _policy,
    "stop": _stop,
    "key.added": _key_added,
    "key.revoked": _key_revoked,
    "key.rotated": _key_rotated,
    "role.changed": _role,
    "erasure.requested": _erasure_requested,
    "erasure.done": _erasure_done,
    "party.held": _party_held,
    "party.released": _party_released,
    "gap.declared": _gap,
    "day.closed": _day,
    "bodies.archived": _archived,
    "access.read": _read,
}
