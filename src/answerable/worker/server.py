"""The worker's socket: only who may read the home may connect."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from answerable.base.errors import AnswerableError, Busy, UsageError
from answerable.telemetry.failures import describe
from answerable.worker.verbs import Told, Verb, decode_verb
from answerable.worker.wire import clear_socket, frame, make_socket, read_frame

log = logging.getLogger("answerable.worker")

_IN_FLIGHT_PER_CONNECTION = 256
_encode = msgspec.json.Encoder().encode

Call = Callable[[Verb], Awaitable[object]]


class _Asked(msgspec.Struct, frozen=True):
    """A request whose verb is not read yet: what is wrong with it is told under its number."""

    id: int
    verb: msgspec.Raw


_decode = msgspec.json.Decoder(_Asked).decode


class Server:
    """Listens until it is closed; then every connection ends."""

    def __init__(self, home: Path, server: asyncio.Server, connections: set["_Connection"]) -> None:
        self._home = home
        self._server = server
        self._connections = connections

    async def close(self) -> None:
        """Take nothing more; commands on their way are not answered."""
        self._server.close()
        clear_socket(self._home)
        for connection in list(self._connections):
            await connection.close()


async def serve(home: Path, call: Call) -> Server:
    """Listen for commands until the returned server is closed. Raises Broken."""
    connections: set[_Connection] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(reader, writer, call)
        connections.add(connection)
        try:
            await connection.run()
        finally:
            connections.discard(connection)

    server = await asyncio.start_unix_server(connected, sock=make_socket(home))
    return Server(home, server, connections)


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
        self._running = asyncio.current_task()

    async def run(self) -> None:
        self._running = asyncio.current_task()
        try:
            while True:
                try:
                    data = await read_frame(self._reader)
                except UsageError as error:  # what was too large has been read past
                    self._tell(_error(0, error))
                    continue
                if data is None:
                    break
                await self._room.acquire()
                task = asyncio.create_task(self._answer(data))
                self._tasks.add(task)
                task.add_done_callback(self._ended)
        except asyncio.CancelledError:
            pass  # the worker ends
        finally:
            self._writer.close()

    async def close(self) -> None:
        tasks = [*self._tasks, *([self._running] if self._running else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._room.release()

    async def _answer(self, data: bytes) -> None:
        number = 0
        try:
            asked = _decode(data)
            number = asked.id
            result = _encode(await self._call(decode_verb(bytes(asked.verb))))
            told = Told(id=number, result=msgspec.Raw(result))
        except AnswerableError as error:
            told = _error(number, error)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            told = _error(number, UsageError("That is no command.", "Nothing was done.", _HELP))
        except Exception as error:  # noqa: BLE001 - a command costs its caller, nobody else
            log.error("a command failed: %s", describe(error))
            told = Told(
                id=number, code="error", exit_code=1,
                happened=f"The command failed by a defect of ours: {type(error).__name__}.",
                not_done="Whether it took effect is not known.",
                next_command="read the worker's log, which says where it was",
            )  # fmt: skip
        self._tell(told)
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    def _tell(self, told: Told) -> None:
        if self._writer.is_closing():
            return
        try:
            self._writer.write(frame(_encode(told)))
        except UsageError as error:  # more than a frame holds
            self._writer.write(frame(_encode(_error(told.id, error))))


_HELP = "answerable --help"


def _error(number: int, error: AnswerableError) -> Told:
    happened, not_done, next_command = (
        part.encode(errors="replace").decode()
        for part in (error.happened, error.not_done, error.next_command)
    )
    return Told(
        id=number, code=error.code, exit_code=error.exit_code,
        http_status=error.http_status, happened=happened,
        not_done=not_done, next_command=next_command,
        retry_after_s=error.retry_after_s if isinstance(error, Busy) else 0.0,
    )  # fmt: skip
