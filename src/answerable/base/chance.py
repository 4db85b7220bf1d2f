"""Chance is an argument: the machine's for keys, a seeded one for tests and simulation."""

import random
import secrets
from typing import Protocol


class Chance(Protocol):
    def token(self, size: int) -> bytes:
        """`size` unpredictable bytes."""
        ...

    def uniform(self) -> float:
        """A number in [0, 1)."""
        ...


class SystemChance:
    """The machine's entropy: the only source of keys in production."""

    def token(self, size: int) -> bytes:
        return secrets.token_bytes(size)  # noqa: TID251 - the one place that may ask the machine

    def uniform(self) -> float:
        return secrets.randbelow(1 << 53) / (1 << 53)  # noqa: TID251 - the one place that may ask the machine


class SeededChance:
    """Repeatable chance: the same seed gives the same bytes. Never for keys of real data."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def token(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def uniform(self) -> float:
        return self._random.random()
