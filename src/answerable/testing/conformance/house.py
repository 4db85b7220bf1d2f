"""Where the kit's stories happen: a place, the engine that is open on it now, a clock by hand."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

from answerable.base.clock import Clock, ManualClock
from answerable.engine.port import Arrival, Claim, Engine, Fence, Record

_PATIENCE_S = 60.0  # an engine that hands nothing out fails its promise instead of hanging


class Place(Protocol):
    """Somewhere that keeps things between one engine and the next: a folder, a server's stream."""

    @property
    def opener(self) -> str:
        """`module:function` that opens an engine from `where` in another process (an awaitable)."""
        ...

    @property
    def where(self) -> str: ...

    async def open(self, clock: Clock) -> Engine: ...

    async def close(self, engine: Engine) -> None:
        """In good order."""
        ...

    async def crash(self, engine: Engine) -> None:
        """As a SIGKILL would: nothing is finished, nothing is told."""
        ...


MakePlace = Callable[[], Place]
"""A fresh, empty place at each call."""

Promise = Callable[[MakePlace], None]


class House:
    """One place, its current engine, and the worker that claims from it."""

    def __init__(self, make_place: MakePlace) -> None:
        self._make_place = make_place
        self.place = make_place()
        self.clock = ManualClock()
        self._engine: Engine | None = None
        self._claims: AsyncIterator[Claim] | None = None

    @property
    def engine(self) -> Engine:
        assert self._engine is not None
        return self._engine

    def another(self) -> "House":
        """A house of its own, at a fresh place, not open yet."""
        return House(self._make_place)

    async def open(self) -> None:
        self._engine = await self.place.open(self.clock)

    async def crash(self) -> None:
        await self.give_up()
        if self._engine is not None:
            engine, self._engine = self._engine, None
            await self.place.crash(engine)

    async def crash_and_reopen(self) -> None:
        await self.crash()
        await self.open()

    async def close_and_reopen(self) -> None:
        await self.give_up()
        await self.place.close(self.engine)
        await self.open()

    async def accept(self, *arrivals: Arrival) -> list[bool]:
        """Which of them were new."""
        return [accepted.is_new for accepted in await self.engine.accept(arrivals)]

    async def next_claim(self, n: int = 1_000) -> Claim:
        if self._claims is None:
            self._claims = self.engine.claim("kit", n)
        return await anext(self._claims)

    async def give_up(self) -> None:
        """Close the claim; the next `next_claim` takes the partition again."""
        claims, self._claims = self._claims, None
        await close(claims)

    async def finish(self, claim: Claim, *records: Record) -> None:
        await self.engine.append(claim.fence, records, [one.id for one in claim.arrivals])

    async def fence(self) -> Fence:
        """A valid fence, taken by a claim that is then closed."""
        await self.accept(message("for-the-fence", inbox="for-the-fence"))
        claim = await self.next_claim()
        return claim.fence

    async def feed(self, after: int = 0, kinds: Sequence[str] | None = None) -> list[Record]:
        return [record async for record in self.engine.read(after, kinds)]


def promise(story: Callable[[House], Awaitable[None]]) -> Promise:
    """Make a story a plain function: a house is opened for it and left as by a crash."""

    @functools.wraps(story)
    def run(make_place: MakePlace) -> None:
        tell(make_place, story)

    return run


def tell(make_place: MakePlace, story: Callable[[House], Awaitable[None]]) -> None:
    """Run a story in a house of its own."""

    async def told() -> None:
        house = House(make_place)
        await house.open()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await story(house)
        finally:
            await house.crash()

    asyncio.run(told())


async def close(claims: AsyncIterator[Claim] | None) -> None:
    """Close a claim's iterator, if its kind can be closed."""
    aclose = getattr(claims, "aclose", None)
    if aclose is not None:
        await aclose()


def message(name: str, *, inbox: str = "cas_1", data: bytes = b"hello") -> Arrival:
    return Arrival(name, inbox, "message", data)


def timer(name: str, at_us: int, *, inbox: str = "cas_1") -> Arrival:
    return Arrival(name, inbox, "timer", b"ring", not_before_us=at_us)


def record(key: str, *, arrival: str | None = None, data: bytes = b"truth") -> Record:
    return Record(key, "decided", data, b"sealed", arrival)


def names(records: Sequence[Record]) -> list[str]:
    return [one.key for one in records]
