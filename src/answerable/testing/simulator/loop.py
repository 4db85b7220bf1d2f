"""An event loop of our own: time is a number that jumps, and the order of what is ready is drawn.

Nothing waits for the machine. When nothing is ready, time jumps to the next timer. What is ready
runs in an order that the seed draws, so that orders which a real loop takes once a year come up
every day. Work belongs to the simulated process that began it (`PROCESS`), which can be ended
between any two steps: at every await.
"""

import asyncio
import heapq
import random
import sys
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, TypeVar, TypeVarTuple

from answerable.base.errors import Broken

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

PROCESS: ContextVar[int] = ContextVar("process", default=0)
"""Whose work this is: the number of a life; 0 is the world around it."""

_DRAIN_STEPS_MAX = 20_000
_TIME_MAX_S = 20 * 24 * 3600.0
_NOBODYS = Context()


class Stuck(Exception):
    """Nothing would ever happen again, or the same for ever."""

    def __init__(self, loop: "SimLoop") -> None:
        waiting = [_where(task) for task, whose in loop.tasks() if not whose]
        super().__init__(f"these wait: {', '.join(waiting)}")


@dataclass(order=True, slots=True)
class _Step:
    at: float
    number: int
    handle: asyncio.Handle = field(compare=False)
    process: int = field(compare=False)


