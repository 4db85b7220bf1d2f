"""How much is in work at once: who waits for code that is not ours holds no hand meanwhile.

A tool or a model that takes half a minute would else hold all of them, and whoever needs neither
would wait behind it. The ships' word for it is bulkhead (M. Nygard, Release It!, 2nd ed., ch. 5).
"""

import asyncio

OUTSIDE_EACH = 16
"""For each hand there may be so many interactions unfinished: the others wait outside."""


class _Outside:
    """Not a generator: entered three times in each interaction."""

    __slots__ = ("_hands",)

    def __init__(self, hands: "Hands") -> None:
        self._hands = hands

    def __enter__(self) -> None:
        self._hands.put_down()

    def __exit__(self, *_: object) -> None:
        self._hands.take()


class Hands:
    """One dispatcher's. `unfinished_max` bounds the memory of what waits outside."""

    def __init__(self, hands: int) -> None:
        self._hands = hands
        self._busy = 0
        self._waiter: asyncio.Future[None] | None = None
        self._outside = _Outside(self)
        self.unfinished_max = hands * OUTSIDE_EACH

    @property
    def calls_max(self) -> int:
        """How many may be at one door: a slow one leaves room for who needs another."""
        return self.unfinished_max // 4

    def take(self) -> None:
        """One interaction begins, or goes on; `put_down` when it has ended, however it did."""
        self._busy += 1

    def put_down(self) -> None:
        self._busy -= 1
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def outside(self) -> "_Outside":
        """While it waits for code that is not ours. Who comes back does not wait for a hand: it has
        only to write down what it was told."""
        return self._outside

    async def free(self) -> None:
        """Wait until one more interaction may begin. One caller at a time."""
        while self._busy >= self._hands:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
