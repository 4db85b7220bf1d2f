"""Room under the limits: kept while an effect may happen, given back when it surely did not."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from answerable.base.money import Money
from answerable.effects.domain import EffectState, counted_as
from answerable.pipeline.hall import Hall
from answerable.policy.limits import Ask, Reservation

_KEPT_MAX = 50_000


@contextmanager
def giving_back(hall: Hall, states: Sequence[EffectState]) -> Iterator[None]:
    """Around the write that says these effects were not done: once durable, their room is free.

    What an earlier life reserved is adopted before the write, as the rows still count it.
    """
    mine = {state.id: _reservation(hall, state) for state in states}
    yield
    for effect, reservation in mine.items():
        hall.reservations.pop(effect, None)
        hall.limits.release(reservation)


def keep(hall: Hall, effect: str) -> None:
    """An effect was done: its room is used."""
    reservation = hall.reservations.pop(effect, None)
    if reservation is not None:
        hall.limits.settle(reservation)


def remember(hall: Hall, effect: str, reservation: Reservation) -> None:
    """An effect was decided: its room may still come back."""
    hall.reservations[effect] = reservation
    while len(hall.reservations) > _KEPT_MAX:
        _, oldest = hall.reservations.popitem(last=False)
        hall.limits.settle(oldest)


def _reservation(hall: Hall, state: EffectState) -> Reservation:
    known = hall.reservations.get(state.id)
    if known is not None:
        return known
    amount = Money(state.amount_minor, state.currency) if state.currency else None
    what = counted_as(state.kind, state.name)
    return hall.limits.adopt(Ask(state.agent, what, state.party, amount), state.day)
