"""One connection: uvicorn's, but a head has a deadline, and who is refused gets a problem.

What the server cannot read never comes to the application, so it is answered here.
"""

import asyncio
import sys
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from answerable.base.errors import AnswerableError
from answerable.server.app import HEADER_BYTES_MAX
from answerable.server.errors import HeadersTooLarge, HeadLate, NotHttp, Overloaded
from answerable.server.problems import respond

HEAD_BYTES_MAX = 4 * HEADER_BYTES_MAX  # the request line and its query are part of it
HEAD_WITHIN_S = 10.0
CONNECTIONS_MAX = 1_000


class Connection(H11Protocol):
    """From its first byte on a request has `HEAD_WITHIN_S` to say what it wants, however slowly it
    trickles; a connection that says nothing has as long. A body's time is `calls.read_body`'s."""

    _deadline: asyncio.TimerHandle | None = None
    _is_too_many = False  # when it came; it is told so once it has said something

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._is_too_many = len(self.connections) > CONNECTIONS_MAX
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        if self._is_too_many:
            self._refuse(Overloaded())
            return
        super().data_received(data)
        if self._is_answering:
            self._stop_waiting()
        else:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def send_400_response(self, _msg: str) -> None:
        """Called by uvicorn where it has caught what h11 says of the bytes that came."""
        error = sys.exception()
        is_large = isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431
        self._refuse(HeadersTooLarge(HEAD_BYTES_MAX) if is_large else NotHttp())

    @property
    def _is_answering(self) -> bool:
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
        if not self._is_answering:
            self._refuse(HeadLate(HEAD_WITHIN_S))

    def _refuse(self, error: AnswerableError) -> None:
        """Say why, where an answer can still be said, and close."""
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        if self.conn.our_state is h11.IDLE:
            answer = respond(error)
            headers = [*answer.raw_headers, (b"connection", b"close")]
            said = (
                h11.Response(status_code=answer.status_code, headers=headers),
                h11.Data(data=bytes(answer.body)),
                h11.EndOfMessage(),
            )
            self.transport.write(b"".join(self.conn.send(part) or b"" for part in said))
        self.transport.close()
