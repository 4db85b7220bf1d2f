"""A verdict again, from the very bytes that it was made on."""

import hashlib
from collections.abc import Iterator, Mapping

import msgspec

from answerable.base.errors import Unreadable
from answerable.effects.intent import Intent, decode_intent
from answerable.engine.port import Record
from answerable.ledger.bodies import commit, open_body
from answerable.ledger.domain import Entry, decode_entry
from answerable.policy.domain import Judgement, Request, decode_request, decode_spoken
from answerable.policy.reasons import STOP_ASK, is_before_policy
from answerable.policy.weigh import weigh, weigh_spoken
from answerable.store.keys import KeyDestroyed, KeyStore
from answerable.worker.replay.found import Difference, Part
from answerable.worker.replay.sets import PolicySets

_OURS = "answerable"  # in the place of a set, where a person spoke
_NO_REQUEST = b"null"  # of what persons said in homes of old
_VERDICT = "verdict"
Pair = tuple[str, object, object]


class Verdicts:
    """Judges again; `erased_at` says at which entry a party was erased."""

    def __init__(self, keys: KeyStore, sets: PolicySets, erased_at: Mapping[str, int]) -> None:
        self._keys = keys
        self._sets = sets
        self._erased_at = erased_at

    def again(self, record: Record) -> Part:
        entry = decode_entry(record.data)
        try:
            return self._again(entry, record)
        except KeyDestroyed:
            return Part("erased", self.erased(entry))
        except (Unreadable, msgspec.DecodeError) as error:
            return _different("body", "what the entry commits to", str(error))

    def erased(self, entry: Entry) -> str:
        """Why there is nothing to read."""
        index = self._erased_at.get(entry.subject.pid if entry.subject else "")
        return "erased" if index is None else f"erased at index {index}"

    def open(self, entry: Entry, record: Record) -> bytes:
        """What a record's body says. Raises Unreadable."""
        assert entry.body is not None
        key = self._keys.get(entry.body.kid)
        return open_body(key, entry.body.kid, record.key, record.body or b"")

    def _again(self, entry: Entry, record: Record) -> Part:
        if entry.body is None:
            return Part("not_kept", "the entry has no body")
        if record.body is None:
            said = "its body is archived: say with --archives in which folder"
            return Part("archived", said)
        digest = hashlib.sha256(record.body).hexdigest()
        if digest != entry.body.sha256:
            return _different("body.sha256", entry.body.sha256, digest)
        intent = decode_intent(self.open(entry, record))
        bad = _first(self._commitments(entry, intent)) or _first(_of_entry(entry, intent))
        return bad if bad is not None else self._judged(entry, bytes(intent.request))

    def _commitments(self, entry: Entry, intent: Intent) -> Iterator[Pair]:
        assert entry.body is not None
        assert entry.action is not None
        key, request = self._keys.get(entry.body.kid), bytes(intent.request)
        action = bytes(intent.action)
        asked = action if request == _NO_REQUEST else request
        yield "policy.context", entry.policy[-1].context, commit(key, "request", asked)
        yield "action.commit", entry.action.commit, commit(key, "action", action)

    def _judged(self, entry: Entry, request: bytes) -> Part:
        used = entry.policy[-1]
        if used.set == _OURS:
            if request == _NO_REQUEST:
                return Part("not_kept", "what a person's word was judged on was not kept then")
            return _compared(entry, weigh_spoken(decode_spoken(request)))
        asked = decode_request(request)
        is_own = any(is_before_policy(one) or one == STOP_ASK for one in used.reasons)
        if asked.rules is msgspec.UNSET and is_own:
            return Part("not_kept", "what our own rules looked at was not kept then")
        try:
            policies = self._sets.find(used.set)
        except Unreadable as error:
            return _different("policy set", used.set, str(error))
        if policies is None:
            return Part("not_kept", f"policy set {used.set} was not kept, and is not loaded")
        return _compared(entry, weigh(policies, asked))


def _of_entry(entry: Entry, intent: Intent) -> Iterator[Pair]:
    """What the entry says in the open about what was asked."""
    if entry.agent is None or entry.action is None:
        return
    asked: Request = decode_request(bytes(intent.request))
    amount, action = asked.amount, entry.action
    yield "agent.id", entry.agent.id, asked.agent
    yield "agent.release", entry.agent.release, asked.release
    yield "action.kind", action.kind, {"perform": "tool"}.get(asked.action, asked.action)
    yield "action.name", action.name, asked.name
    yield "action.amount_minor", action.amount_minor, amount.amount_minor if amount else None
    yield "action.currency", action.currency, amount.currency if amount else None


def _compared(entry: Entry, judgement: Judgement) -> Part:
    used = entry.policy[-1]
    pairs = [
        ("policy.verdict", used.verdict, judgement.verdict.value),
        ("policy.reasons", ", ".join(used.reasons), ", ".join(judgement.reasons)),
    ]
    if entry.changed("ask") or judgement.ask:
        pairs.append(("change.ask", entry.changed("ask"), ", ".join(judgement.ask)))
    return _first(pairs) or Part("same")


def _first(pairs: Iterator[Pair] | list[Pair] | list[tuple[str, str, str]]) -> Part | None:
    for field, expected, found in pairs:
        if expected != found:
            return _different(field, expected, found)
    return None


def _different(field: str, expected: object, found: object) -> Part:
    return Part("different", difference=Difference(_VERDICT, field, str(expected), str(found)))
