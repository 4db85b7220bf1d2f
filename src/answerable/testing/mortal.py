"""Death at a chosen moment: every port call, every fault point, every touch of the outside."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

from answerable.base import faults
from answerable.compose.house import open_house
from answerable.engine.port import Accepted, Arrival, Claim, Cursor, Engine, Fence, Kept, Record
from answerable.testing.conformance.dying import Died
from answerable.testing.world import Life, Till, World

NEVER = 1_000_000_000

Story = Callable[[Life], Awaitable[None]]
"""What happens from outside; told again in each life, so each of its verbs may be repeated."""


class Mortal:
    """Counts the moments of a life and ends it at the `die_at`-th; after it every moment is death.

    `trail` names the moments that were; its length, of a life that does not die, is how many
    there are to die at.
    """

    def __init__(self, die_at: int = NEVER) -> None:
        self._die_at = die_at
        self.trail: list[str] = []
        self.died = asyncio.Event()

    def die_in(self, moments: int) -> None:
        """The `moments`-th from now is the last one."""
        self._die_at = len(self.trail) + moments

    def moment(self, name: str) -> None:
        """Go on, or die here. Raises Died."""
        self.trail.append(name)
        if len(self.trail) == self._die_at:
            self.died.set()
        if self.died.is_set():
            raise Died

    async def fault(self, name: str) -> None:
        self.moment(name)

    def at(self, name: str) -> Callable[[str], Awaitable[None]]:
        async def reached(_key: str) -> None:
            self.moment(name)

        return reached


class MortalEngine:
    """An engine whose calls each have a moment before and one after."""

    def __init__(self, engine: Engine, mortal: Mortal) -> None:
        self._engine = engine
        self._mortal = mortal

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Accepted]:
        self._mortal.moment("before accept")
        result = await self._engine.accept(arrivals)
        self._mortal.moment("after accept")
        return result

    async def claim(self, worker: str, n: int) -> AsyncIterator[Claim]:
        async for claim in self._engine.claim(worker, n):
            self._mortal.moment("after claim")
            yield claim

    async def append(
        self, fence: Fence, records: Sequence[Record], done: Sequence[str] = ()
    ) -> list[Cursor]:
        self._mortal.moment("before append")
        result = await self._engine.append(fence, records, done)
        self._mortal.moment("after append")
        return result

    async def renew(self, fence: Fence) -> None:
        self._mortal.moment("before renew")
        await self._engine.renew(fence)

    async def read(
        self, after: Cursor, kinds: Collection[str] | None = None
    ) -> AsyncIterator[Record]:
        self._mortal.moment("before read")
        async for record in self._engine.read(after, kinds):
            yield record

    async def find(self, arrival_id: str) -> Kept | None:
        self._mortal.moment("before find")
        return await self._engine.find(arrival_id)

    async def drop(self, fence: Fence, after: Cursor, upto: Cursor, kinds: Collection[str]) -> int:
        self._mortal.moment("before drop")
        dropped = await self._engine.drop(fence, after, upto, kinds)
        self._mortal.moment("after drop")
        return dropped

    async def waiting(self, kind: str) -> AsyncIterator[Arrival]:
        self._mortal.moment("before waiting")
        async for arrival in self._engine.waiting(kind):
            yield arrival

    async def waiting_in(self, inboxes: Collection[str]) -> list[Arrival]:
        self._mortal.moment("before waiting in")
        return await self._engine.waiting_in(inboxes)


async def live(
    world: World, story: Story, *, till: Till | None = None, die_at: int = NEVER
) -> Mortal:
    """One life over the home: it tells the story, until it dies or the story has ended."""
    mortal = Mortal(die_at)
    world.wrap_engine = lambda engine: MortalEngine(engine, mortal)
    world.mailbox.before, world.mailbox.after = mortal.at("before send"), mortal.at("after send")
    if till is not None:
        till.before, till.after = mortal.at("before effect"), mortal.at("after effect")
    faults.install(mortal.fault)
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    life = Life(open_house(world.plan()))
    telling = asyncio.create_task(_tell(life, story))
    dying = asyncio.create_task(mortal.died.wait())
    try:
        await asyncio.wait({telling, dying}, return_when=asyncio.FIRST_COMPLETED)
        if not mortal.died.is_set():
            telling.result()
    finally:
        faults.install(None)
        telling.cancel()
        dying.cancel()
        await asyncio.gather(telling, dying, return_exceptions=True)
        await (life.die() if mortal.died.is_set() else life.close())
    return mortal


async def _tell(life: Life, story: Story) -> None:
    await life.dispatcher.start()
    await story(life)
