"""Drives the day: sends the arrivals, moves the clock with them, kills the worker, waits it out."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal, TypeVar

from answerable.base.clock import HOUR_US, MINUTE_US
from answerable.base.errors import AnswerableError, Busy
from answerable.demo.arrivals import DayMessage
from answerable.demo.stage import Stage
from answerable.rails.port import Ack, Incoming
from answerable.telemetry.stages import Stages
from answerable.worker import verbs
from answerable.worker.client import Client, RemoteError, WorkerAway
from answerable.worker.verbs.control import Standing

T = TypeVar("T")

_BATCH = 40
_BUSY_PAUSE_S = 0.02
_AWAY_PAUSE_S = 0.02
_AWAY_MAX_S = 60.0
STORAGE_GONE = frozenset({"disk_full", "disk_low", "storage_failed", "journal_closed", "broken"})
"""Refusals that say that nothing was acknowledged: asked again, of the next life or when there is
space."""
_DRAIN_STEP_US = 10 * MINUTE_US
_DRAIN_PAUSE_S = 0.05
_DRAIN_MAX_US = 36 * HOUR_US  # holds expire after hours; nothing of ours waits longer


class Line:
    """A connection to whichever worker lives now: what is not answered is asked again.

    Every command of the day can be asked twice: messages by their external id, answers by theirs.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    async def call(self, verb: verbs.Verb, returns: type[T]) -> T:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _AWAY_MAX_S
        while True:
            client = None
            try:
                client = await self._connected()
                give_up = loop.time() + _AWAY_MAX_S
                return await client.call(verb, returns)
            except WorkerAway:
                if client is self._client:
                    await self.close()
                self._stage.check()
                if loop.time() > give_up:
                    raise
                await asyncio.sleep(_AWAY_PAUSE_S)
            except Busy:
                await asyncio.sleep(_BUSY_PAUSE_S)
            except RemoteError as refused:
                if refused.code not in STORAGE_GONE or loop.time() > give_up:
                    raise
                self._stage.refusals[refused.code] += 1
                await asyncio.sleep(_AWAY_PAUSE_S)

    async def _connected(self) -> Client:
        async with self._connecting:
            if self._client is None:
                self._client = await Client.connect(self._stage.home)
            return self._client

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()


@dataclass(slots=True)
class Sent:
    """What the driver knows: it believes nothing that was not acknowledged."""

    deliveries: int = 0
    acknowledged: set[str] = field(default_factory=set)
    new: int = 0
    stages: Stages = field(default_factory=Stages)
    last_counts: dict[str, list[int]] = field(default_factory=dict)

    def saw(self, counts: dict[str, list[int]]) -> None:
        """Keep the newest measurements of a life; add them up when the next life begins."""
        if _total(counts) < _total(self.last_counts):
            self.stages.merge(self.last_counts)
        self.last_counts = counts


def _total(counts: dict[str, list[int]]) -> int:
    return sum(sum(each) for each in counts.values())


@dataclass(frozen=True, slots=True, order=True)
class Strike:
    """A SIGKILL: after how many deliveries, at whom, how long into the batch that is on its way."""

    after: int
    whom: Literal["worker", "outside"]
    delay_s: float


def strikes(deliveries: int, seed: int, *, worker: int, outside: int = 0) -> list[Strike]:
    """SIGKILLs spread over the day, each moved by chance."""
    random = Random(f"strikes:{seed}")
    planned: list[Strike] = []
    whoms: tuple[tuple[Literal["worker", "outside"], int], ...]
    whoms = (("worker", worker), ("outside", outside))
    for whom, count in whoms:
        part = deliveries / (count + 1)
        for number in range(1, count + 1):
            after = int(part * number + part * 0.4 * (random.random() - 0.5))
            planned.append(Strike(after, whom, 0.05 * random.random()))
    return sorted(planned)


async def send_day(
    stage: Stage,
    sent: Sent,
    messages: Iterable[DayMessage],
    planned: Sequence[Strike],
    progress: Callable[[int], None],
    *,
    per_s: float = 0.0,
) -> None:
    """Send everything, in the order of delivery; the clock follows the arrivals' own times. At most
    `per_s` messages a second, by the machine's clock; 0: as fast as they are taken."""
    line = Line(stage)
    left = list(planned)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for batch in _batches(messages, min(_BATCH, int(per_s / 4) + 1) if per_s else _BATCH):
        if per_s:
            await asyncio.sleep(began + sent.deliveries / per_s - loop.time())
        stage.clock.move_to(max(message.sent_at for message in batch))
        incoming = tuple(
            Incoming(
                external_id=m.external_id, sender=m.from_, text=m.text, rail=m.rail,
                sent_at=m.sent_at, subject=m.subject,
            )
            for m in batch
        )  # fmt: skip
        upto = sent.deliveries + len(batch)
        due = [strike for strike in left if strike.after <= upto]
        left = left[len(due) :]
        striking = asyncio.create_task(_strike(stage, due)) if due else None
        acks = await line.call(verbs.MessagesAccept(incoming), list[Ack])
        if striking is not None:
            await striking
        sent.deliveries += len(batch)
        sent.acknowledged.update(ack.external_id for ack in acks)
        sent.new += sum(ack.is_new for ack in acks)
        progress(len(sent.acknowledged))
    await line.close()


async def _strike(stage: Stage, due: Sequence[Strike]) -> None:
    """In the middle of a batch that is on its way, as far as one can aim."""
    for strike in due:
        await asyncio.sleep(strike.delay_s)
        if strike.whom == "outside":
            await asyncio.to_thread(stage.kill_outside)
            continue
        while not stage.kill_worker():
            stage.check()
            await asyncio.sleep(_AWAY_PAUSE_S)


def _batches(messages: Iterable[DayMessage], size: int) -> Iterator[list[DayMessage]]:
    batch: list[DayMessage] = []
    for message in messages:
        batch.append(message)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


async def wait_out(
    stage: Stage, sent: Sent, progress: Callable[[str], None], *, at_least_us: int = 0
) -> None:
    """Let the evening pass until nothing is open: retries, look-ups, holds that nobody answered. At
    least so long: what people said last is looked up too, and leaves no interaction open."""
    line = Line(stage)
    began = stage.clock.now()
    while True:
        standing = await line.call(verbs.Status(), Standing)
        sent.saw(standing.stages)
        is_over = stage.clock.now() - began >= at_least_us
        if is_over and not (standing.in_flight or standing.waiting or standing.open):
            break
        progress(f"{standing.open} open, {standing.waiting + standing.in_flight} in work")
        if not standing.waiting:
            stage.clock.move_to(stage.clock.now() + _DRAIN_STEP_US)
        if stage.clock.now() - began > _DRAIN_MAX_US:
            break  # the report says what was left
        await asyncio.sleep(_DRAIN_PAUSE_S)
    await line.close()


async def follow(stage: Stage, sent: Sent, ended: asyncio.Event) -> None:
    """Note how the worker's stages are doing, life after life."""
    line = Line(stage)
    while not ended.is_set():
        with contextlib.suppress(AnswerableError):
            sent.saw((await line.call(verbs.Status(), Standing)).stages)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), 0.5)
    await line.close()
