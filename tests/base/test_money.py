"""An amount is written as its currency writes it: ISO 4217 says with how many decimals."""

import pytest

from answerable import Money


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Money(4_000, "USD"), "40.00 USD"),
        (Money(5, "EUR"), "0.05 EUR"),
        (Money(-1_999, "EUR"), "-19.99 EUR"),
        (Money(-5, "EUR"), "-0.05 EUR"),
        (Money(4_000, "JPY"), "4000 JPY"),
        (Money(-7, "KRW"), "-7 KRW"),
        (Money(12_500, "CLP"), "12500 CLP"),
        (Money(990_000, "VND"), "990000 VND"),
        (Money(300, "ISK"), "300 ISK"),
        (Money(1_250, "KWD"), "1.250 KWD"),
        (Money(5, "BHD"), "0.005 BHD"),
        (Money(1_000_001, "TND"), "1000.001 TND"),
        (Money(2**53 - 1, "USD"), "90071992547409.91 USD"),
    ],
)
def test_money_is_written_with_the_decimals_of_its_currency(amount: Money, text: str) -> None:
    assert str(amount) == text


def test_money_names_a_currency_and_fits_into_a_record() -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, "usd")
    with pytest.raises(ValueError, match="more than a record can hold"):
        Money(2**53, "USD")
