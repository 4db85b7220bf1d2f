"""Money in minor units: integers only, one currency, never a float."""

import re
from dataclasses import dataclass

_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_MINOR_MAX = 2**53 - 1  # the largest integer that canonical JSON keeps exact


@dataclass(frozen=True, slots=True)
class Money:
    """`Money(4_000, "USD")` is forty dollars."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if not _CURRENCY.match(self.currency):
            raise ValueError(f"{self.currency!r} is not an ISO 4217 code such as 'USD'")
        if abs(self.amount_minor) > _MINOR_MAX:
            raise ValueError(f"{self.amount_minor} minor units is more than a record can hold")

    def __str__(self) -> str:
        return f"{self.amount_minor / 100:.2f} {self.currency}"
