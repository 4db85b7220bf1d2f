"""Places are taken, waited for in turn, and never lost."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from answerable.server.errors import Overloaded
from answerable.server.places import Places


class Visitors:
    """Each stays until it is told to go."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self.inside: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._go: dict[str, asyncio.Event] = {}

    async def comes(self, name: str) -> None:
        self._go[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._visit(name))
        await _settle()

    async def goes(self, name: str) -> None:
        self._go[name].set()
        await _settle()

    async def _visit(self, name: str) -> None:
        async with self._places.turn():
            self.inside.append(name)
            await self._go[name].wait()
            self.inside.remove(name)


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def _told(story: Callable[[Visitors], Awaitable[None]], *, within_s: float = 60.0) -> None:
    async def scenario() -> None:
        visitors = Visitors(Places(1, waiting_max=2, within_s=within_s))
        await visitors.comes("a")
        await story(visitors)
        for task in visitors.tasks.values():
            task.cancel()
        await asyncio.gather(*visitors.tasks.values(), return_exceptions=True)

    asyncio.run(scenario())


def test_who_waits_comes_in_by_turn_and_one_too_many_is_refused_at_once() -> None:
    async def story(visitors: Visitors) -> None:
        for name in ("b", "c", "d"):
            await visitors.comes(name)
        assert isinstance(visitors.tasks["d"].exception(), Overloaded)
        assert visitors.inside == ["a"]
        await visitors.goes("a")
        assert visitors.inside == ["b"]
        await visitors.goes("b")
        assert visitors.inside == ["c"]

    _told(story)


def test_who_waits_too_long_is_refused_and_its_turn_goes_to_the_next() -> None:
    async def story(visitors: Visitors) -> None:
        await visitors.comes("b")
        with pytest.raises(Overloaded):
            await visitors.tasks["b"]
        await visitors.comes("c")
        await visitors.goes("a")
        assert visitors.inside == ["c"]

    _told(story, within_s=0.05)


def test_who_went_away_while_waiting_takes_nobodys_turn_or_room() -> None:
    async def story(visitors: Visitors) -> None:
        for name in ("b", "c"):
            await visitors.comes(name)
        visitors.tasks["b"].cancel()
        await _settle()
        await visitors.comes("d")  # in the room of b
        await visitors.goes("a")
        assert visitors.inside == ["c"]
        await visitors.goes("c")
        assert visitors.inside == ["d"]

    _told(story)


def test_a_turn_that_comes_in_the_moment_of_going_away_is_passed_on() -> None:
    async def story(visitors: Visitors) -> None:
        await visitors.comes("b")
        await visitors.comes("c")
        visitors._go["a"].set()
        await asyncio.sleep(0)
        visitors.tasks["b"].cancel()
        await _settle()
        assert visitors.inside == ["c"]
        await visitors.goes("c")
        await visitors.comes("d")
        assert visitors.inside == ["d"]

    _told(story)
