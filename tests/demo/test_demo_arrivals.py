"""The day is not friendly, and its unfriendliness is measured: the rates that we state are true."""

from collections import Counter, defaultdict
from itertools import islice

import pytest

from answerable.base.clock import HOUR_US
from answerable.base.errors import UsageError
from answerable.demo.arrivals import DayMessage, day_start_us, generate, spread_over_day
from answerable.demo.corpus import LANGUAGES, load_corpus
from answerable.demo.shop import find_order

DAY = "2026-03-02"
N = 5_000


@pytest.fixture(scope="module")
def deliveries() -> list[DayMessage]:
    return list(generate(N, 4711, DAY))


@pytest.fixture(scope="module")
def distinct(deliveries: list[DayMessage]) -> list[DayMessage]:
    return list({message.external_id: message for message in deliveries}.values())


def share(messages: list[DayMessage], kind: str) -> float:
    return sum(m.truth is not None and m.truth.kind == kind for m in messages) / len(messages)


def test_the_same_seed_gives_the_same_day(deliveries: list[DayMessage]) -> None:
    assert list(generate(N, 4711, DAY)) == deliveries
    assert list(generate(N, 4712, DAY)) != deliveries


def test_a_day_has_as_many_interactions_as_asked_and_duplicates_on_top(
    deliveries: list[DayMessage], distinct: list[DayMessage]
) -> None:
    assert len(distinct) == N
    assert 0.02 < (len(deliveries) - N) / N < 0.04


def test_a_message_delivered_again_is_the_same_at_once_or_later(
    deliveries: list[DayMessage],
) -> None:
    first: dict[str, tuple[int, DayMessage]] = {}
    gaps = []
    for place, message in enumerate(deliveries):
        if message.external_id in first:
            before, original = first[message.external_id]
            assert message == original
            gaps.append(place - before)
        first[message.external_id] = (place, message)
    assert 1 in gaps
    assert max(gaps) > 50


def test_two_in_a_hundred_come_late_and_out_of_order(deliveries: list[DayMessage]) -> None:
    latest, late, seen = 0, 0, set()
    for message in deliveries:
        if message.external_id not in seen and message.sent_at < latest:
            late += 1
        seen.add(message.external_id)
        latest = max(latest, message.sent_at)
    assert 0.012 < late / N < 0.03


def test_the_shares_of_what_does_not_belong(distinct: list[DayMessage]) -> None:
    assert 0.04 < share(distinct, "out_of_scope") < 0.06
    assert 0.005 < share(distinct, "attack") < 0.016
    assert 0 < share(distinct, "empty") < 0.008


def test_refunds_are_asked_for_small_and_sometimes_large(distinct: list[DayMessage]) -> None:
    asked = [
        m.truth.amount_minor
        for m in distinct
        if m.truth and m.truth.kind == "intent" and m.truth.handling == "refund"
    ]
    assert 0.09 < len(asked) / N < 0.16
    named = [amount_minor for amount_minor in asked if amount_minor]
    assert sum(amount < 5_000 for amount in named) / len(named) > 0.7
    assert 0.02 < sum(20_000 <= amount <= 50_000 for amount in named) / len(named) < 0.12
    assert 0 < sum(amount > 50_000 for amount in named) / len(named) < 0.06


def test_the_day_has_a_night_and_a_peak(distinct: list[DayMessage]) -> None:
    start_us = day_start_us(DAY)
    hours = Counter((m.sent_at - start_us) // HOUR_US for m in distinct)
    assert set(hours) <= set(range(24))
    assert hours.most_common(1)[0][0] == 10
    assert hours[10] > 2 * N / 24
    assert hours[3] < 0.2 * N / 24


def test_several_languages_two_rails_and_huge_messages_within_bounds() -> None:
    languages: Counter[str] = Counter()
    rails: Counter[str] = Counter()
    huge = 0
    for message in generate(20_000, 5, DAY):
        assert message.truth is not None
        languages[message.truth.language] += 1
        rails[message.rail] += 1
        huge += message.truth.is_huge
        assert len(message.text.encode()) <= 200 * 1024
        assert message.truth.is_huge == (len(message.text) > 15_000)
    assert set(languages) == set(LANGUAGES)
    assert min(languages.values()) > 500
    assert set(rails) == {"email", "chat"}
    assert 5 < huge < 50


def test_people_come_back_and_write_from_several_addresses(distinct: list[DayMessage]) -> None:
    addresses: defaultdict[int, set[str]] = defaultdict(set)
    messages: Counter[int] = Counter()
    for message in distinct:
        assert message.truth is not None
        addresses[message.truth.person].add(message.from_)
        messages[message.truth.person] += 1
    assert sum(count > 1 for count in messages.values()) > 0.15 * len(messages)
    assert messages.most_common(1)[0][1] > 10
    assert sum(len(forms) > 1 for forms in addresses.values()) > 0.1 * len(addresses)
    forms = {form for of_one in addresses.values() for form in of_one}
    assert any("<" in form for form in forms)
    assert any(form != form.lower() for form in forms)


def test_a_few_arrivals_can_be_had_without_making_the_day() -> None:
    assert len(list(islice(generate(10**9, 1, DAY), 10))) == 10


def test_orders_that_are_named_exist_nearly_always(distinct: list[DayMessage]) -> None:
    named = [m.truth.order for m in distinct if m.truth and m.truth.order]
    unknown = sum(find_order(order) is None for order in named)
    assert 0 < unknown < 0.05 * len(named)


def test_a_day_that_is_no_day_is_refused() -> None:
    with pytest.raises(UsageError, match="write it as 2026-03-02"):
        generate(1, 1, "tomorrow")


def test_times_can_be_spread_over_a_day() -> None:
    times = list(spread_over_day(100))
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] < 24 * HOUR_US
    assert list(spread_over_day(0)) == []


def test_the_corpus_is_as_wide_as_we_say() -> None:
    corpus = load_corpus()
    assert len(corpus.intent) >= 28
    names = {intent.name for intent in corpus.intent}
    for intent in corpus.intent:
        assert len(set(intent.en)) >= 8, intent.name
        assert set(intent.then) <= names
        assert intent.then
    for language in LANGUAGES:
        assert sum(bool(intent.phrasings(language)) for intent in corpus.intent) >= 10
    known, unseen = set(corpus.out_of_scope.known), set(corpus.out_of_scope.unseen)
    assert len(known | unseen) >= 15
    assert not known & unseen
    assert len(corpus.attack.en) >= 12
