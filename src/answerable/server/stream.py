"""The feed as server-sent events: gap-free by cursor, ended by whoever goes first.

`id:` is the cursor: a client that comes again with `Last-Event-ID` gets all that came after it.
Where the worker restarts, the stream waits and goes on; where the key is revoked, it ends.
"""

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from answerable.server.calls import Call
from answerable.server.errors import (
    DeadlinePassed,
    KeyRefused,
    Malformed,
    Overloaded,
    WorkerUnreachable,
)
from answerable.server.table import EVENTS
from answerable.worker.verbs.base import Index, Word
from answerable.worker.verbs.cases import CaseFeed, FeedPage, Happened

_AT_ONCE = 100
_WAIT_S = 5.0  # after that long without an event a heartbeat says that the stream lives
_PAUSE_S = 0.5
_AWAY = (WorkerUnreachable, DeadlinePassed, Overloaded)


class FeedParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`after` is the cursor to go on from; `Last-Event-ID` comes before it. 0 is the beginning."""

    after: Index = 0


class CaseFeedParameters(FeedParameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same, of one case."""

    case: Word


class EventStream(StreamingResponse):
    """Holds its place among the streams for as long as somebody reads it."""

    media_type = EVENTS

    def __init__(self, call: Call, events: AsyncIterator[bytes]) -> None:
        self._lobby = call.lobby
        super().__init__(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._lobby.streams.take():
            await super().__call__(scope, receive, send)


async def events(call: Call) -> Response:
    """Entries as they happen, without bodies."""
    cursor = _cursor(call)
    first = await _page(call, cursor, 0.0)  # what is wrong is said before the stream begins
    return EventStream(call, _events(call, cursor, first))


async def _events(call: Call, cursor: int, first: FeedPage) -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\n"
    async for page in _pages(call, first):
        for event in page.events:
            yield _written(event)
            cursor = event.position
        if cursor != page.cursor:  # what lay between is of other cases: not to be read again
            cursor = page.cursor
            yield f"id: {cursor}\n\n".encode()
        elif not page.events:
            yield b": alive\n\n"


async def _pages(call: Call, page: FeedPage) -> AsyncIterator[FeedPage]:
    """Page after page, until the process ends or the key does."""
    lobby, caller = call.lobby, call.caller
    assert caller is not None
    while True:
        yield page
        if lobby.ending.is_set():
            return
        asking = asyncio.create_task(_next(call, page.cursor))
        ending = asyncio.create_task(lobby.ending.wait())
        try:
            await asyncio.wait((asking, ending), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                return
            page = asking.result()
            await lobby.renew(caller.digest)
        except KeyRefused:
            return
        except _AWAY:
            page = FeedPage((), page.cursor)
            await asyncio.sleep(_PAUSE_S)
        finally:
            asking.cancel()
            ending.cancel()


async def _next(call: Call, cursor: int) -> FeedPage:
    return await _page(call, cursor, _WAIT_S)


async def _page(call: Call, cursor: int, wait_s: float) -> FeedPage:
    case = getattr(call.parameters, "case", "")
    verb = CaseFeed(case, cursor, _AT_ONCE, wait_s)
    return await call.lobby.gate.ask(verb, FeedPage)


def _cursor(call: Call) -> int:
    """Where the client stands. Raises Malformed."""
    said = call.request.headers.get("last-event-id", "")
    if not said:
        return int(call.parameters.after)
    try:
        return msgspec.convert(said, Index, strict=False)
    except msgspec.ValidationError:
        raise Malformed("`Last-Event-ID` is not one that this stream has sent") from None


def _written(event: Happened) -> bytes:
    data = msgspec.json.encode(event).decode()
    return f"id: {event.position}\nevent: {event.kind}\ndata: {data}\n\n".encode()
