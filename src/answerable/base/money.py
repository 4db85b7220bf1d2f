"""Money in minor units: integers only, one currency, never a float."""

import re
from dataclasses import dataclass

_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_MINOR_MAX = 2**53 - 1  # the largest integer that canonical JSON keeps exact

_DIGITS_OTHER_THAN_2 = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DIGITS = {code: digits for digits, all_ in _DIGITS_OTHER_THAN_2.items() for code in all_.split()}


def minor_digits(currency: str) -> int:
    """How many decimals the minor unit of a currency has (ISO 4217 list one, "minor unit")."""
    return _DIGITS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """`Money(4_000, "USD")` is forty dollars, `Money(4_000, "JPY")` is four thousand yen."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if not _CURRENCY.match(self.currency):
            raise ValueError(f"{self.currency!r} is not an ISO 4217 code such as 'USD'")
        if abs(self.amount_minor) > _MINOR_MAX:
            raise ValueError(f"{self.amount_minor} minor units is more than a record can hold")

    def __str__(self) -> str:
        digits = minor_digits(self.currency)
        whole, part = divmod(abs(self.amount_minor), 10**digits)
        decimals = f".{part:0{digits}}" if digits else ""
        return f"{'-' if self.amount_minor < 0 else ''}{whole}{decimals} {self.currency}"
