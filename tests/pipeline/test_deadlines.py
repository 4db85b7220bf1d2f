"""Code of others is waited for at most so long, exactly, whoever else is waited for."""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any, TypeVar

from answerable.pipeline.deadlines import Deadlines
from answerable.telemetry.watch import Unwatched, Watched
from answerable.testing.simulator.loop import SimLoop

T = TypeVar("T")


def _run(scenario: Coroutine[Any, Any, T]) -> T:
    loop = SimLoop(random.Random(1), shuffle=0.5, steps_max=10_000)  # type: ignore[abstract]
    return loop.run_until_complete(scenario)


async def _pause(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def _waited(deadlines: Deadlines, takes_s: float, most_s: float) -> tuple[bool, float]:
    """Whether it ended in time, and how long that was waited for."""
    loop = asyncio.get_running_loop()
    began, code = loop.time(), Watched(_pause(takes_s), Unwatched(), "")
    task = asyncio.create_task(code)
    is_in_time = await deadlines.wait(task, code, most_s)
    return is_in_time, round(loop.time() - began, 6)


def _in_virtual_time(*asked: tuple[float, float, float]) -> list[tuple[bool, float]]:
    async def scenario() -> list[tuple[bool, float]]:
        deadlines = Deadlines()

        async def one(begins_s: float, takes_s: float, most_s: float) -> tuple[bool, float]:
            await asyncio.sleep(begins_s)
            return await _waited(deadlines, takes_s, most_s)

        return await asyncio.gather(*(one(*each) for each in asked))

    return _run(scenario())


def test_each_wait_ends_with_its_code_or_at_its_own_deadline() -> None:
    assert _in_virtual_time((0, 1, 10), (3, 20, 10), (4, 9, 10), (5, 20, 10), (60, 20, 10)) == [
        (True, 1), (False, 10), (True, 9), (False, 10), (False, 10),
    ]  # fmt: skip


def test_waits_of_different_lengths_do_not_wait_for_each_other() -> None:
    assert _in_virtual_time((0, 99, 50), (1, 99, 0.2), (2, 99, 10)) == [
        (False, 50), (False, 0.2), (False, 10),
    ]  # fmt: skip


def test_code_that_is_cancelled_before_its_first_step_has_ended() -> None:
    async def scenario() -> bool:
        code = Watched(_pause(1), Unwatched(), "")
        task = asyncio.create_task(code)
        task.cancel()
        return await Deadlines().wait(task, code, 5.0) and task.cancelled()

    assert _run(scenario())


def test_who_waits_and_is_cancelled_leaves_the_code_as_it_is() -> None:
    async def scenario() -> bool:
        code = Watched(_pause(3), Unwatched(), "")
        task = asyncio.create_task(code)
        waiting = asyncio.create_task(Deadlines().wait(task, code, 5.0))
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.wait({waiting})
        is_untouched = not task.done()
        await task
        return is_untouched and not task.cancelled()

    assert _run(scenario())
