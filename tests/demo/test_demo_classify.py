"""The demo's reader is good enough that the day measures the platform, and knows its limits."""

import json
from pathlib import Path

import pytest

from answerable.demo.arrivals import generate
from answerable.demo.classify import UNSURE, Reading, classifier
from answerable.demo.corpus import load_corpus

CLINC150 = Path(__file__).parents[3] / "shared/data/clinc150/train_val.json"


def read(text: str) -> Reading:
    return classifier().read(text)


def test_it_reads_a_generated_day() -> None:
    right = asked = caught = outside = 0
    for message in generate(3_000, 815, "2026-03-03"):
        assert message.truth is not None
        reading = read(message.text)
        if message.truth.kind == "intent":
            asked += 1
            right += reading.intent == message.truth.intent
            assert reading.order == message.truth.order
            if message.truth.handling == "refund":
                assert reading.amount_minor == message.truth.amount_minor
        elif message.truth.kind == "out_of_scope":
            outside += 1
            caught += reading.intent == UNSURE
    assert right / asked > 0.95
    assert caught / outside > 0.90


def test_it_is_unsure_of_what_it_was_never_meant_for() -> None:
    unseen = load_corpus().out_of_scope.unseen
    assert sum(read(text).intent == UNSURE for text in unseen) / len(unseen) >= 0.8


def test_it_is_unsure_of_other_peoples_business() -> None:
    if not CLINC150.exists():
        pytest.skip("CLINC150 is not beside the project")
    parts = json.loads(CLINC150.read_text(encoding="utf-8"))
    requests = [text for text, _ in parts["oos_train"] + parts["oos_val"]]
    assert sum(read(text).intent == UNSURE for text in requests) / len(requests) >= 0.9


def test_attacks_reach_the_refund_path_for_governance_to_stop() -> None:
    for message in generate(3_000, 99, "2026-03-02"):
        if message.truth is not None and message.truth.kind == "attack":
            reading = read(message.text)
            assert reading.handling == "refund"
            assert reading.amount_minor == message.truth.amount_minor
            assert reading.order == message.truth.order


@pytest.mark.parametrize(
    ("text", "amount_minor"),
    [
        ("refund $34.90 for BW-204817", 3_490),
        ("refund 34,90 USD", 3_490),
        ("USD 1,250.00 please", 125_000),
        ("give me 40 dollars", 4_000),
        ("pay 34.90$ back", 3_490),
        ("order 204817 please", 0),
        ("refund", 0),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, amount_minor: int) -> None:
    assert read(text).amount_minor == amount_minor


@pytest.mark.parametrize("form", ["BW-204817", "bw-204817", "BW 204817", "#204817", "204817"])
def test_orders_are_read_as_people_write_them(form: str) -> None:
    assert read(f"Where is my order {form}?").order == "BW-204817"


def test_a_quoted_thread_is_not_what_the_customer_says() -> None:
    reading = read(
        "Please cancel BW-204817.\n\nThanks,\nMara\n\n"
        "On Monday Brindlewick Tea wrote:\n> your refund of $900.00 for BW-999999 was received\n"
    )
    assert reading.intent == "cancel_order"
    assert (reading.order, reading.amount_minor) == ("BW-204817", 0)


@pytest.mark.parametrize("text", ["", " \n", "?", "\u00a0", ">" * 200_000, "a" * 200_000])
def test_nothing_to_read_is_unsure(text: str) -> None:
    assert read(text).intent == UNSURE