class SimLoop(asyncio.AbstractEventLoop):
    """`shuffle` in [0, 1] is how often the next step is drawn instead of the one that came first.

    `steps_max` bounds a world: one that goes on for ever is a finding, not a wait.
    """

    def __init__(self, chance: random.Random, *, shuffle: float, steps_max: int) -> None:
        self._chance = chance
        self._shuffle = shuffle
        self._now_s = 0.0
        self._ready: list[_Step] = []
        self._timers: list[_Step] = []
        self._numbers = 0
        self._is_running = False
        self._is_stopping = False
        self._is_closed = False
        self._task_factory: Any = None
        self._tasks: dict[asyncio.Task[Any], int] = {}  # whose each one is
        self._asyncgens: weakref.WeakSet[AsyncGenerator[Any, Any]] = weakref.WeakSet()
        self._gone: set[int] = set()  # processes of which nothing runs any more
        self._frozen: dict[int, list[_Step]] = {}  # what waits for processes that are stuck
        self._between: list[Callable[[], None]] = []
        self._steps_left = steps_max
        self.steps_of: dict[int, int] = {}
        self.after_step: Callable[[int, int], None] = lambda _process, _steps: None
        self.before_time_moves: Callable[[], None] = lambda: None
        self.complaints: list[str] = []  # what nobody caught

    # time and order

    def time(self) -> float:
        return self._now_s

    def run_once(self) -> None:
        """One step of somebody; time jumps to the next timer if nothing is ready."""
        self._wake_due()
        while not self._ready:
            if not self._timers or self._now_s > _TIME_MAX_S:
                raise Stuck(self)
            if self._timers[0].at > self._now_s:
                self.before_time_moves()
                if self._ready:  # somebody was waiting for this instant to end
                    break
                self._now_s = self._timers[0].at
            self._wake_due()
        step = self._ready.pop(self._pick())
        self._run(step)
        self.after_step(step.process, self.steps_of.get(step.process, 0))
        while self._between:
            self._between.pop(0)()

    def _pick(self) -> int:
        if len(self._ready) > 1 and self._chance.random() < self._shuffle:
            return self._chance.randrange(len(self._ready))
        return 0

    def _wake_due(self) -> None:
        while self._timers and self._timers[0].at <= self._now_s:
            self._ready.append(heapq.heappop(self._timers))

    def _is_idle(self, step: _Step) -> bool:
        if step.process in self._frozen:
            self._frozen[step.process].append(step)
            return True
        return step.handle.cancelled() or step.process in self._gone

    def _run(self, step: _Step) -> None:
        if self._is_idle(step):
            return
        self._steps_left -= 1
        if self._steps_left < 0:
            raise Stuck(self)
        self.steps_of[step.process] = self.steps_of.get(step.process, 0) + 1
        step.handle._run()  # noqa: SLF001 - running a handle is what an event loop is for

    @property
    def is_busy(self) -> bool:
        """Whether somebody's next step is due now."""
        return bool(self._ready)

    # processes

    def between_steps(self, work: Callable[[], None]) -> None:
        """Do this when nobody's step is running: what ends a process must be in none of it."""
        self._between.append(work)

    def freeze(self, process: int) -> None:
        """Nothing of this process runs until it is ended."""
        self._frozen.setdefault(process, [])

    def end_process(self, process: int) -> None:
        """As a SIGKILL: its tasks are cancelled and run to their end here and now, while nothing
        that they touch is there any more; what does not end is never run again."""
        self._ready += self._frozen.pop(process, [])
        for task in [one for one, whose in self._tasks.items() if whose == process]:
            task.cancel()
        for _ in range(_DRAIN_STEPS_MAX):
            mine = [place for place, step in enumerate(self._ready) if step.process == process]
            if not mine:
                break
            self._run(self._ready.pop(mine[0]))
        self._gone.add(process)
        self._ready = [step for step in self._ready if step.process != process]

    def tasks(self) -> "list[tuple[asyncio.Task[Any], int]]":
        """What has not ended, oldest first, and whose it is."""
        return list(self._tasks.items())

    # what asyncio asks of a loop

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:  # fmt: skip
        context = context if context is not None else copy_context()
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(self._step(self._now_s, handle, context))
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:  # fmt: skip
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:  # fmt: skip
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:  # fmt: skip
        context = context if context is not None else copy_context()
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, self._step(when, handle, context))
        return handle

    def _step(self, at: float, handle: asyncio.Handle, context: Context) -> _Step:
        self._numbers += 1
        return _Step(at, self._numbers, handle, context.get(PROCESS, 0))

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when its time comes."""

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Any, *, name: str | None = None, context: Context | None = None
    ) -> "asyncio.Task[Any]":
        if self._task_factory is not None:
            task: asyncio.Task[Any] = self._task_factory(self, coro, context=context)
            if name is not None:
                task.set_name(name)
        else:
            task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks[task] = PROCESS.get() if context is None else context.get(PROCESS, 0)
        task.add_done_callback(self._forget, context=_NOBODYS)
        return task

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.pop(task, None)

    def set_task_factory(self, factory: Any) -> None:
        self._task_factory = factory

    def get_task_factory(self) -> Any:
        return self._task_factory

    def run_in_executor(
        self, _executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> "asyncio.Future[T]":
        """At once, in this thread; the answer comes with the next step."""
        answer: asyncio.Future[T] = self.create_future()
        try:
            result = func(*args)
        except BaseException as error:  # noqa: BLE001 - the caller gets it, whatever it is
            self.call_soon(_fail, answer, error)
        else:
            self.call_soon(_succeed, answer, result)
        return answer

    def run_forever(self) -> None:
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=self._asyncgens.add, finalizer=self._finalize)
        asyncio._set_running_loop(self)  # noqa: SLF001 - documented as for who writes a loop
        self._is_running, self._is_stopping = True, False
        try:
            while not self._is_stopping:
                self.run_once()
        finally:
            self._is_running = False
            asyncio._set_running_loop(None)  # noqa: SLF001
            sys.set_asyncgen_hooks(*hooks)

    def run_until_complete(self, future: Coroutine[Any, Any, T]) -> T:  # type: ignore[override]
        task: asyncio.Task[T] = self.create_task(future)
        task.add_done_callback(lambda _: self.stop())
        self.run_forever()
        return task.result()

    def _finalize(self, generator: AsyncGenerator[Any, Any]) -> None:
        if not self._is_closed:
            self.call_soon(self.create_task, generator.aclose())

    def stop(self) -> None:
        self._is_stopping = True

    def is_running(self) -> bool:
        return self._is_running

    def is_closed(self) -> bool:
        return self._is_closed

    def close(self) -> None:
        self._is_closed = True
        self._ready, self._timers = [], []

    async def shutdown_asyncgens(self) -> None: ...

    async def shutdown_default_executor(self) -> None: ...

    def get_debug(self) -> bool:
        return False

    def set_debug(self, enabled: bool) -> None: ...  # noqa: FBT001 - asyncio's signature

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.call_exception_handler(context)

    def set_exception_handler(self, handler: Any) -> None: ...

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What nobody caught is a complaint, unless it is of a process that was killed."""
        error = context.get("exception")
        task = context.get("task") or context.get("future")
        process = self._tasks.get(task, 0) if isinstance(task, asyncio.Task) else 0
        is_expected = error is None or isinstance(error, (asyncio.CancelledError, Broken))
        if process in self._gone or is_expected:  # a disk that failed ends its worker, and is told
            return
        self.complaints.append(f"{context.get('message', '')}: {error!r}")


def _where(task: "asyncio.Task[Any]") -> str:
    """A task, and the innermost line at which it waits."""
    coroutine: Any = task.get_coro()
    while getattr(coroutine, "cr_await", None) is not None and hasattr(
        coroutine.cr_await, "cr_frame"
    ):
        coroutine = coroutine.cr_await
    frame = getattr(coroutine, "cr_frame", None)
    return f"{coroutine.__qualname__} line {frame.f_lineno}" if frame else task.get_name()


def _succeed(answer: "asyncio.Future[T]", result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: "asyncio.Future[T]", error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)
