"""A worker's life in the simulation: the real office, opened over the home, and how it ends."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from answerable.adapters.engines.embedded.journal import EmbeddedJournal
from answerable.base.errors import AnswerableError
from answerable.compose.house import Plan
from answerable.engine.port import Engine
from answerable.testing.simulator.loop import PROCESS, SimLoop
from answerable.worker import heartbeat
from answerable.worker.commands.office import Office
from answerable.worker.process import answers_of, close_office, follow, open_office
from answerable.worker.verbs import Verb

T = TypeVar("T")
FOLLOW_S = 3_600.0  # how often files and index follow: rarer than in production, for speed alone


class Lost(Exception):
    """The worker died with the command in its hands: whether it took effect is not known."""


def _watch_of(home: Path) -> heartbeat.Heartbeat | None:
    """None on the first day: there is no home yet that it could lie in."""
    if not home.exists():
        return None
    watch = heartbeat.Heartbeat.open(home)
    watch.reset()
    return watch


class Process:
    """One life, numbered from 1. `opened` when it can be asked; `ended` when it is gone."""

    def __init__(self, loop: SimLoop, number: int, plan: Plan) -> None:
        self._loop = loop
        self.number = number
        self._context = Context()
        self._context.run(PROCESS.set, number)
        self._plan = replace(plan, wrap_engine=self._keep_journal)
        self._journal: EmbeddedJournal | None = None
        self.watch = _watch_of(plan.home)
        self.office: Office | None = None
        self.ended = asyncio.Event()
        self.is_dead = False
        self.is_frozen = False
        self._end_following = asyncio.Event()
        self._answer: Callable[[Verb], Coroutine[Any, Any, object]]
        self._following: asyncio.Task[frozenset[str]]

    def _keep_journal(self, engine: Engine) -> Engine:
        assert isinstance(engine, EmbeddedJournal)
        self._journal = engine
        return engine

    def spawn(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Something that this process does."""
        return self._loop.create_task(work, context=self._context.copy())

    async def open(self) -> None:
        """Raises Lost where it dies meanwhile, and whatever keeps a worker from beginning."""
        self.office = await self._outcome(self.spawn(open_office(self._plan, self.watch)))
        self._following = self.spawn(follow(self.office, self._end_following, every_s=FOLLOW_S))
        self._answer = answers_of(self.office)
        failed = self.office.dispatcher.failure
        self.office.dispatcher.on_failure = self.kill
        if failed is not None:
            self.kill()

    async def ask(self, verb: Verb) -> object:
        """As over the socket. Raises Lost, AnswerableError."""
        if self.office is None or self.is_dead:
            raise Lost
        return await self._outcome(self.spawn(self._answer(verb)))

    async def _outcome(self, task: "asyncio.Task[T]") -> T:
        await asyncio.wait({task})
        if task.cancelled() or self.is_dead:
            if not task.cancelled():
                task.exception()
            raise Lost
        return task.result()

    async def close(self) -> None:
        """End well, as by SIGTERM; the files say all that the ledger says."""
        if self.office is None or self.is_dead:
            return
        self._end_following.set()
        with contextlib.suppress(Lost, AnswerableError):
            said = await self._outcome(self._following)
            await self._outcome(self.spawn(close_office(self.office, said)))
        self.kill()
        await self.ended.wait()

    def freeze(self) -> None:
        """Author code keeps the loop: nothing of this process runs until it is killed."""
        self.is_frozen = True
        self._loop.freeze(self.number)

    def kill(self) -> None:
        """As by SIGKILL, between two steps."""
        if not self.is_dead:
            self.is_dead = True
            self._loop.between_steps(self._die)

    def _die(self) -> None:
        if self._journal is not None:
            self._journal.abandon()
        self._loop.end_process(self.number)
        if self.office is not None:
            self.office.house.keys.close()
            with contextlib.suppress(sqlite3.Error):
                self.office.index.close()
        self.ended.set()
