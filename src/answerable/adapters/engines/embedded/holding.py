"""One hold on the partition: what is handed out under one fence, until a newer one comes."""

import asyncio
from collections.abc import Collection, Sequence

from answerable.adapters.engines.embedded.drain import Drain
from answerable.adapters.engines.embedded.inboxes import Inboxes
from answerable.adapters.engines.embedded.units import Taken
from answerable.base.clock import Clock
from answerable.base.errors import AnswerableError
from answerable.engine.port import Arrival


class Holding:
    """Hands out arrivals to one claimer; wakes it for new ones, finished ones and timers."""

    def __init__(self, taken: Taken, clock: Clock) -> None:
        self.fence = taken.fence
        self._clock = clock
        self._inboxes = Inboxes(taken.undone, now_us=clock.now())
        self._drain = Drain()
        self._old = {arrival.id for arrival in taken.undone}
        self._end: AnswerableError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_us = 0

    def add(self, arrivals: Sequence[Arrival]) -> None:
        now_us = self._clock.now()
        self._inboxes.add(arrivals, now_us=now_us)
        if self._inboxes.is_ready:
            self._drain.waits(now_us)
        self._wake()

    def finish(self, ids: Sequence[str]) -> None:
        self._inboxes.finish(ids)
        self._old.difference_update(ids)
        self._wake()

    def within(self, inboxes: Collection[str]) -> list[Arrival]:
        """What is not finished in these inboxes."""
        return self._inboxes.within(inboxes)

    def may_have_memo(self, arrival: Arrival) -> bool:
        """Whether an earlier holder may have recorded something for it."""
        return arrival.id in self._old

    def wait_s(self) -> float:
        """How long what comes in now would wait, by the rate of the last seconds."""
        return self._drain.wait_s(self._inboxes.waiting, self._clock.now())

    def end(self, why: AnswerableError) -> None:
        """Nothing is handed out from here on; the claimer gets `why`."""
        self._end = self._end or why
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._wake()

    async def next(self, unfinished_max: int) -> Arrival:
        """The next arrival, when there is one and fewer than `unfinished_max` are unfinished."""
        while True:
            if self._end is not None:
                raise self._end
            now_us = self._clock.now()
            self._inboxes.release_due(now_us)
            if self._inboxes.unfinished < unfinished_max:
                arrival = self._inboxes.take()
                if arrival is not None:
                    self._drain.took(now_us, has_more=self._inboxes.is_ready)
                    return arrival
                self._set_alarm()
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _set_alarm(self) -> None:
        due_us = self._inboxes.next_due_us()
        if self._alarm is not None and (due_us is None or due_us < self._alarm_us):
            self._alarm.cancel()
            self._alarm = None
        if due_us is not None and self._alarm is None:
            self._alarm_us = due_us
            self._alarm = asyncio.create_task(self._ring(due_us), name="journal-timer")

    async def _ring(self, due_us: int) -> None:
        await self._clock.sleep_until(due_us)
        self._alarm = None
        self._wake()
