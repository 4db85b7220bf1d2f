"""What callers wait for: one unit each, written wholly or not at all."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from answerable.engine.port import Accepted, Arrival, Cursor, Fence, Record


@dataclass(slots=True, eq=False)
class Accept:
    """One caller's arrivals."""

    arrivals: Sequence[Arrival]
    waiter: asyncio.Future[list[Accepted]]
    result: list[Accepted] = field(default_factory=list)
    error: Exception | None = None

    @property
    def weight(self) -> int:
        return len(self.arrivals)

    def fresh(self) -> list[Arrival]:
        """Those that were not accepted before."""
        pairs = zip(self.arrivals, self.result, strict=True)
        return [arrival for arrival, accepted in pairs if accepted.is_new]

    def resolve(self) -> None:
        self.waiter.set_result(self.result)


@dataclass(slots=True, eq=False)
class Append:
    """One caller's records and finished arrivals."""

    fence: Fence
    records: Sequence[Record]
    done: Sequence[str]
    waiter: asyncio.Future[list[Cursor]]
    result: list[Cursor] = field(default_factory=list)
    error: Exception | None = None

    @property
    def weight(self) -> int:
        return len(self.records) + len(self.done)

    def resolve(self) -> None:
        self.waiter.set_result(self.result)


@dataclass(frozen=True, slots=True)
class Taken:
    """The partition under a new epoch, and what is to be done in it."""

    fence: Fence
    undone: Sequence[Arrival] = ()


@dataclass(slots=True, eq=False)
class Take:
    """One caller takes the partition; a batch of its own."""

    weight: ClassVar[int] = 0

    worker: str
    waiter: asyncio.Future[Taken]
    result: Taken = Taken(Fence(0, 0))
    error: Exception | None = None

    def resolve(self) -> None:
        self.waiter.set_result(self.result)


@dataclass(slots=True, eq=False)
class Drop:
    """One caller's bodies to forget: those of these kinds' records at (after, upto]."""

    fence: Fence
    after: Cursor
    upto: Cursor
    kinds: Collection[str]
    waiter: asyncio.Future[int]
    result: int = 0
    error: Exception | None = None

    @property
    def weight(self) -> int:
        return self.upto - self.after

    def resolve(self) -> None:
        self.waiter.set_result(self.result)


Unit = Accept | Append | Take | Drop
