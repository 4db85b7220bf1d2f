"""How many may be at something at once, and how many may wait for their turn, and how long."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from answerable.server.errors import Overloaded

TURN_WITHIN_S = 5.0


class Places:
    """Who comes when all places are taken is refused at once, or queues where few enough do."""

    def __init__(
        self, places: int, *, waiting_max: int = 0, within_s: float = TURN_WITHIN_S
    ) -> None:
        self._left = places
        self._waiting_max = waiting_max
        self._within_s = within_s
        self._waiting: deque[asyncio.Future[None]] = deque()

    @contextmanager
    def take(self) -> Iterator[None]:
        """Waits for nobody. Raises Overloaded."""
        if self._left <= 0:
            raise Overloaded
        self._left -= 1
        try:
            yield
        finally:
            self._give_back()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """In the order of coming. Raises Overloaded."""
        if self._left > 0:
            self._left -= 1
        else:
            await self._wait()
        try:
            yield
        finally:
            self._give_back()

    async def _wait(self) -> None:
        if sum(not one.done() for one in self._waiting) >= self._waiting_max:
            raise Overloaded
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        try:
            async with asyncio.timeout(self._within_s):
                await mine
        except BaseException as error:
            if mine.done() and not mine.cancelled():  # its turn came in the very moment
                self._give_back()
            if isinstance(error, TimeoutError):
                raise Overloaded from None
            raise

    def _give_back(self) -> None:
        """To whoever has waited longest; `_left` is above 0 only while nobody waits."""
        while self._waiting:
            first = self._waiting.popleft()
            if not first.done():  # else it gave up
                first.set_result(None)
                return
        self._left += 1
