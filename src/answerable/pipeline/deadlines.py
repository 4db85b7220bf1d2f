"""Waiting for code of others at most so long: one timer of the loop for all waits of one length."""

import asyncio
from typing import Any

from answerable.telemetry.watch import Watched


class Deadlines:
    """As exact as a timer each, and without one each: of waits equally long, what began first is
    due first, so only that one needs a timer. Nearly all are over long before."""

    def __init__(self) -> None:
        self._lines: dict[float, _Line] = {}

    async def wait(self, task: "asyncio.Task[Any]", code: Watched[Any], seconds: float) -> bool:
        """Whether the task, which runs this code, ended in time. It is left as it is, also where
        who waits is cancelled."""
        if not task.done():
            over = asyncio.get_running_loop().create_future()
            code.over = over
            line = self._lines.get(seconds)
            if line is None:
                line = self._lines[seconds] = _Line(seconds)
            line.join(over)
            try:
                await over
            finally:
                line.leave(over)
        return task.done()


class _Line:
    """Who waits equally long, in the order in which they began: so also the order of their ends."""

    __slots__ = ("_ends", "_is_armed", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: dict[asyncio.Future[None], float] = {}
        self._is_armed = False

    def join(self, over: "asyncio.Future[None]") -> None:
        loop = over.get_loop()
        end = self._ends[over] = loop.time() + self._seconds
        if not self._is_armed:
            self._is_armed = True
            loop.call_at(end, self._ring, loop)

    def leave(self, over: "asyncio.Future[None]") -> None:
        self._ends.pop(over, None)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        """Whose time has come is told; the timer goes on with who is first then, if anybody is."""
        now = loop.time()
        while self._ends:
            over, end = next(iter(self._ends.items()))
            if end > now:
                loop.call_at(end, self._ring, loop)
                return
            del self._ends[over]
            if not over.done():
                over.set_result(None)
        self._is_armed = False
