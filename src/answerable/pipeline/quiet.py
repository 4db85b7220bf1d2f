"""Inboxes that stand still for a moment: what is done there ends, and nothing new begins.

Whatever is done for a party comes through its inboxes, one arrival after the other: messages,
timers, people's answers. So who has them still is alone with the party.
"""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from answerable.engine.port import Arrival


@dataclass(slots=True)
class _Still:
    over: asyncio.Event = field(default_factory=asyncio.Event)
    ended: frozenset[str] = frozenset()  # arrivals that were finished meanwhile


class Quiet:
    """One per worker. `alone` is taken by who changes what a party is."""

    def __init__(self) -> None:
        self.alone = asyncio.Lock()
        self._still: dict[str, _Still] = {}
        self._inside: dict[str, Arrival] = {}
        self._left = asyncio.Event()

    async def enter(self, arrival: Arrival) -> bool:
        """Begin with an arrival, when its inbox may; False if it was finished meanwhile."""
        while (still := self._still.get(arrival.inbox)) is not None:
            await still.over.wait()
            if arrival.id in still.ended:
                return False
        self._inside[arrival.id] = arrival  # the next of its inbox may begin before it has left
        return True

    def leave(self, arrival: Arrival) -> None:
        self._inside.pop(arrival.id, None)
        self._left.set()
        self._left = asyncio.Event()

    @contextmanager
    def still(self, inboxes: Collection[str]) -> Iterator["Stillness"]:
        """From here to its end nothing begins in these inboxes."""
        still = _Still()
        self._still.update(dict.fromkeys(inboxes, still))
        try:
            yield Stillness(self, frozenset(inboxes), still)
        finally:
            for inbox in inboxes:
                self._still.pop(inbox, None)
            still.over.set()

    def inside(self, inboxes: Collection[str]) -> list[Arrival]:
        """What is being done in them now."""
        return [one for one in self._inside.values() if one.inbox in inboxes]

    async def until_empty(self, inboxes: Collection[str], timeout_s: float) -> bool:
        """Whether what was being done in them has ended in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.inside(inboxes):
                    await self._left.wait()
        except TimeoutError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Stillness:
    """Some inboxes, for as long as they stand still."""

    quiet: Quiet
    inboxes: frozenset[str]
    _still: _Still

    def finished(self, arrivals: Collection[str]) -> None:
        """These were finished by who had the stillness: nobody goes on with them."""
        self._still.ended |= frozenset(arrivals)
