"""What can be wrong at the desk."""

from answerable.base.errors import NotFound, Refused


class CaseNotFound(NotFound):
    code = "case_not_found"

    def __init__(self, case: str) -> None:
        super().__init__(
            f"No case '{case}' is in this home.", "Nothing was changed.", "answerable desk list"
        )


class CaseEnded(Refused):
    """Its party was erased."""

    code = "case_ended"
    http_status = 410

    def __init__(self, case: str, index: int) -> None:
        super().__init__(
            f"Case '{case}' ended at index {index}: its party was erased.",
            "Nothing was changed.", "answerable desk list",
        )  # fmt: skip


class NotYours(Refused):
    code = "case_not_yours"
    http_status = 409

    def __init__(self, case: str, holder: str) -> None:
        super().__init__(
            f"Case '{case}' is held by {holder}.",
            "Nothing was sent and nothing changed hands.",
            f"answerable desk take {case}",
        )
