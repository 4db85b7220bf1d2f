"""Who is next: inboxes in accept order, one unfinished arrival each; timers; pure, in memory."""

import heapq
from collections import deque
from collections.abc import Collection, Iterable, Sequence

from answerable.engine.port import Arrival


class Inboxes:
    """What a holder of the partition has in front of it.

    An inbox is busy while one of its arrivals is unfinished; those with something to do and not
    busy take turns, first come, first served. A timer waits beside its inbox, without blocking
    it, and joins the end of its queue when its time has come.
    """

    def __init__(self, arrivals: Sequence[Arrival] = (), *, now_us: int = 0) -> None:
        self._queues: dict[str, dict[str, Arrival]] = {}  # inbox -> what waits, by id, in order
        self._inbox_of: dict[str, str] = {}  # of what waits in a queue, by id
        self._ready: deque[str] = deque()  # inboxes with something to do, not busy
        self._unfinished: dict[str, Arrival] = {}
        self._busy: set[str] = set()
        self._timers: dict[str, Arrival] = {}
        self._heap: list[tuple[int, int, str]] = []
        self._count = 0
        for arrival in arrivals:
            if arrival.not_before_us:
                self._wait(arrival)
            else:
                self._enqueue(arrival)
        self.release_due(now_us)

    @property
    def unfinished(self) -> int:
        """Arrivals taken and not finished."""
        return len(self._unfinished)

    @property
    def waiting(self) -> int:
        """Arrivals in the queues, not taken."""
        return len(self._inbox_of)

    @property
    def is_ready(self) -> bool:
        """Whether one could be taken now."""
        return bool(self._ready)

    def add(self, arrivals: Iterable[Arrival], *, now_us: int) -> None:
        """New arrivals, in accept order; timers whose time has come go before them."""
        self.release_due(now_us)
        for arrival in arrivals:
            if arrival.not_before_us > now_us:
                self._wait(arrival)
            else:
                self._enqueue(arrival)

    def release_due(self, now_us: int) -> None:
        """Let timers whose time has come join their inboxes, earliest first."""
        while self._heap and self._heap[0][0] <= now_us:
            arrival = self._timers.pop(heapq.heappop(self._heap)[2], None)
            if arrival is not None:
                self._enqueue(arrival)

    def next_due_us(self) -> int | None:
        """When the next timer is due."""
        while self._heap and self._heap[0][2] not in self._timers:
            heapq.heappop(self._heap)  # finished before its time
        return self._heap[0][0] if self._heap else None

    def take(self) -> Arrival | None:
        """The next arrival to work on; its inbox is busy until `finish`."""
        if not self._ready:
            return None
        inbox = self._ready.popleft()
        queue = self._queues[inbox]
        arrival = queue.pop(next(iter(queue)))
        del self._inbox_of[arrival.id]
        self._unfinished[arrival.id] = arrival
        self._busy.add(inbox)
        return arrival

    def within(self, inboxes: Collection[str]) -> list[Arrival]:
        """What is taken, waits or is timed in these inboxes."""
        queued = [one for inbox in inboxes for one in self._queues.get(inbox, {}).values()]
        others = (*self._unfinished.values(), *self._timers.values())
        return queued + [one for one in others if one.inbox in inboxes]

    def finish(self, ids: Iterable[str]) -> None:
        """These arrivals are done, taken or not; a taken one frees its inbox."""
        for name in ids:
            arrival = self._unfinished.pop(name, None)
            if arrival is not None:
                self._free(arrival.inbox)
            elif self._timers.pop(name, None) is None:
                self._forget(name)

    def _free(self, inbox: str) -> None:
        self._busy.discard(inbox)
        if self._queues[inbox]:
            self._ready.append(inbox)
        else:
            del self._queues[inbox]

    def _forget(self, name: str) -> None:
        inbox = self._inbox_of.pop(name, None)
        if inbox is None:
            return
        queue = self._queues[inbox]
        del queue[name]
        if not queue and inbox not in self._busy:
            del self._queues[inbox]
            self._ready.remove(inbox)

    def _enqueue(self, arrival: Arrival) -> None:
        inbox = arrival.inbox
        queue = self._queues.setdefault(inbox, {})
        if not queue and inbox not in self._busy:
            self._ready.append(inbox)
        queue[arrival.id] = arrival
        self._inbox_of[arrival.id] = inbox

    def _wait(self, arrival: Arrival) -> None:
        self._count += 1
        self._timers[arrival.id] = arrival
        heapq.heappush(self._heap, (arrival.not_before_us, self._count, arrival.id))
