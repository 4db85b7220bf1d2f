"""The simulated machine's clock: it follows virtual time, and may be set wrong."""

import asyncio

from answerable.base.clock import SECOND_US

EPOCH_US = 1_772_461_000 * SECOND_US  # 2026-03-02, some time after two in the afternoon, UTC


class SimClock:
    """Everybody of a world asks this one; `jump` is somebody setting it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, later_us: int = 0) -> None:
        self._loop = loop
        self._offset_us = later_us

    def now(self) -> int:
        return EPOCH_US + int(self._loop.time() * SECOND_US) + self._offset_us

    async def sleep_until(self, at_us: int) -> None:
        while (left_us := at_us - self.now()) > 0:
            await asyncio.sleep(left_us / SECOND_US)

    def jump(self, by_us: int) -> None:
        """Somebody sets the clock, or a virtual machine is resumed. Sleepers are not told."""
        self._offset_us += by_us
