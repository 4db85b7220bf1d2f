"""The worker's socket: only who may read the home may connect."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from answerable.base.errors import AnswerableError, Busy
from answerable.worker.verbs import Asked, Told, Verb
from answerable.worker.wire import frame, read_frame, socket_path

log = logging.getLogger("answerable.worker")

_IN_FLIGHT_PER_CONNECTION = 256
_decode = msgspec.json.Decoder(Asked).decode
_encode = msgspec.json.Encoder().encode

Call = Callable[[Verb], Awaitable[object]]


async def serve(home: Path, call: Call) -> asyncio.Server:
    """Listen for commands until the returned server is closed."""
    path = socket_path(home)
    path.unlink(missing_ok=True)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _Connection(reader, writer, call).run()

    server = await asyncio.start_unix_server(connected, path=str(path))
    path.chmod(0o600)
    return server


class _Connection:
    """One client: many commands at once, answers in any order."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, call: Call
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._call = call
        self._room = asyncio.Semaphore(_IN_FLIGHT_PER_CONNECTION)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        try:
            while (data := await read_frame(self._reader)) is not None:
                await self._room.acquire()
                task = asyncio.create_task(self._answer(data))
                self._tasks.add(task)
                task.add_done_callback(self._ended)
        except AnswerableError as error:
            self._tell(_error(0, error))
        except asyncio.CancelledError:
            pass  # the worker ends
        finally:
            self._writer.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._room.release()

    async def _answer(self, data: bytes) -> None:
        number = 0
        try:
            asked = _decode(data)
            number = asked.id
            result = _encode(await self._call(asked.verb))
            told = Told(id=number, result=msgspec.Raw(result))
        except AnswerableError as error:
            told = _error(number, error)
        except msgspec.DecodeError as error:
            told = Told(id=number, code="usage", exit_code=2, happened=f"Not a command: {error}.")
        except Exception as error:
            log.exception("a command failed")
            told = Told(id=number, code="error", exit_code=1, happened=f"{type(error).__name__}.")
        self._tell(told)
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    def _tell(self, told: Told) -> None:
        if not self._writer.is_closing():
            self._writer.write(frame(_encode(told)))


def _error(number: int, error: AnswerableError) -> Told:
    return Told(
        id=number, code=error.code, exit_code=error.exit_code, happened=error.happened,
        not_done=error.not_done, next_command=error.next_command,
        retry_after_s=error.retry_after_s if isinstance(error, Busy) else 0.0,
    )  # fmt: skip
