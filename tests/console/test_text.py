"""What strangers wrote is shown as it is, and does nothing."""

import pytest

from answerable.console.text import at, ident, limit, said, short, told, took, until, when


def test_markup_of_a_stranger_is_text() -> None:
    shown = said("<script>alert(\"hi\")</script><img src=x onerror=alert(1)> & 'quotes'")
    assert "<script" not in shown
    assert "<img" not in shown
    assert shown.startswith("<bdi>&lt;script&gt;")


@pytest.mark.parametrize(
    "hidden", ["\u202e", "\u2066", "\u200b", "\u200f", "\ufeff", "\x00", "\x1b", "\x85", "\u2028",
               "\U000e0041", "\u00ad", "\ue000"],
)  # fmt: skip
def test_a_character_that_hides_or_turns_text_is_shown_by_its_number(hidden: str) -> None:
    shown = said(f"pay {hidden}50")
    assert hidden not in shown
    assert f"U+{ord(hidden):04X}" in shown


def test_lines_tabs_and_the_joiners_of_scripts_and_emoji_stay() -> None:
    text = "one\ntwo\tthree \u0645\u06cc\u200c\u062e\u0648\u0627 \U0001f469\u200d\U0001f52c"
    assert str(said(text)) == f"<bdi>{text}</bdi>"
    assert str(said("a\r\nb")) == "<bdi>a\nb</bdi>"
    assert "U+000D" in said("a\rb"), "a bare return writes over what stands before it"


def test_the_end_of_an_id_tells_it_from_its_neighbours() -> None:
    assert short("int_01mdq4k7zv8h3n5x2ycw7q2vx9") == "int_…7q2vx9"
    assert short("dec_01mdq4k7zv8h3n5x2ycw7q2vx9-2") == "dec_…7q2vx9-2"
    assert short("support") == "support"
    assert 'title="cas_01mdq4k7zv8h3n5x2ycw7q2vx9"' in ident("cas_01mdq4k7zv8h3n5x2ycw7q2vx9")


def test_an_id_leads_to_its_page_and_what_is_none_leads_nowhere() -> None:
    assert at("cas_1") == "/cases/cas_1"
    assert at('cas_1/../"x') == "/cases/cas_1%2F..%2F%22x"
    assert at("javascript:alert(1)") == ""
    assert "<a" not in ident("eff_1")


def test_times_keep_the_machines_form_beside_the_persons() -> None:
    assert when("2026-03-02T14:01:09Z") == (
        '<time datetime="2026-03-02T14:01:09Z"><span class="day">2026-03-02</span> 14:01:09</time>'
    )
    assert "2026-03-02 14:01:09" in until("2026-03-02T14:01:09Z")
    assert when('"><b>') == "&#34;&gt;&lt;b&gt;"


def test_a_duration_that_was_not_measured_is_no_zero() -> None:
    assert [took(-1), took(340), took(12_400), took(2_500_000)] == [
        "not measured", "340 µs", "12.4 ms", "2.5 s",
    ]  # fmt: skip


def test_a_sentence_of_ours_links_its_ids_and_quotes_others_as_they_are() -> None:
    case = "cas_01mdq4k7zv8h3n5x2ycw7q2vx9-0"
    shown = told(f"case {case} was opened: '<b>\u202e'")
    assert f'<a class="id" href="/cases/{case}" title="{case}">cas_…7q2vx9-0</a>' in shown
    assert "&lt;b&gt;" in shown
    assert "U+202E" in shown


def test_a_limit_is_read_in_money_not_in_minor_units() -> None:
    assert limit("amount_minor_per_day 50000000 USD") == "amount per day 500000.00 USD"
    assert limit("count_per_party_per_day 3") == "count per party per day 3"
    assert "<time" in told("at 2026-03-02T14:01:09Z it was done")
