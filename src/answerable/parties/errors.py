"""What can be wrong with forgetting a party."""

from answerable.base.clock import iso
from answerable.base.errors import Busy, NotFound, Refused
from answerable.parties.domain import Asked, LegalHold

NOTHING = "Nothing was erased."


class PartyUnknown(NotFound):
    code = "party_unknown"

    def __init__(self, party: str) -> None:
        super().__init__(
            f"No party '{party}' is in this home.", "Nothing was changed.", "answerable party list"
        )


class PartyErased(Refused):
    """It was erased before: nothing more can be said or done about it."""

    code = "party_erased"
    http_status = 410

    def __init__(self, party: str, index: int) -> None:
        self.index = index
        super().__init__(
            f"Party '{party}' was erased at index {index}.", "Nothing was changed.",
            f"answerable ledger prove {index}",
        )  # fmt: skip


class UnderLegalHold(Refused):
    code = "legal_hold"
    http_status = 409

    def __init__(self, hold: LegalHold) -> None:
        super().__init__(
            f"Party '{hold.party}' is under legal hold since index {hold.since}, by {hold.by}.",
            NOTHING,
            f"answerable party release-hold {hold.party} --by PERSON --reason REASON",
        )


class HeldAlready(Refused):
    code = "held_already"
    http_status = 409

    def __init__(self, hold: LegalHold) -> None:
        super().__init__(
            f"Party '{hold.party}' is under legal hold already, since index {hold.since}.",
            "Nothing was changed.", f"answerable party show {hold.party}",
        )  # fmt: skip


class NotHeld(Refused):
    code = "not_held"
    http_status = 409

    def __init__(self, party: str) -> None:
        super().__init__(
            f"Party '{party}' is not under legal hold.", "Nothing was changed.",
            f"answerable party show {party}",
        )  # fmt: skip


class AnotherMustAgree(Refused):
    """Who asked does not agree with themselves."""

    code = "another_must_agree"
    http_status = 409

    def __init__(self, asked: Asked) -> None:
        super().__init__(
            f"{asked.by} has asked for this already; somebody else must agree until "
            f"{iso(asked.expires_at)}, or it is a no.",
            NOTHING,
            f"answerable party erase {asked.party} --by ANOTHER --yes",
        )


class EffectsOpen(Refused):
    """Of an effect that may have happened nobody could say how it ended any more."""

    code = "effects_open"
    http_status = 409

    def __init__(self, party: str, effects: list[str]) -> None:
        super().__init__(
            f"Of {len(effects)} effects for party '{party}' it is not known whether they happened: "
            f"{', '.join(effects[:5])}.",
            NOTHING,
            f"answerable effect settle {effects[0]} --done --by PERSON",
        )


class StillAtWork(Busy):
    """Something is being done for the party at this moment."""

    code = "party_at_work"
    http_status = 409

    def __init__(self, party: str) -> None:
        super().__init__(
            f"Something that is being done for party '{party}' does not end.", NOTHING,
            retry_after_s=60.0,
        )  # fmt: skip
