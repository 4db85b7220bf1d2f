"""A time as people type it is one instant, or it is refused."""

import pytest

from answerable.base.clock import HOUR_US, MINUTE_US, iso, read_time

NOW = 1_772_460_069_000_000


@pytest.mark.parametrize(
    ("typed", "at"),
    [
        ("2026-12-24T18:00", "2026-12-24T18:00:00Z"),
        ("2026-12-24T18:00:30Z", "2026-12-24T18:00:30Z"),
        ("2026-12-24T18:00+02:00", "2026-12-24T16:00:00Z"),
    ],
)
def test_a_time_without_an_offset_is_utc(typed: str, at: str) -> None:
    assert iso(read_time(typed, NOW)) == at


def test_a_day_alone_is_to_its_end() -> None:
    assert iso(read_time("2026-12-24", NOW)) == "2026-12-25T00:00:00Z"


def test_a_span_is_from_now() -> None:
    assert read_time("+8h", NOW) == NOW + 8 * HOUR_US
    assert read_time("+30m", NOW) == NOW + 30 * MINUTE_US
    assert read_time("+3d", NOW) == NOW + 72 * HOUR_US


@pytest.mark.parametrize("typed", ["", "tomorrow", "2026-13-24", "8h", "+8", "+-8h", "T", "18:00"])
def test_what_is_no_time_is_refused_in_words(typed: str) -> None:
    with pytest.raises(ValueError, match="is no time: say 2026-12-24, 2026-12-24T18:00"):
        read_time(typed, NOW)
