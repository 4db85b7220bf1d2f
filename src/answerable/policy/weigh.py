"""The whole verdict: our own rules first, then limits, then policy; the first no decides.

Pure, and all of it out of the request: what was said once is said again from the same bytes.
"""

from functools import lru_cache

from msgspec import UNSET

from answerable.policy import reasons
from answerable.policy.decide import decide
from answerable.policy.domain import Judgement, Request, Rules, Spoken, Verdict
from answerable.policy.limits import Limit, exceeded
from answerable.policy.load import PolicySet

_NO_RULES, _NO_LIMIT = Rules(), Limit()


def weigh(policies: PolicySet, request: Request) -> Judgement:
    """May this be done? The same for the same set and bytes, for ever."""
    rules = _NO_RULES if request.rules is UNSET else request.rules
    if own := _own_no(request, rules):
        return Judgement(Verdict.DENY, (own,))
    limit = Limit(**rules.limit) if rules.limit else _NO_LIMIT  # type: ignore[arg-type]
    full = exceeded(limit, request.amount, request.counters)
    if full is not None:
        return Judgement(Verdict.DENY, (f"{reasons.LIMIT}{full.rule}",))
    judgement = decide(policies, request)
    if rules.ask and judgement.verdict is Verdict.ALLOW:
        return Judgement(Verdict.HOLD, (*judgement.reasons, reasons.STOP_ASK), (rules.ask,))
    return judgement


def weigh_spoken(spoken: Spoken) -> Judgement:
    """May this person say this? Who holds the case may, while they are here."""
    if spoken.by == spoken.holder and spoken.is_living:
        return Judgement(Verdict.ALLOW, (reasons.DESK_HOLDER,))
    return Judgement(Verdict.DENY, (reasons.DESK_NOT_HOLDER,))


@lru_cache(maxsize=1_024)  # a declared limit does not change
def written(limit: Limit) -> dict[str, str | int]:
    """What a limit says, for a request to hold; nothing where it is none."""
    named = {name: getattr(limit, name) for name in limit.__slots__}
    return {name: value for name, value in named.items() if value is not None}


def _own_no(request: Request, rules: Rules) -> str:
    if not rules.is_in_release:
        return reasons.TOOL_NOT_IN_RELEASE
    if rules.stop:
        return rules.stop
    if request.grade < rules.needs_grade:
        return reasons.GRADE_TOO_LOW
    return reasons.AMOUNT_AMBIGUOUS if rules.is_ambiguous else ""
