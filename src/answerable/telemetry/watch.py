"""Whose code is running: named before it runs, so that what keeps the loop for itself is known."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Watch(Protocol):
    """Who wants to know whose code is running, so that what stalls can be named.

    `what` is the arrival whose turn runs, or the effect whose call does.
    """

    def enter(self, what: str) -> None: ...

    def leave(self) -> None: ...


class Unwatched:
    """Nobody looks."""

    def enter(self, what: str) -> None: ...

    def leave(self) -> None: ...


_endings: list[str] = []  # whose code has ended this process, if any
_whose: ContextVar[tuple[Watch, str] | None] = ContextVar("whose", default=None)


class Watched(Coroutine[Any, Any, T]):
    """An author's code at work; says whose it is while it runs, for the supervisor.

    `what` is the arrival whose turn runs, or the effect whose call does. Tasks that the code starts
    are watched under the same name once the loop has `attribute_tasks`; its threads and its loop
    callbacks are not: if one of those keeps the loop, the worker is killed and nothing is named.

    `over`, where somebody set it, is told in the step that is the code's last.
    """

    __slots__ = ("_inner", "_is_entered", "_watch", "_what", "over")

    def __init__(self, inner: Coroutine[Any, Any, T], watch: Watch, what: str) -> None:
        self._inner = inner
        self._watch = watch
        self._what = what
        self._is_entered = False
        self.over: asyncio.Future[None] | None = None

    def send(self, value: Any) -> Any:
        return self._run(self._inner.send, value)

    def throw(self, *error: Any) -> Any:
        return self._run(self._inner.throw, *error)

    def _run(self, step: Callable[..., Any], *given: Any) -> Any:
        """One step. The name of code that ends the process stays written, whatever the loop still
        runs while it shuts down: the supervisor reads it from the dead worker."""
        if not _endings:
            self._enter()
        try:
            return step(*given)
        except BaseException as error:  # StopIteration, too: it has ended
            if isinstance(error, (KeyboardInterrupt, SystemExit)) and not _endings:
                _endings.append(self._what)
            if self.over is not None and not self.over.done():
                self.over.set_result(None)
            raise
        finally:
            if not _endings:
                self._watch.leave()

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, T]:
        return self._inner.__await__()

    def _enter(self) -> None:
        self._watch.enter(self._what)
        if not self._is_entered:  # a task runs all its steps in one context
            self._is_entered = True
            _whose.set((self._watch, self._what))


def attribute_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """From here on a task that watched code starts is watched under the name of that code, and
    watched code cannot stop the loop: that would end every other turn with its own."""
    loop.set_task_factory(_attributed)
    stop = loop.stop

    def stop_unless_watched() -> None:
        if _whose.get() is not None:
            raise RuntimeError("code of a turn may not stop the platform's loop")
        stop()

    loop.stop = stop_unless_watched  # type: ignore[method-assign]


def _attributed(
    loop: asyncio.AbstractEventLoop, coro: Any, *, context: Context | None = None
) -> "asyncio.Task[Any]":
    whose = _whose.get() if context is None else context.get(_whose)
    watched = Watched(coro, *whose) if whose and not isinstance(coro, Watched) else coro
    return asyncio.Task(watched, loop=loop, context=context)
