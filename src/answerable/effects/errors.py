"""How the other side's answer is told: surely not done, or nobody can say.

Exception
├── NotDone           surely nothing happened; `is_final` when trying again is of no use
└── OutcomeUnknown    it may or may not have happened; never blindly retried
"""

from answerable.base.errors import NotFound, Refused


class NotDone(Exception):  # it is an answer, not a defect
    """The other side surely did nothing."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        self.reason = reason
        self.is_final = is_final
        super().__init__(reason)


class OutcomeUnknown(Exception):  # same
    """Nobody can say whether it happened."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class EffectUnknownId(NotFound):
    code = "effect_not_found"

    def __init__(self, effect: str) -> None:
        super().__init__(
            f"No effect '{effect}' is in this home.", "Nothing was changed.",
            "answerable approval list",
        )  # fmt: skip


class HoldEnded(Refused):
    code = "hold_ended"
    http_status = 409

    def __init__(self, effect: str, status: str) -> None:
        super().__init__(
            f"Effect '{effect}' no longer waits for a person: it is {status}.",
            "This answer changed nothing.",
            "answerable approval list",
        )


class CannotActNow(Refused):
    """A yes would be used up for nothing: what was held could not start."""

    code = "cannot_act_now"
    http_status = 409

    def __init__(self, effect: str, why: str, next_command: str) -> None:
        super().__init__(
            f"Effect '{effect}' could not act now: {why}.",
            "Your yes was not taken, and the effect waits as before.",
            next_command,
        )


class EffectNotUnknown(Refused):
    code = "effect_not_unknown"
    http_status = 409

    def __init__(self, effect: str, status: str) -> None:
        super().__init__(
            f"Effect '{effect}' is {status}; only an unknown one can be settled by a person.",
            "Nothing was changed.",
        )
