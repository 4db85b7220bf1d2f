"""Threads of our own for what waits for the disk.

The loop's default executor is everybody's: six calls of author code that hang in it would keep our
keys from being written, and with them every new customer waiting.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

T = TypeVar("T")
_THREADS = 3  # keys of addresses, keys of parties, published files


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, "answerable-disk")


async def beside_the_loop(work: Callable[[], T]) -> T:
    """Run `work` in a thread that no author code can occupy."""
    return await asyncio.get_running_loop().run_in_executor(_pool(), work)
