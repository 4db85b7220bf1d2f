"""A limit holds under any order of reserving, giving back and settling."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from answerable.base.errors import UsageError
from answerable.base.money import Money
from answerable.policy.domain import Counters
from answerable.policy.limits import (
    Ask,
    Key,
    Limit,
    LimitExceeded,
    Limits,
    Reservation,
    Used,
    exceeded,
)

DAY = "2026-03-02"


def nothing(key: Key, day: str) -> Used:
    return Used()


def ask(usd_minor: int | None = None, party: str = "pty_1", currency: str = "USD") -> Ask:
    amount = None if usd_minor is None else Money(usd_minor, currency)
    return Ask(agent="support", tool="refund", party=party, amount=amount)


def take(limits: Limits, limit: Limit, ask: Ask, day: str) -> Reservation | LimitExceeded:
    """As the hallway does it: look, and reserve, with nothing in between."""
    full = exceeded(limit, ask.amount, limits.counters(ask, day))
    return limits.reserve(ask, day) if full is None else full


@pytest.mark.parametrize(
    ("limit", "first", "second", "rule_"),
    [
        (Limit(count_per_party_per_day=1), ask(), ask(), "count_per_party_per_day"),
        (Limit(count_per_day=1), ask(), ask(party="pty_2"), "count_per_day"),
        (
            Limit(amount_minor_per_party_per_day=100, currency="USD"),
            ask(60),
            ask(41),
            "amount_minor_per_party_per_day",
        ),
        (
            Limit(amount_minor_per_day=100, currency="USD"),
            ask(60),
            ask(41, party="pty_2"),
            "amount_minor_per_day",
        ),
        (Limit(amount_minor_each=100, currency="USD"), ask(100), ask(101), "amount_minor_each"),
        (Limit(amount_minor_each=100, currency="USD"), ask(1), ask(), "amount_missing"),
        (Limit(amount_minor_each=100, currency="USD"), ask(1), ask(1, currency="JPY"), "currency"),
        (Limit(), ask(1), ask(-1), "amount_negative"),
    ],
)
def test_the_limit_that_has_no_room_is_named(
    limit: Limit, first: Ask, second: Ask, rule_: str
) -> None:
    limits = Limits(nothing)
    reserved = take(limits, limit, first, DAY)
    assert isinstance(reserved, Reservation)
    refused = take(limits, limit, second, DAY)
    assert isinstance(refused, LimitExceeded)
    assert refused.rule == rule_


def test_what_is_given_back_can_be_taken_once_again_and_only_once() -> None:
    limits, limit = Limits(nothing), Limit(count_per_day=1)
    first = take(limits, limit, ask(), DAY)
    assert isinstance(first, Reservation)
    limits.release(first)
    limits.release(first)
    second = take(limits, limit, ask(), DAY)
    assert isinstance(second, Reservation)
    limits.settle(second)
    limits.release(second)
    assert limits.counters(ask(), DAY).agent_effects_today == 1


def test_what_was_used_before_we_started_is_looked_up_once_a_day() -> None:
    asked: list[tuple[Key, str]] = []

    def used(key: Key, day: str) -> Used:
        asked.append((key, day))
        return Used(2, 500) if key.party and key.currency else Used(2, 0)

    limits, limit = Limits(used), Limit(count_per_party_per_day=3)
    assert isinstance(take(limits, limit, ask(10), DAY), Reservation)
    assert isinstance(take(limits, limit, ask(10), DAY), LimitExceeded)
    assert limits.counters(ask(10), DAY) == Counters(
        party_effects_today=3,
        party_amount_minor_today=510,
        agent_effects_today=3,
        agent_amount_minor_today=10,
    )
    assert len(asked) == len(set(asked)) == 4


def test_a_new_day_starts_empty_and_yesterday_never_comes_back() -> None:
    limits, limit = Limits(nothing), Limit(count_per_day=1)
    old = take(limits, limit, ask(), DAY)
    assert isinstance(old, Reservation)
    new = take(limits, limit, ask(), "2026-03-03")
    assert isinstance(new, Reservation)
    limits.release(old)
    assert limits.counters(ask(), "2026-03-03").agent_effects_today == 1
    assert isinstance(take(limits, limit, ask(), DAY), LimitExceeded)
    assert len(limits._used) == 2


def test_each_currency_is_counted_for_itself() -> None:
    limits = Limits(nothing)
    take(limits, Limit(), ask(100), DAY)
    take(limits, Limit(), ask(7, currency="JPY"), DAY)
    assert limits.counters(ask(1), DAY).party_amount_minor_today == 100
    assert limits.counters(ask(1, currency="JPY"), DAY).party_amount_minor_today == 7
    assert limits.counters(ask(), DAY).party_effects_today == 2


def test_a_limit_on_amounts_names_its_currency() -> None:
    with pytest.raises(UsageError):
        Limit(amount_minor_each=1)
    with pytest.raises(UsageError):
        Limit(currency="USD")
    with pytest.raises(UsageError):
        Limit(count_per_day=-1)


LIMIT = Limit(
    count_per_party_per_day=3,
    count_per_day=5,
    amount_minor_per_party_per_day=200,
    amount_minor_per_day=300,
    amount_minor_each=120,
    currency="USD",
)
SEED = {"pty_1": (1, 50), "pty_2": (0, 0)}


class LimitsAgainstAModel(RuleBasedStateMachine):
    """The model keeps a plain list of what counts today and adds it up each time."""

    def __init__(self) -> None:
        super().__init__()
        self.day = 0
        self.limits = Limits(self.used)
        self.open: list[Reservation] = []
        self.counted: list[Reservation] = []

    def used(self, key: Key, day: str) -> Used:
        if day != self.name(0):
            return Used()
        seeds = [seed for party, seed in SEED.items() if key.party in (party, None)]
        amount = sum(seed[1] for seed in seeds) if key.currency else 0
        return Used(sum(seed[0] for seed in seeds), amount)

    def name(self, day: int) -> str:
        return f"2026-03-{day + 1:02d}"

    def total(self, party: str | None) -> tuple[int, int]:
        seeds = [seed for name, seed in SEED.items() if party in (name, None) and not self.day]
        today = [
            one
            for one in self.counted
            if one.day == self.name(self.day) and party in (one.ask.party, None)
        ]
        amounts = [one.ask.amount.amount_minor for one in today if one.ask.amount]
        return (
            len(today) + sum(seed[0] for seed in seeds),
            sum(amounts) + sum(seed[1] for seed in seeds),
        )

    @rule(party=st.sampled_from(sorted(SEED)), minor=st.integers(0, 130))
    def reserve(self, party: str, minor: int) -> None:
        (count, amount), (all_count, all_amount) = self.total(party), self.total(None)
        has_room = (
            minor <= 120
            and count < 3
            and all_count < 5
            and amount + minor <= 200
            and all_amount + minor <= 300
        )
        found = take(self.limits, LIMIT, ask(minor, party), self.name(self.day))
        assert isinstance(found, Reservation) == has_room
        if isinstance(found, Reservation):
            self.open.append(found)
            self.counted.append(found)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.open))
        self.open.remove(one)
        self.counted.remove(one)
        self.limits.release(one)
        self.limits.release(one)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.open))
        self.open.remove(one)
        self.limits.settle(one)
        self.limits.release(one)

    @precondition(lambda self: self.day < 5)
    @rule()
    def turn_the_day(self) -> None:
        self.day += 1

    @invariant()
    def no_limit_is_exceeded_and_the_counters_agree(self) -> None:
        day = self.name(self.day)
        for party in SEED:
            count, amount = self.total(party)
            assert count <= 3
            assert amount <= 200
            found = self.limits.counters(ask(0, party), day)
            assert (found.party_effects_today, found.party_amount_minor_today) == (count, amount)
            everyone = (found.agent_effects_today, found.agent_amount_minor_today)
            assert everyone == self.total(None)
        assert self.total(None)[0] <= 5
        assert self.total(None)[1] <= 300


LimitsAgainstAModel.TestCase.settings = settings(max_examples=60, deadline=None)
TestLimitsAgainstAModel = LimitsAgainstAModel.TestCase


def test_of_parties_with_nothing_open_only_the_last_are_kept_and_none_is_counted_anew() -> None:
    rows: dict[Key, int] = {}
    limits = Limits(lambda key, _day: Used(rows.get(key, 0)), idle_max=10)
    limit = Limit(count_per_party_per_day=2)
    parties = [f"pty_{number}" for number in range(500)]
    held = take(limits, limit, ask(party="pty_held"), DAY)
    assert isinstance(held, Reservation)
    for _ in range(2):
        for party in parties:
            reserved = take(limits, limit, ask(party=party), DAY)
            assert isinstance(reserved, Reservation)
            for name in (party, None):  # its decision is durable: the rows count it
                key = Key("support", "refund", name, None)
                rows[key] = rows.get(key, 0) + 1
            limits.settle(reserved)
    assert len(limits._used) <= 10 + 2, "what is open, and the last ten"
    for party in parties:
        assert isinstance(take(limits, limit, ask(party=party), DAY), LimitExceeded)
    again = take(limits, limit, ask(party="pty_held"), DAY)
    assert isinstance(again, Reservation), "what is held is counted once, though no row says so"
    assert isinstance(take(limits, limit, ask(party="pty_held"), DAY), LimitExceeded)
