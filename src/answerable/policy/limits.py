"""Limits per amount and count, kept in memory: nothing can come between a check and its reserve.

A reservation counts from the moment it is made; it is given back only if its effect is known not
to have happened. What was used before we started is looked up once per key and day.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from answerable.base.errors import UsageError
from answerable.base.money import Money
from answerable.policy.domain import Counters


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a tool declares; None is no limit. Amounts are minor units of `currency`.

    A day is the UTC day of the decision, `2026-03-02`, wherever the customer lives. A limit on
    amounts refuses an effect without an amount, and one in another currency: either would be a way
    around it. Raises UsageError for a limit below zero, and where a limit on amounts has no
    currency or a currency no limit.
    """

    count_per_party_per_day: int | None = None
    count_per_day: int | None = None
    amount_minor_per_party_per_day: int | None = None
    amount_minor_per_day: int | None = None
    amount_minor_each: int | None = None
    currency: str | None = None

    def __post_init__(self) -> None:
        if any(most is not None and most < 0 for most in (*self.counts, *self.amounts)):
            raise UsageError("A limit is zero or more.")
        if self.is_on_amounts != (self.currency is not None):
            raise UsageError("A limit on amounts names its currency, and only such a one does.")

    @property
    def counts(self) -> tuple[int | None, int | None]:
        return self.count_per_party_per_day, self.count_per_day

    @property
    def amounts(self) -> tuple[int | None, int | None, int | None]:
        return (
            self.amount_minor_each,
            self.amount_minor_per_party_per_day,
            self.amount_minor_per_day,
        )

    @property
    def is_on_amounts(self) -> bool:
        return self.amounts != (None, None, None)

    @property
    def is_none(self) -> bool:
        return self.counts == (None, None) and not self.is_on_amounts


class Key(NamedTuple):
    """What is counted: `party` None is all parties, `currency` None is effects of any or none."""

    agent: str
    tool: str  # or the rail
    party: str | None
    currency: str | None


class Used(NamedTuple):
    effects: int = 0
    amount_minor: int = 0


class Ask(msgspec.Struct, frozen=True):
    """An effect that wants room."""

    agent: str
    tool: str
    party: str
    amount: Money | None = None
    is_new_party: bool = False  # then nothing is known of it, and nothing need be looked up
    keys: tuple[Key, ...] = ()
    """What it counts on: the party's effects, everybody's, and the same of its currency."""

    def __post_init__(self) -> None:
        agent, tool = self.agent, self.tool
        keys: tuple[Key, ...] = (
            Key(agent, tool, self.party, None), Key(agent, tool, None, None),
        )  # fmt: skip
        if self.amount is not None:
            currency = self.amount.currency
            keys += (Key(agent, tool, self.party, currency), Key(agent, tool, None, currency))
        msgspec.structs.force_setattr(self, "keys", keys)


class Reservation(msgspec.Struct, frozen=True):
    id: int
    ask: Ask
    day: str  # the day that it counts on


@dataclass(frozen=True, slots=True)
class LimitExceeded:
    """`rule` is the field of `Limit`, or `amount_missing`, `amount_negative`, `currency`."""

    rule: str
    most: int = 0
    would_be: int = 0


Lookup = Callable[[Key, str], Used]
_IDLE_MAX = 20_000  # keys, of some 300 bytes each


