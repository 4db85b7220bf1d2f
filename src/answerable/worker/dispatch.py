"""The dispatcher: claims in, one task a claim through the hallway, nothing lost when one fails."""

import asyncio
import logging
from collections.abc import Callable

from answerable.base.errors import Broken
from answerable.compose.house import House
from answerable.engine.port import Arrival, Claim, Fenced
from answerable.ledger.draft import Unit
from answerable.pipeline import walk
from answerable.pipeline.hands import Hands
from answerable.pipeline.receive import check_rails
from answerable.pipeline.surrender import surrender
from answerable.pipeline.vacancy import fill_vacancies
from answerable.telemetry.failures import describe
from answerable.telemetry.stages import Stages
from answerable.worker.after_restore import record_restored

log = logging.getLogger("answerable.worker")


class Dispatcher:
    """Runs the hallway on everything that is claimed. `failure` is what ended it, if anything.

    With `works=False` it only takes the partition, so that a command may write: what waits in the
    home goes on waiting for a worker that has its agents loaded.
    """

    def __init__(
        self, house: House, *, worker: str, in_flight_max: int = 256, works: bool = True
    ) -> None:
        self._house = house
        self._worker = worker
        self._hands = Hands(in_flight_max if works else 1)
        house.hall.hands = self._hands
        self._start_id = house.hall.ids.new("sta")
        self.works = works
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop_task: asyncio.Task[None] | None = None
        self.stages = Stages()
        self.started = asyncio.Event()
        self.failure: BaseException | None = None
        self.on_failure: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Take the partition; return when writing is possible. Raises what prevents it."""
        hall = self._house.hall
        # The fence comes with the first claim; an arrival of our own makes sure that there is one.
        await hall.engine.accept([Arrival(self._start_id, "worker", "start", b"")])
        self._loop_task = asyncio.create_task(self._run(), name="dispatcher")
        waiting = asyncio.create_task(self.started.wait())
        await asyncio.wait({waiting, self._loop_task}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self.failure is not None:
            raise self.failure
        if not self.works:
            await hall.committer.commit(Unit(arrival=self._start_id, done=(self._start_id,)))

    async def stop(self, *, grace_s: float = 0.0) -> None:
        """Claim nothing more; what is in flight may end within `grace_s`, the rest is let go.

        What is let go is claimed again by the next worker: without grace, an effect that can be
        done only once and was just being done would become a question for a person.
        """
        if self._loop_task is not None:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)
        if self._tasks and grace_s:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def in_flight(self) -> int:
        return len(self._tasks)

    async def _run(self) -> None:
        house = self._house
        try:
            async for claim in house.hall.engine.claim(self._worker, self._hands.unfinished_max):
                if not self.started.is_set():
                    await house.start(claim.fence)
                    if self.works:
                        check_rails(house.hall)
                        await record_restored(house)
                        await fill_vacancies(house.hall)
                    self.started.set()
                if not self.works:
                    await asyncio.Event().wait()  # the partition is ours until we are cancelled
                self._tasks.add(asyncio.create_task(self._one(claim)))
                self._hands.take()
                await self._hands.free()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, the worker ends by it
            self.fail(error)

    async def _one(self, claim: Claim) -> None:
        arrival = claim.arrivals[0]
        task = asyncio.current_task()
        quiet, is_inside = self._house.hall.quiet, False
        try:
            is_inside = await quiet.enter(arrival)
            if not is_inside:
                return
            if arrival.kind == "start":
                unit = Unit(arrival=arrival.id, done=(arrival.id,))
                await self._house.hall.committer.commit(unit)
                return
            await walk(self._house.hall, claim, self.stages)
        except asyncio.CancelledError:
            raise
        except (Broken, Fenced) as error:
            self.fail(error)  # the disk or the partition is gone: nothing more may be tried here
        except SystemExit:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it costs one interaction
            log.error("arrival %s failed in the hallway: %s", arrival.id, describe(error))
            await self._give_up(claim, error)
        finally:
            if is_inside:
                quiet.leave(arrival)
            self._hands.put_down()
            if task is not None:
                self._tasks.discard(task)

    async def _give_up(self, claim: Claim, error: BaseException) -> None:
        """A defect of ours costs one interaction, at the desk; the arrival stays if not even that
        can be written, and is tried again by the next worker."""
        try:
            await surrender(self._house.hall, claim, type(error).__name__)
        except asyncio.CancelledError:
            raise
        except (Broken, Fenced) as broken:
            self.fail(broken)
        except Exception as again:  # noqa: BLE001 - whatever it is, the arrival stays
            log.error("arrival %s stays unfinished: %s", claim.arrivals[0].id, describe(again))

    def fail(self, error: BaseException) -> None:
        """Nothing more can be done here: the worker ends, and says why."""
        if self.failure is None:
            self.failure = error
            self.on_failure()
