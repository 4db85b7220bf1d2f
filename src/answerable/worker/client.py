"""The light client of the worker's socket: what the command line and the demo speak through."""

import asyncio
import contextlib
import itertools
from pathlib import Path
from typing import TypeVar

import msgspec

from answerable.base.errors import AnswerableError, Busy
from answerable.worker.verbs import Asked, Told, Verb, encode_asked
from answerable.worker.wire import frame, read_frame, socket_path

T = TypeVar("T")
_decode = msgspec.json.Decoder(Told).decode


class WorkerAway(AnswerableError):
    """Nobody listens on the home's socket, or the connection broke before the answer."""

    code = "worker_away"
    http_status = 503

    def __init__(self, home: Path) -> None:
        super().__init__(
            f"No worker answers for '{home}'.",
            "Whether a command that was on its way took effect is not known; repeat it.",
            f"answerable worker --home {home}",
        )


class RemoteError(AnswerableError):
    """What the worker said, with its code and exit code."""

    def __init__(self, told: Told) -> None:
        self.code = told.code
        self.exit_code = told.exit_code
        self.http_status = told.http_status
        super().__init__(told.happened, told.not_done, told.next_command)


class Client:
    """One connection, many commands at once. Raises WorkerAway, Busy, RemoteError, UsageError."""

    def __init__(
        self, home: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._home = home
        self._writer = writer
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Told]] = {}
        self._reading = asyncio.create_task(self._read(reader))

    @classmethod
    async def connect(cls, home: Path) -> "Client":
        try:
            reader, writer = await asyncio.open_unix_connection(str(socket_path(home)))
        except OSError:
            raise WorkerAway(home) from None
        return cls(home, reader, writer)

    @property
    def is_open(self) -> bool:
        """Whether the worker was there a moment ago: only then is a command sent at all."""
        return not self._reading.done()

    async def call(self, verb: Verb, returns: type[T]) -> T:
        """Run a command; its result as `returns`."""
        if self._reading.done():
            raise WorkerAway(self._home)
        asked = Asked(next(self._numbers), verb)
        sent = frame(encode_asked(asked))
        waiter = asyncio.get_running_loop().create_future()
        self._waiting[asked.id] = waiter
        self._writer.write(sent)
        with contextlib.suppress(ConnectionError):  # then the reader ends, and says so
            await self._writer.drain()
        told = await waiter
        if told.code == Busy.code:
            raise Busy(told.happened, told.not_done, retry_after_s=told.retry_after_s)
        if told.code:
            raise RemoteError(told)
        return msgspec.json.decode(told.result, type=returns)

    async def close(self) -> None:
        self._writer.close()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while (data := await read_frame(reader)) is not None:
                told = _decode(data)
                waiter = self._waiting.pop(told.id, None)
                if waiter is not None and not waiter.done():
                    waiter.set_result(told)
        finally:
            self._writer.close()
            for waiter in self._waiting.values():
                if not waiter.done():
                    waiter.set_exception(WorkerAway(self._home))
