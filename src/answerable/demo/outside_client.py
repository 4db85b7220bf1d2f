"""The light client of the outside: many calls over two connections, no task per call."""

import asyncio
from pathlib import Path
from zlib import crc32

import msgspec

from answerable.base.errors import AnswerableError
from answerable.demo.wire import Answer, socket_address


class OutsideRefused(AnswerableError):
    """The outside said definitely that it did not do what this call asked."""

    code = "outside_refused"
    http_status = 502

    def __init__(self, door: str, why: str) -> None:
        self.door = door
        self.why = why  # failed, no_such_order, bad_request
        super().__init__(f"The outside refused {door}: {why}.", "It did nothing for this call.")


class OutsideSilent(AnswerableError):
    """The request was sent and no answer came: whether it was done is not known."""

    code = "outside_silent"
    http_status = 504

    def __init__(self, door: str, happened: str) -> None:
        self.door = door
        super().__init__(
            f"{happened} after {door} was sent.",
            "Whether it was done is not known.",
            "look it up by its key before asking again",
        )


class OutsideUnreachable(AnswerableError):
    """The request never left: definitely not done."""

    code = "outside_unreachable"
    http_status = 503

    def __init__(self, door: str, address: str) -> None:
        self.door = door
        super().__init__(f"Nobody listens at {address}.", f"{door} was not sent.", "try again")


class OutsideClient:
    """Calls under one key always take the same connection, in the order they were made."""

    def __init__(self, path: Path, *, connections: int = 2) -> None:
        """`path` is the socket, `wire.socket_path(home)`. Connects when first called."""
        self._lanes = [_Lane(socket_address(path)) for _ in range(connections)]
        self._turn = 0

    async def call(self, door: str, timeout_s: float, **fields: str | int) -> Answer:
        """Ask one door; raises OutsideRefused, OutsideSilent or OutsideUnreachable."""
        if key := fields.get("key"):
            lane = self._lanes[crc32(str(key).encode()) % len(self._lanes)]
        else:
            self._turn += 1
            lane = self._lanes[self._turn % len(self._lanes)]
        answer = await lane.call(door, timeout_s, fields)
        if not answer.ok:
            raise OutsideRefused(door, answer.why)
        return answer

    async def close(self) -> None:
        """Break off what is under way (OutsideSilent) and close the connections."""
        for lane in self._lanes:
            lane.close()
        await asyncio.sleep(0)


class _Lane(asyncio.Protocol):
    """One connection, opened again when it broke."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._transport: asyncio.WriteTransport | None = None
        self._opening: asyncio.Future[None] | None = None
        self._waiting: dict[int, _Call] = {}
        self._unsent: list[_Call] = []
        self._rest = b""
        self._last_id = 0
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(Answer).decode

    async def call(self, door: str, timeout_s: float, fields: dict[str, str | int]) -> Answer:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        if self._transport is None:
            await self._open(door, timeout_s)
        self._last_id += 1
        number = self._last_id
        line = self._encode({"id": number, "door": door, **fields})
        call = _Call(number, door, line, loop.create_future())
        self._waiting[number] = call
        if not self._unsent:
            loop.call_soon(self._send)
        self._unsent.append(call)
        timer = loop.call_at(deadline, self._expire, call)
        try:
            return await call.answer
        finally:
            timer.cancel()
            self._waiting.pop(number, None)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # -- what asyncio calls ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._rest = b""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None
        waiting, self._waiting = self._waiting, {}
        self._unsent.clear()
        for call in waiting.values():
            self._fail(call, "The connection broke")

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            answer = self._decode(line)
            call = self._waiting.pop(answer.id, None)
            if call is not None and not call.answer.done():
                call.answer.set_result(answer)

    # -- inside ---------------------------------------------------------------------------------

    async def _open(self, door: str, timeout_s: float) -> None:
        """One attempt that all who wait share."""
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._connect())
            self._opening.add_done_callback(self._opened)
        try:
            await asyncio.wait_for(asyncio.shield(self._opening), timeout_s)
        except OSError as error:  # refused, absent, timed out
            raise OutsideUnreachable(door, self._address) from error
        if self._transport is None:
            raise OutsideUnreachable(door, self._address)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: self, self._address)

    def _opened(self, opening: "asyncio.Future[None]") -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # seen by those who waited; by nobody if they all gave up

    def _send(self) -> None:
        """Everything that was asked in this round of the loop, in one write."""
        calls, self._unsent = self._unsent, []
        if self._transport is None or not calls:
            return
        lines = []
        for call in calls:
            if not call.answer.done():
                call.is_sent = True
                lines.append(call.line)
        lines.append(b"")
        self._transport.write(b"\n".join(lines))

    def _expire(self, call: "_Call") -> None:
        self._waiting.pop(call.id, None)
        self._fail(call, "No answer came in time")

    def _fail(self, call: "_Call", happened: str) -> None:
        if call.answer.done():
            return
        if call.is_sent:
            call.answer.set_exception(OutsideSilent(call.door, happened))
        else:
            call.answer.set_exception(OutsideUnreachable(call.door, self._address))


class _Call:
    """One request under way."""

    __slots__ = ("answer", "door", "id", "is_sent", "line")

    def __init__(
        self, number: int, door: str, line: bytes, answer: "asyncio.Future[Answer]"
    ) -> None:
        self.id = number
        self.door = door
        self.line = line
        self.answer = answer
        self.is_sent = False
