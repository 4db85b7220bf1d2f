"""Ids: a typed prefix and a time-ordered tail, `int_01m3k...`; kin share the tail.

What one interaction causes is named after it (`dec_<tail>-1`, `eff_<tail>-1`), so a turn that is
run again after a crash names its decisions and effects as it did before.
"""

from typing import Protocol

from answerable.base.chance import Chance
from answerable.base.clock import Clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_TIME_CHARS = 10
_CHANCE_CHARS = 12
_CHANCE_BYTES = 8


class Ids(Protocol):
    def new(self, prefix: str) -> str:
        """A fresh id `prefix_tail`; later ids sort after earlier ones, to the millisecond."""
        ...


class TimeOrderedIds:
    """48 bits of milliseconds, 60 bits of chance (the layout of a ULID, shortened)."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self._clock = clock
        self._chance = chance

    def new(self, prefix: str) -> str:
        milliseconds = self._clock.now() // 1000
        chance = int.from_bytes(self._chance.token(_CHANCE_BYTES), "big")
        return f"{prefix}_{_base32(milliseconds, _TIME_CHARS)}{_base32(chance, _CHANCE_CHARS)}"


def kin(prefix: str, of: str, ordinal: int | str) -> str:
    """The id of something that `of` caused: same tail, own prefix, its ordinal."""
    return f"{prefix}_{of.partition('_')[2]}-{ordinal}"


def is_older(id_: str, at_us: int) -> bool:
    """Whether an id was made before that time; False of one that does not say when it was made."""
    if not at_us:
        return False
    tail = id_.partition("_")[2].partition("-")[0]
    is_timed = len(tail) == _TIME_CHARS + _CHANCE_CHARS
    return is_timed and tail[:_TIME_CHARS] < _base32(at_us // 1000, _TIME_CHARS)


def made_at(id_: str) -> int:
    """When an id was made, microseconds UTC, to the millisecond; 0 where it does not say.

    Of kin it is the time of what caused them.
    """
    tail = id_.partition("_")[2].partition("-")[0]
    digits = [_ALPHABET.find(char) for char in tail[:_TIME_CHARS]]
    if len(tail) != _TIME_CHARS + _CHANCE_CHARS or min(digits) < 0:
        return 0
    milliseconds = 0
    for digit in digits:
        milliseconds = milliseconds << 5 | digit
    return milliseconds * 1000


_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]


def _base32(number: int, width: int) -> str:
    pairs = [_PAIRS[number >> shift & 1023] for shift in range(0, 5 * width, 10)]
    return "".join(reversed(pairs))[-width:]
