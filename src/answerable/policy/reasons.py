"""The reasons of our own that a verdict may give, and what each says. Any other names a rule."""

TOOL_NOT_IN_RELEASE = "tool-not-in-release"
GRADE_TOO_LOW = "grade-too-low"
AMOUNT_AMBIGUOUS = "amount-ambiguous"
STOP_PAUSE = "stop:pause"
STOP_READ_ONLY = "stop:read-only"
STOP_ASK = "stop:ask"
DESK_HOLDER = "desk:holder"
DESK_NOT_HOLDER = "desk:not-holder"
LIMIT = "limit:"  # and the limit's name

DEFAULT_DENY = "default-deny"
EVALUATION_ERROR = "evaluation-error"  # and the rule that failed
NEGATIVE_AMOUNT = "negative-amount"
FACT_OF_WRONG_TYPE = "fact-of-wrong-type"  # and the fact's name
REQUEST_UNREADABLE = "request-unreadable"

_BEFORE_POLICY = {
    TOOL_NOT_IN_RELEASE: "The release that ran does not have this tool.",
    GRADE_TOO_LOW: "The sender was not proven well enough for this tool.",
    AMOUNT_AMBIGUOUS: "The call holds more than one amount, and one verdict cannot judge two.",
    STOP_PAUSE: "A stop lets nothing start.",
    STOP_READ_ONLY: "A stop lets agents answer and performs no effect tool.",
    STOP_ASK: "A stop asks a person about everything that would be allowed.",
    DESK_HOLDER: "A specialist who held the case spoke in their own name.",
    DESK_NOT_HOLDER: "The person who spoke did not hold the case any more.",
}
_OF_POLICY = {
    DEFAULT_DENY: "No rule permits it.",
    EVALUATION_ERROR: "A rule could not be evaluated, and what it would have said is not known.",
    NEGATIVE_AMOUNT: "An amount below zero would pass every upper bound.",
    FACT_OF_WRONG_TYPE: "A fact is not of the type that the rules were checked against.",
    REQUEST_UNREADABLE: "The request cannot be evaluated: a number or a text out of bounds.",
}


def tell_reason(reason: str) -> str:
    """A reason of ours in words; empty where it names a rule."""
    if reason.startswith(LIMIT):
        return f"The tool's limit `{reason.removeprefix(LIMIT)}` has no room left for it."
    return (_BEFORE_POLICY | _OF_POLICY).get(reason.partition(" ")[0], "")


def is_before_policy(reason: str) -> bool:
    """Whether it was said without asking any policy."""
    return reason in _BEFORE_POLICY or reason.startswith(LIMIT)
