"""What is done to many entries, a hundred at a time: whoever else wants the loop has it between."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")

TURN = 100


async def in_turns(items: Iterable[T]) -> AsyncIterator[T]:
    """Each of them. A loop that stands still for long is taken for dead, and its worker killed."""
    for count, item in enumerate(items):
        if count % TURN == 0:
            await asyncio.sleep(0)
        yield item
