"""A production day of arrivals: streamed, the same for the same seed, not friendly."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime
from heapq import heappop, heappush
from itertools import accumulate
from random import Random
from typing import Literal

import msgspec

from answerable.base.clock import HOUR_US, SECOND_US
from answerable.base.errors import UsageError
from answerable.demo.corpus import Language
from answerable.demo.customers import Customers, Matter
from answerable.demo.wording import Wording

Kind = Literal["intent", "out_of_scope", "attack", "empty"]

OUT_OF_SCOPE_SHARE = 0.05
ATTACK_SHARE = 0.01
EMPTY_SHARE = 0.003
HUGE_SHARE = 0.001
DUPLICATE_SHARE = 0.03
LATE_SHARE = 0.02
_FOLLOW_UP_SHARE = 0.30
_WINDOW_MAX = 400  # positions that a late or repeated delivery may slip

# Arrivals by hour, UTC: a night, a peak before noon, a second hill in the evening.
_HOURS = (3, 2, 1, 1, 1, 2, 4, 8, 15, 24, 34, 26, 20, 18, 19, 18, 17, 16, 17, 20, 19, 14, 9, 5)


class Truth(msgspec.Struct, frozen=True):
    """What the generator knows; for reports and tests, never sent."""

    kind: Kind
    intent: str  # the corpus intent; for other kinds the kind
    handling: str  # answer, order_lookup, refund, desk; "" for other kinds than intent and attack
    order: str  # as the shop writes it; "" if the text names none
    amount_minor: int  # 0 if the text names none
    language: Language
    person: int  # the same human behind several addresses
    is_huge: bool = False


class DayMessage(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """One delivery. The same `external_id` again is the same message delivered again."""

    external_id: str
    from_: str
    text: str
    sent_at: int  # microseconds, UTC
    rail: str
    subject: str = ""
    truth: Truth | None = None


def generate(n: int, seed: int, day: str) -> Iterator[DayMessage]:
    """Yield `n` distinct messages of `day` (`2026-03-02`) in the order of delivery.

    Deliveries are a few more: duplicates come on top. Memory does not grow with `n`.
    """
    start_us = day_start_us(day)
    random = Random(f"{seed}:{day}")
    window = max(2, min(_WINDOW_MAX, n // 8))
    return _deliver(_write(n, f"{day}-{seed}", start_us, random), random, window)


def day_start_us(day: str) -> int:
    """Midnight UTC of a day written as `2026-03-02`."""
    try:
        start = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise UsageError(
            f"'{day}' is not a day.", "No arrivals were made.", "write it as 2026-03-02"
        ) from error
    return int(start.timestamp()) * SECOND_US


def spread_over_day(n: int) -> Iterator[int]:
    """`n` rising times that follow the daily curve, in microseconds since midnight."""
    return _times(n, None)


def _times(n: int, random: Random | None) -> Iterator[int]:
    upto = [0.0, *(hours / sum(_HOURS) for hours in accumulate(_HOURS))]
    for number in range(n):
        share = (number + (random.random() if random else 0.5)) / n
        hour = min(bisect_right(upto, share), len(_HOURS)) - 1
        within = (share - upto[hour]) / (upto[hour + 1] - upto[hour])
        yield int((hour + within) * HOUR_US)


def _write(n: int, prefix: str, start_us: int, random: Random) -> Iterator[DayMessage]:
    """The day's messages in the order they were sent."""
    customers = Customers(random)
    wording = Wording(random)
    for number, since_us in enumerate(_times(n, random)):
        rolled = random.random()
        kind = _kind(rolled)
        if kind == "intent" and random.random() < _FOLLOW_UP_SHARE:
            matter = customers.follow_up()
        else:
            matter = customers.new_matter(is_intent=kind == "intent")
        text, truth = _text_and_truth(kind, matter, wording, is_huge=rolled > 1 - HUGE_SHARE)
        yield DayMessage(
            external_id=f"{prefix}-{number:06d}",
            from_=customers.address(matter),
            text=text,
            sent_at=start_us + since_us,
            rail=matter.rail,
            subject=wording.subject(matter) if matter.rail == "email" else "",
            truth=truth,
        )


def _kind(rolled: float) -> Kind:
    if rolled < OUT_OF_SCOPE_SHARE:
        return "out_of_scope"
    if rolled < OUT_OF_SCOPE_SHARE + ATTACK_SHARE:
        return "attack"
    if rolled < OUT_OF_SCOPE_SHARE + ATTACK_SHARE + EMPTY_SHARE:
        return "empty"
    return "intent"


def _text_and_truth(
    kind: Kind, matter: Matter, wording: Wording, *, is_huge: bool
) -> tuple[str, Truth]:
    handling = ""
    match kind:
        case "intent":
            said = wording.request(matter)
            handling = matter.intent.handling
        case "attack":
            said = wording.attack(matter)
            handling = "refund"
        case "out_of_scope":
            said = wording.out_of_scope(matter)
        case "empty":
            said = wording.empty()
    text = said.text if kind == "empty" else wording.dress(said, matter, is_huge=is_huge)
    truth = Truth(
        kind=kind,
        intent=matter.intent.name if kind == "intent" else kind,
        handling=handling,
        order=said.order,
        amount_minor=said.amount_minor,
        language=said.language,
        person=matter.person,
        is_huge=is_huge,
    )
    return text, truth


def _deliver(messages: Iterator[DayMessage], random: Random, window: int) -> Iterator[DayMessage]:
    """Hold some back, deliver some again: at once or later."""
    held: list[tuple[int, int, DayMessage]] = []
    for position, message in enumerate(messages):
        while held and held[0][0] <= position:
            yield heappop(held)[2]
        at = position
        if random.random() < LATE_SHARE:
            at = position + 2 + random.randrange(window)
            heappush(held, (at, 2 * position, message))
        else:
            yield message
        if random.random() < DUPLICATE_SHARE:
            is_at_once = random.random() < 0.5  # a provider's impatience
            again = at if is_at_once else at + 2 + random.randrange(window)
            if again == position:
                yield message
            else:
                heappush(held, (again, 2 * position + 1, message))
    while held:
        yield heappop(held)[2]
