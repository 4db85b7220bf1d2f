"""The verdict. Default deny; a forbid wins over all; a hold wins over an allow; doubt is a deny.

Cedar knows permit and forbid only, so a hold is a permit with `@hold("queue")`: if any permit
that matches carries it, a person is asked, whatever other permit matches too. Cedar skips a rule
that fails while it is evaluated; a forbid that fails would then allow, so any failure is a deny.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

import cedarpy
import msgspec

from answerable.base.clock import DAY_US, HOUR_US
from answerable.policy.domain import ActionKind, Judgement, Request, Statement, Verdict
from answerable.policy.load import PolicySet
from answerable.policy.reasons import (
    DEFAULT_DENY,
    EVALUATION_ERROR,
    FACT_OF_WRONG_TYPE,
    NEGATIVE_AMOUNT,
    REQUEST_UNREADABLE,
)

_FAILED = re.compile(r"error while evaluating policy `(policy\d+)`")
_RESOURCE = {"perform": "Tool", "reply": "Rail"}
_NO_ENTITIES = cedarpy.Entities.from_json_str("[]")
_ANSWERS_KEPT = 4_096
_encode = msgspec.json.Encoder().encode


def decide(policies: PolicySet, request: Request) -> Judgement:
    """Judge one request by one set; pure, and the same for the same bytes, for ever."""
    own = _own_refusal(policies, request)
    if own:
        return Judgement(Verdict.DENY, (own,))
    try:
        context = _encode(_context(policies, request)).decode()
        return _judged(policies, request.agent, request.action, request.name, context)
    except (ValueError, TypeError, OverflowError):  # what cannot be written down as Cedar's JSON
        return Judgement(Verdict.DENY, (REQUEST_UNREADABLE,))


def evaluations() -> int:
    """How often a rule engine was really asked in this process: what is alike is asked once."""
    return _judged.cache_info().misses


def text_of(policies: PolicySet, reason: str) -> str:
    """The rule that a reason names, as it is written in this set; empty where it is not there."""
    written = {one.ref: one.text for one in policies.statements}
    return written.get(reason) or written.get(reason.partition(" ")[2], "")


def _own_refusal(policies: PolicySet, request: Request) -> str:
    if request.amount is not None and request.amount.amount_minor < 0:
        return NEGATIVE_AMOUNT
    for name, kind in policies.facts.items():
        if name in request.facts and type(request.facts[name]) is not kind:
            return f"{FACT_OF_WRONG_TYPE} {name}"
    return ""


@lru_cache(_ANSWERS_KEPT)
def _judged(
    policies: PolicySet, agent: str, action: ActionKind, name: str, context: str
) -> Judgement:
    """The same for the same set and bytes, for ever: asked once."""
    answer = _answer(policies.handle, agent, action, name, context)
    matched = _named(policies, answer.diagnostics.reasons)
    if answer.diagnostics.errors or answer.decision is cedarpy.Decision.NoDecision:
        failed = _failures(policies, answer.diagnostics.errors)
        forbids = [one.ref for one in matched if one.effect == "forbid"]
        return Judgement(Verdict.DENY, (*forbids, *failed))
    if answer.decision is not cedarpy.Decision.Allow:
        return Judgement(Verdict.DENY, tuple(one.ref for one in matched) or (DEFAULT_DENY,))
    holds = [one for one in matched if one.hold is not None]
    if holds:
        ask = dict.fromkeys(one.hold for one in holds if one.hold is not None)
        return Judgement(Verdict.HOLD, tuple(one.ref for one in holds), tuple(ask))
    return Judgement(Verdict.ALLOW, tuple(one.ref for one in matched))


def _answer(
    handle: cedarpy.PolicySet, agent: str, action: ActionKind, name: str, context: str
) -> cedarpy.AuthzResult:
    """Names travel as structured ids, never as Cedar text, so nothing in them is syntax."""
    asked = {
        "principal": {"type": "Agent", "id": agent},
        "action": {"type": "Action", "id": action},
        "resource": {"type": _RESOURCE[action], "id": name},
        "context": context,
    }
    return cedarpy.is_authorized_batch([asked], handle, _NO_ENTITIES)[0]


_KNOWN: dict[str, Callable[[Request], object]] = {
    "release": lambda request: request.release,
    "stage": lambda request: request.stage,
    "grade": lambda request: request.grade,
    "case_holder": lambda request: request.case_holder,
    "hour": lambda request: request.at_us // HOUR_US % 24,
    "weekday": lambda request: (request.at_us // DAY_US + 3) % 7 + 1,  # 1970-01-01: Thursday
    "party_effects_today": lambda request: request.counters.party_effects_today,
    "party_amount_minor_today": lambda request: request.counters.party_amount_minor_today,
    "agent_effects_today": lambda request: request.counters.agent_effects_today,
    "agent_amount_minor_today": lambda request: request.counters.agent_amount_minor_today,
}


@lru_cache
def _looked_at(
    needed: frozenset[str] | None,
) -> tuple[tuple[str, Callable[[Request], object]], ...]:
    """What a set's rules look at, of what is known of every request; None is all."""
    return tuple(one for one in _KNOWN.items() if needed is None or one[0] in needed)


def _context(policies: PolicySet, request: Request) -> dict[str, object]:
    """Only what some rule looks at: fewer requests differ, and those alike are judged once."""
    needed, facts, amount = policies.needed, request.facts, request.amount
    context = {name: look(request) for name, look in _looked_at(needed)}
    if needed is None or "facts" in needed:
        context["facts"] = {name: facts[name] for name in policies.facts if name in facts}
    if amount is not None and (needed is None or "amount" in needed):
        context["amount"] = {"minor": amount.amount_minor, "currency": amount.currency}
    return context


def _named(policies: PolicySet, numbers: list[str]) -> list[Statement]:
    """In the order of the files: the engine's own is that of a hash."""
    return [policies.statements[n] for n in sorted(policies.numbered[number] for number in numbers)]


def _failures(policies: PolicySet, errors: list[str]) -> Iterator[str]:
    """Which rules failed; the engine's words stay out, they can quote personal data."""
    found = [match.group(1) for error in errors if (match := _FAILED.match(error))]
    for one in _named(policies, found):
        yield f"{EVALUATION_ERROR} {one.ref}"
    if len(found) < max(1, len(errors)):
        yield EVALUATION_ERROR
