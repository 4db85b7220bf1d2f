"""One connection: uvicorn's, but whoever is at its other end has to read and to write in time.

What the server cannot read never comes to the application, so it is answered here.
"""

import asyncio
import sys
from typing import Any
from weakref import WeakKeyDictionary

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from answerable.base.errors import AnswerableError
from answerable.server.app import HEADER_BYTES_MAX
from answerable.server.errors import HeadersTooLarge, HeadLate, NotHttp, Overloaded
from answerable.server.problems import respond

HEAD_BYTES_MAX = 4 * HEADER_BYTES_MAX  # the request line and its query are part of it
HEAD_WITHIN_S = 10.0
READ_WITHIN_S = 10.0
READ_BYTES_MIN = 16 * 1024  # in that time, by who does not read all that there is
CONNECTIONS_MAX = 1_000
QUIET_S = 3.0  # so long after it came, or was answered, whoever asks for nothing may have to go


_QUIET: WeakKeyDictionary[ServerState, "dict[Connection, None]"] = WeakKeyDictionary()
"""Of each server, in the order in which they fell silent: looked at for each one too many."""


class _Framed(h11.Connection):
    """Refuses a body of two lengths: a proxy in front may believe the other one (RFC 9112, 6.1)."""

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            names = {name for name, _ in event.headers}
            if {b"content-length", b"transfer-encoding"} <= names:
                raise h11.RemoteProtocolError("a body of two lengths")
        return event


class Connection(H11Protocol):
    """From its first byte on a request has `HEAD_WITHIN_S` to say what it wants, however slowly it
    trickles; a connection that says nothing has as long. A body's time is `calls.read_body`'s.
    Where all places are taken, whoever has asked for nothing for some seconds makes room: the one
    that has for longest. Not at once: the request of who has just come may be on its way.
    """

    _deadline: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None
    _quiet: asyncio.TimerHandle | None = None
    _is_too_many = False  # when it came; it is told so once it has said something

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.conn = _Framed(h11.SERVER, HEAD_BYTES_MAX)
        self._quiet_ones = _QUIET.setdefault(self.server_state, {})

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=1, low=0)  # so that we hear of all that is not read
        if len(self.connections) > CONNECTIONS_MAX:
            self._is_too_many = not self._make_room()
        self._wait_for_head()
        self._wait_for_quiet()

    def _make_room(self) -> bool:
        for one in self._quiet_ones:
            if not one.is_answering and not one.transport.is_closing():
                one.transport.close()
                return True
        return False

    def data_received(self, data: bytes) -> None:
        if self._is_too_many:
            self._refuse(Overloaded())
            return
        super().data_received(data)
        if self.is_answering:
            self._stop_waiting()
            self._forget_quiet()
        else:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._forget_reader()
        self._forget_quiet()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._wait_for_quiet()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Not all was read at once: what waits for it is a request's place, or the whole end."""
        super().pause_writing()
        if self._reader is None:
            self._wait_for_reader()

    def resume_writing(self) -> None:
        self._forget_reader()
        super().resume_writing()

    def send_400_response(self, _msg: str) -> None:
        """Called by uvicorn where it has caught what h11 says of the bytes that came."""
        error = sys.exception()
        is_large = isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431
        self._refuse(HeadersTooLarge(HEAD_BYTES_MAX) if is_large else NotHttp())

    @property
    def is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_for_head(self) -> None:
        """Not from anew with each byte: that is what who trickles them counts on."""
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(HEAD_WITHIN_S, self._head_is_late)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _head_is_late(self) -> None:
        self._deadline = None
        if not self.is_answering:
            self._refuse(HeadLate(HEAD_WITHIN_S))

    def _wait_for_quiet(self) -> None:
        """The loop reads what has come before it looks at timers: whatever was sent in that time is
        read before this is quiet, however slow the loop is."""
        self._forget_quiet()
        if not self.transport.is_closing():
            self._quiet = self.loop.call_later(QUIET_S, self._now_quiet)

    def _now_quiet(self) -> None:
        self._quiet = None
        self._quiet_ones[self] = None

    def _forget_quiet(self) -> None:
        self._quiet_ones.pop(self, None)
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None

    def _wait_for_reader(self) -> None:
        size = self.transport.get_write_buffer_size()
        self._reader = self.loop.call_later(READ_WITHIN_S, self._reader_is_late, size)

    def _reader_is_late(self, size_before: int) -> None:
        if self.transport.get_write_buffer_size() > size_before - READ_BYTES_MIN:
            self._reader = None
            self.transport.abort()
        else:
            self._wait_for_reader()

    def _forget_reader(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def _refuse(self, error: AnswerableError) -> None:
        """Say why, where an answer can still be said, and close."""
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        if not self.is_answering and self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = respond(error)
            headers = [*answer.raw_headers, (b"connection", b"close")]
            said = (
                h11.Response(status_code=answer.status_code, headers=headers),
                h11.Data(data=bytes(answer.body)),
                h11.EndOfMessage(),
            )
            self.transport.write(b"".join(self.conn.send(part) or b"" for part in said))
        self.transport.close()
