"""What the machines in `models/` stand on: a loop that stands still, a home, a death that is near.

A machine does something to the real product, does the same to a small model, and compares. Nothing
passes between two steps: the loop runs until nothing can go on without time or somebody outside.
"""

import asyncio
import atexit
import functools
import logging
import os
import selectors
import shutil
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine

from answerable.base import faults
from answerable.base.clock import SECOND_US, ManualClock
from answerable.compose.house import open_house
from answerable.engine.port import Engine, Fence, Record
from answerable.pipeline.vacancy import fill_vacancies
from answerable.testing.conformance.dying import Died
from answerable.testing.mortal import Mortal, MortalEngine
from answerable.testing.world import Life, Till, World
from stories import inline_world, support

T = TypeVar("T")
PAT = "pat@acme.example"

settings.register_profile(
    "models", max_examples=60, stateful_step_count=25, derandomize=True, database=None,
    phases=[Phase.generate],  # the long one makes a failure small
    deadline=None, suppress_health_check=list(HealthCheck),
)  # fmt: skip
settings.register_profile(
    "models-long", max_examples=int(os.environ.get("MODELS_EXAMPLES", "10000")),
    stateful_step_count=40, deadline=None, print_blob=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
SETTINGS = settings.get_profile("models-long" if "MODELS_EXAMPLES" in os.environ else "models")


class _Still(selectors.SelectSelector):
    """Never waits: where there is nothing to do at this instant, the loop is told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.on_idle: Callable[[], None] = lambda: None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self.on_idle()
        return []


class StandingLoop(asyncio.SelectorEventLoop):
    """A loop whose time is a ManualClock's and whose threads are none: the same at every run."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock, self._start = clock, clock.now()
        still = _Still()
        super().__init__(still)
        still.on_idle = self.stop
        self.set_exception_handler(lambda _loop, _context: None)

    def time(self) -> float:
        return (self._clock.now() - self._start) / SECOND_US

    def run_in_executor(
        self, executor: object, func: Callable[..., T], *args: object
    ) -> "asyncio.Future[T]":
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - the caller's
            done.set_exception(error)
        return done

    def go_on(self, rounds: int) -> None:
        """That many rounds and no more: where somebody else may come in between."""
        for _ in range(rounds):
            self.call_soon(self.stop)
            self.run_forever()

    def idle(self) -> None:
        """Run until nothing can go on without time or somebody outside."""
        self.run_forever()

    def end(self) -> None:
        """Let go of everything that still runs."""
        for task in asyncio.all_tasks(self):
            task.cancel()
        self.idle()
        self.close()


class Observed:
    """An engine that tells what it has written."""

    def __init__(self, engine: Engine, learn: Callable[[Sequence[Record]], None]) -> None:
        self._engine, self._learn = engine, learn
        self.accept, self.claim, self.renew = engine.accept, engine.claim, engine.renew
        self.read, self.find, self.waiting = engine.read, engine.find, engine.waiting
        self.waiting_in = engine.waiting_in
        self.drop = engine.drop

    async def append(
        self, fence: Fence, records: Sequence[Record], done: Sequence[str] = ()
    ) -> list[int]:
        positions = await self._engine.append(fence, records, done)
        self._learn(records)
        return positions


@functools.cache
def scratch() -> Path:
    """In memory, where the machine has such a folder: nothing here tests the disk."""
    where = "/dev/shm" if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="answerable-models-", dir=where))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def founded() -> Path:
    """A home after its first day: an owner who accepted, a specialist, and Pat, who may leave."""
    home = scratch() / "founded"
    world = inline_world(home, support(Till()))

    async def first_day() -> None:
        await world.found()
        async with world._open(with_agent=False) as life:
            await life.house.commit_control(
                life.house.hall.people.add(PAT, "Pat", by="system:test")
            )

    asyncio.run(first_day())
    return home


class Machine(RuleBasedStateMachine):
    """A clock, a loop and a folder of its own; what went wrong inside is told by an invariant."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.loop = StandingLoop(self.clock)
        self.folder = Path(tempfile.mkdtemp(dir=scratch()))
        self.wrong: list[str] = []
        logging.getLogger("answerable").setLevel(logging.CRITICAL)  # deaths are not told

    def do(self, story: Coroutine[Any, Any, T]) -> T:
        """To its end, which needs no time. Raises what it raises."""
        task = self.loop.create_task(story)
        self.loop.idle()
        assert task.done(), "it waits for something"
        return task.result()

    def ends(self) -> None:
        """What must hold after the last step; not asked of a machine that has failed."""

    def gone(self) -> None:
        """Close what is open."""

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.ends()
        finally:
            self.gone()
            self.loop.end()
            logging.getLogger("answerable").setLevel(logging.NOTSET)
            shutil.rmtree(self.folder)


class HouseMachine(Machine):
    """A machine over a house, which may die at any moment and is opened again at once."""

    def __init__(self) -> None:
        super().__init__()
        self.home = self.folder / "home"
        shutil.copytree(founded(), self.home)
        self.mortal = Mortal()
        self.world = self.made_world()
        self.world.seed, self.world.clock = 2, self.clock
        self.deaths = 0
        self.open()

    def made_world(self) -> World:
        raise NotImplementedError

    def learn(self, records: Sequence[Record]) -> None:
        """What was written just now."""

    def open(self) -> None:
        self.mortal = mortal = Mortal()
        self.world.wrap_engine = lambda engine: MortalEngine(Observed(engine, self.learn), mortal)
        faults.install(self.fault)
        self.life = Life(open_house(self.world.plan()))
        self.do(self.life.dispatcher.start())

    async def fault(self, name: str) -> None:
        self.mortal.moment(name)

    def crash(self) -> None:
        """As a SIGKILL would, and up again."""
        self.deaths += 1
        self.mortal.died.set()
        self.do(self.life.die())
        self.forget()
        self.open()

    def close_and_open(self) -> None:
        self.do(self.life.close())
        self.forget()
        self.open()

    def forget(self) -> None:
        """What the outside does where the process that called it is gone."""

    def happens(self, story: Coroutine[Any, Any, T]) -> T | None:
        """To its end, or to the death that was near: then None, and the home is open again."""
        task = self.loop.create_task(story)
        self.settle()
        if self.deaths and not task.done():
            task.cancel()
            self.loop.idle()
        if task.cancelled() or isinstance(task.exception(), Died):
            return None
        return task.result()

    def settle(self) -> None:
        """Until nothing goes on without time; if that is death, until it is open again."""
        self.loop.idle()
        while self.mortal.died.is_set():
            self.crash()
            self.loop.idle()
        assert self.life.dispatcher.failure is None, self.life.dispatcher.failure

    async def leave(self, who: str) -> None:
        """A person leaves, and what was theirs goes to people."""
        await self.life.leave(who)
        await fill_vacancies(self.life.house.hall)

    def pass_time(self, seconds: float, *, step_s: float = 1.0) -> None:
        """In small steps, so that what is due first is first."""
        left_us = int(seconds * SECOND_US)
        while left_us > 0:
            step_us = min(left_us, int(step_s * SECOND_US))
            self.clock.advance(step_us)
            self.settle()
            left_us -= step_us

    def gone(self) -> None:
        faults.install(None)
        self.forget()
        self.do(self.life.die())