class Limits:
    """What is used today, reservations included; one per partition, touched by one task at a time.

    `used` reads what is already in the state rows, for a key and a day `2026-03-02`; it is called
    the first time that a key is touched on a day, and memory is the truth from there for as long as
    a reservation of the key is open. Then the rows say the same, and of such keys only the
    `idle_max` that were touched last are kept. A day never comes back: after the first touch of a
    new day an older one counts on the new one.
    """

    def __init__(self, used: Lookup, *, idle_max: int = _IDLE_MAX) -> None:
        self._lookup = used
        self._day = ""
        self._used: dict[Key, Used] = {}
        self._open: set[int] = set()
        self._open_of: dict[Key, int] = {}  # open reservations
        self._idle: OrderedDict[Key, None] = OrderedDict()  # known, and not reserved
        self._idle_max = idle_max
        self._last_id = 0
        self._told: tuple[Ask, Counters] | None = None  # as nothing has changed since

    def counters(self, ask: Ask, day: str) -> Counters:
        """What policy is told about today, before this effect."""
        self._turn_to(day)
        if self._told is not None and self._told[0] is ask:
            return self._told[1]
        if ask.is_new_party:
            self._begin(ask)
        used = [self._of(key) for key in ask.keys]
        counters = Counters(
            party_effects_today=used[0].effects,
            agent_effects_today=used[1].effects,
            party_amount_minor_today=used[2].amount_minor if ask.amount is not None else 0,
            agent_amount_minor_today=used[3].amount_minor if ask.amount is not None else 0,
        )
        self._told = ask, counters
        return counters

    def reserve(self, ask: Ask, day: str) -> Reservation:
        """Take room for an effect whose limits were just looked at. Not a coroutine, on purpose:
        nothing may come between that look and this."""
        self._turn_to(day)
        self._add(ask, 1)
        return self._opened(ask, self._day)

    def adopt(self, ask: Ask, day: str) -> Reservation:
        """The room of an effect that an earlier life reserved, so that it can be given back.

        Call it while the rows still count the effect: what is looked up here counts it, too.
        """
        self._turn_to(day)
        if day == self._day:
            self._add(ask, 0)
        return self._opened(ask, day)

    def release(self, reservation: Reservation) -> None:
        """Give the room back: the append failed or the effect did not happen. Once only."""
        if reservation.id in self._open:
            if reservation.day == self._day:
                self._add(reservation.ask, -1)
            self._close(reservation)

    def settle(self, reservation: Reservation) -> None:
        """The effect happened, or may have: it stays counted and can no longer be given back."""
        if reservation.id in self._open:
            self._close(reservation)

    def _opened(self, ask: Ask, day: str) -> Reservation:
        self._last_id += 1
        self._open.add(self._last_id)
        for key in ask.keys:
            self._open_of[key] = self._open_of.get(key, 0) + 1
            self._idle.pop(key, None)
        return Reservation(self._last_id, ask, day)

    def _close(self, reservation: Reservation) -> None:
        self._open.remove(reservation.id)
        for key in reservation.ask.keys:
            left = self._open_of.pop(key) - 1
            if left:
                self._open_of[key] = left
            else:
                self._rest(key)

    def _rest(self, key: Key) -> None:
        """Nothing of it is reserved: it may be forgotten, and read from the rows again."""
        if key in self._used:
            self._idle[key] = None
            self._idle.move_to_end(key)
        while len(self._idle) > self._idle_max:
            del self._used[self._idle.popitem(last=False)[0]]

    def _turn_to(self, day: str) -> None:
        if day > self._day:
            self._day = day
            self._used.clear()
            self._idle.clear()
            self._told = None

    def _of(self, key: Key) -> Used:
        known = self._used.get(key)
        if known is None:
            known = self._used[key] = self._lookup(key, self._day)
            if key not in self._open_of:
                self._rest(key)
        return known

    def _begin(self, ask: Ask) -> None:
        for key in ask.keys:
            if key.party is not None and key not in self._used:
                self._used[key] = Used()
                self._rest(key)

    def _add(self, ask: Ask, sign: int) -> None:
        self._told = None
        amount_minor = ask.amount.amount_minor if ask.amount else 0
        for key in ask.keys:
            used = self._of(key)
            added = amount_minor if key.currency else 0
            self._used[key] = Used(used.effects + sign, used.amount_minor + sign * added)


def exceeded(limit: Limit, amount: Money | None, now: Counters) -> LimitExceeded | None:
    """Which limit has no room for an effect of this amount, after what `now` counts. Pure."""
    wanted = 0 if amount is None else amount.amount_minor
    if wanted < 0:
        return LimitExceeded("amount_negative")
    if limit.is_none:
        return None
    if limit.is_on_amounts and amount is None:
        return LimitExceeded("amount_missing")
    if limit.currency and amount and amount.currency != limit.currency:
        return LimitExceeded("currency")
    after = {
        "amount_minor_each": (limit.amount_minor_each, wanted),
        "count_per_party_per_day": (limit.count_per_party_per_day, now.party_effects_today + 1),
        "count_per_day": (limit.count_per_day, now.agent_effects_today + 1),
        "amount_minor_per_party_per_day": (
            limit.amount_minor_per_party_per_day,
            now.party_amount_minor_today + wanted,
        ),
        "amount_minor_per_day": (
            limit.amount_minor_per_day,
            now.agent_amount_minor_today + wanted,
        ),
    }
    for rule, (most, would_be) in after.items():
        if most is not None and would_be > most:
            return LimitExceeded(rule, most, would_be)
    return None
