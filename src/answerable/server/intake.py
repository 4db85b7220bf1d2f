"""Messages on their way in: those that come while others are on their way go together.

One command to the worker takes it some hundred microseconds whatever is in it, and a hundred
requests that wait for one fsync need one. Each request is still accepted or refused by itself:
where the worker refuses what went together, halves of it go again, down to the one that is amiss.
That is safe, since a message that comes again is the same message.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from answerable.base.errors import AnswerableError
from answerable.rails.port import Ack, Incoming
from answerable.server.gate import Gate
from answerable.worker.client import RemoteError
from answerable.worker.verbs import MessagesAccept

_MESSAGES_MAX = 256  # in one command, unless one request has more
_CHARS_MAX = 2 * 1024 * 1024


@dataclass(slots=True, eq=False)
class _Request:
    messages: Sequence[Incoming]
    acks: asyncio.Future[list[Ack]]


class Intake:
    """One per process. How many wait here is bounded by how many requests are let in."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._waiting: list[_Request] = []
        self._sending: asyncio.Task[None] | None = None

    async def accept(self, messages: Sequence[Incoming]) -> list[Ack]:
        """All durable on return, or none of them taken. Raises as Gate.ask."""
        request = _Request(messages, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())
        return await request.acks

    async def _send_all(self) -> None:
        while self._waiting:
            await self._send(self._next())

    def _next(self) -> list[_Request]:
        taken: list[_Request] = []
        messages = chars = 0
        for request in self._waiting:
            messages += len(request.messages)
            chars += sum(len(one.text) for one in request.messages)
            if taken and (messages > _MESSAGES_MAX or chars > _CHARS_MAX):
                break
            taken.append(request)
        self._waiting = self._waiting[len(taken) :]
        return [one for one in taken if not one.acks.done()]  # who went away asks again

    async def _send(self, requests: list[_Request]) -> None:
        messages = tuple(message for one in requests for message in one.messages)
        if not messages:
            return
        try:
            acks = iter(await self._gate.ask(MessagesAccept(messages), list[Ack]))
        except RemoteError as error:
            if len(requests) == 1:
                _refuse(requests, error)
                return
            half = len(requests) // 2
            await self._send(requests[:half])
            await self._send(requests[half:])
        except AnswerableError as error:  # that is about no message of theirs
            _refuse(requests, error)
        except BaseException as error:
            _refuse(requests, error)
            raise
        else:
            for one in requests:
                mine = [next(acks) for _ in one.messages]
                if not one.acks.done():
                    one.acks.set_result(mine)


def _refuse(requests: Sequence[_Request], error: BaseException) -> None:
    for one in requests:
        if one.acks.done():
            continue
        if isinstance(error, asyncio.CancelledError):
            one.acks.cancel()
        else:
            one.acks.set_exception(error)
