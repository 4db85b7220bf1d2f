"""The day's clock: eight shared bytes that the arrivals move on, so that a day takes a minute.

Every process of the day reads the same file; a worker that was killed comes back to the same time.
"""

import asyncio
import mmap
import struct
from pathlib import Path

_NAME = "day.clock"
_TIME = struct.Struct("<Q")
_LOOK_S = 0.01


class DayClock:
    """Never goes back. Only the day's driver moves it."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory

    @classmethod
    def open(cls, home: Path) -> "DayClock":
        path = home / _NAME
        if not path.exists():
            path.write_bytes(_TIME.pack(0))
        with path.open("r+b") as file:
            return cls(mmap.mmap(file.fileno(), _TIME.size))

    def now(self) -> int:
        return int(_TIME.unpack_from(self._memory, 0)[0])

    def move_to(self, at_us: int) -> None:
        if at_us > self.now():
            _TIME.pack_into(self._memory, 0, at_us)

    async def sleep_until(self, at_us: int) -> None:
        while self.now() < at_us:
            await asyncio.sleep(_LOOK_S)


def is_day(home: Path) -> bool:
    """Whether a folder is the home of a day that was run before."""
    return (home / _NAME).exists()
