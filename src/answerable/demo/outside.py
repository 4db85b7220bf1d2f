"""The outside: a shop and a mailbox in a process of their own, that fail at stated rates.

`python -m answerable.demo.outside --home DIR --seed S` listens on `DIR/outside.sock` and keeps
`DIR/outside.books.jsonl`. It does not deduplicate; it can be asked what was done under a key.
"""

import argparse
import asyncio
import contextlib
import fcntl
import signal
import sys
import termios
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from answerable.base.clock import Clock, SystemClock
from answerable.base.errors import AnswerableError
from answerable.demo.books import REFUND, REPLY, Bookkeeper, books_path, read_books
from answerable.demo.outside_faults import Fault, Faults, Rates
from answerable.demo.shop import find_order
from answerable.demo.wire import LINE_BYTES_MAX, Answer, Request, socket_address, socket_path

_FOUND_AT = {"shop.find": REFUND, "mail.find": REPLY}


class Outside:
    """The doors, the faults and the books behind every connection."""

    def __init__(self, keeper: Bookkeeper, faults: Faults, clock: Clock) -> None:
        self.connections: dict[Connection, None] = {}
        self._keeper = keeper
        self._faults = faults
        self._clock = clock
        self._pending: dict[tuple[str, str], int] = {}
        self._lookups: list[_Lookup] = []
        self._doors: dict[str, Callable[[Connection, Request], None]] = {
            "shop.order": self._order,
            REFUND: self._effect,
            REPLY: self._effect,
            "shop.find": self._find,
            "mail.find": self._find,
            "books": self._totals,
        }

    def handle(self, connection: "Connection", request: Request) -> None:
        door = self._doors.get(request.door)
        if door is None:
            connection.answer(Answer(id=request.id, ok=False, why="bad_request"))
        else:
            door(connection, request)

    def settle(self) -> None:
        """The books first, then the answers: nobody hears of what is not written."""
        if self._lookups:
            waiting, self._lookups = self._lookups, []
            for lookup in waiting:
                self._answer_when_read(lookup)
        self._keeper.write()
        for connection in self.connections:
            connection.send()

    def close(self) -> None:
        """Take nothing more; what is still pending is never done."""
        for connection in list(self.connections):
            connection.close()

    def _order(self, connection: "Connection", request: Request) -> None:
        fault, delay_s = self._faults.draw(request.door, request.key or request.order)
        order = find_order(request.order)
        match fault:
            case Fault.NONE:
                connection.answer(Answer(id=request.id, ok=True, order=order))
            case Fault.FAIL:
                connection.answer(Answer(id=request.id, ok=False, why="failed"))
            case Fault.LATE:
                answer = Answer(id=request.id, ok=True, order=order)
                later(delay_s, partial(self._answer_late, connection, answer))
            case Fault.CLOSE:
                connection.break_off()
            case Fault.HANG | Fault.HANG_DONE | Fault.LOST:
                pass

    def _effect(self, connection: "Connection", request: Request) -> None:
        why = _objection(request)
        fault, delay_s = self._faults.draw(request.door, request.key)
        if why or fault is Fault.FAIL:
            connection.answer(Answer(id=request.id, ok=False, why=why or "failed"))
            return
        match fault:
            case Fault.NONE:
                receipt = self._keeper.do(request, self._clock.now())
                connection.answer(Answer(id=request.id, ok=True, receipt=receipt))
            case Fault.HANG:
                pass
            case Fault.HANG_DONE | Fault.LOST:
                self._keeper.do(request, self._clock.now())
            case Fault.CLOSE:
                self._keeper.do(request, self._clock.now())
                connection.break_off()
            case Fault.LATE:
                name = (request.door, request.key)
                self._pending[name] = self._pending.get(name, 0) + 1
                later(delay_s, partial(self._effect_late, connection, request))

    def _effect_late(self, connection: "Connection", request: Request) -> None:
        name = (request.door, request.key)
        self._pending[name] -= 1
        if not self._pending[name]:
            del self._pending[name]
        receipt = self._keeper.do(request, self._clock.now())
        self._answer_late(connection, Answer(id=request.id, ok=True, receipt=receipt))

    def _answer_late(self, connection: "Connection", answer: Answer) -> None:
        connection.answer(answer)
        self.settle()

    def _find(self, connection: "Connection", request: Request) -> None:
        if self._faults.draw(request.door, request.key)[0] is Fault.FAIL:
            connection.answer(Answer(id=request.id, ok=False, why="failed"))
            return
        marks = [
            (other, other.bytes_read + unread)
            for other in self.connections
            if other is not connection and (unread := other.bytes_unread())
        ]
        self._answer_when_read(_Lookup(connection, request, marks))

    def _answer_when_read(self, lookup: "_Lookup") -> None:
        """Wait for what other connections sent before it: a look-up must not overtake its request.

        A worker that was killed may have left its request unread on the connection it had.
        """
        lookup.marks = [
            (other, mark)
            for other, mark in lookup.marks
            if other in self.connections and other.bytes_read < mark
        ]
        if lookup.marks:
            self._lookups.append(lookup)
            return
        door, key = _FOUND_AT[lookup.request.door], lookup.request.key
        answer = Answer(id=lookup.request.id, ok=True, state="absent")
        if account := self._keeper.books.under(door, key):
            answer.state, answer.receipt, answer.times = "done", account.receipt, account.times
        elif (door, key) in self._pending:
            answer.state = "pending"
        lookup.connection.answer(answer)

    def _totals(self, connection: "Connection", request: Request) -> None:
        totals = self._keeper.books.totals()
        connection.answer(Answer(id=request.id, ok=True, totals=totals))


class Connection(asyncio.Protocol):
    """One peer: lines in, lines out."""

    def __init__(self, outside: Outside) -> None:
        self.bytes_read = 0
        self._outside = outside
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._answers: list[bytes] = []
        self._is_broken_off = False
        self._decode = msgspec.json.Decoder(Request).decode
        self._encode = msgspec.json.Encoder().encode

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._outside.connections[self] = None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._outside.connections.pop(self, None)
        self._outside.settle()

    def data_received(self, data: bytes) -> None:
        self.bytes_read += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        self._outside.settle()
        if len(self._rest) > LINE_BYTES_MAX:
            self.break_off()
        if self._is_broken_off:
            self.close()

    def answer(self, answer: Answer) -> None:
        """Keep it until the books are written."""
        self._answers.append(self._encode(answer))

    def send(self) -> None:
        if self._answers and self._transport is not None and not self._is_broken_off:
            self._answers.append(b"")
            self._transport.write(b"\n".join(self._answers))
        self._answers.clear()

    def break_off(self) -> None:
        """Finish what was read, answer nothing more, close."""
        self._is_broken_off = True

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def bytes_unread(self) -> int:
        """What the peer has sent and we have not read."""
        socket = None if self._transport is None else self._transport.get_extra_info("socket")
        if socket is None or self._is_broken_off or socket.fileno() < 0:
            return 0
        count = fcntl.ioctl(socket.fileno(), termios.FIONREAD, bytes(4))
        return int.from_bytes(count, sys.byteorder)

    def _line(self, line: bytes) -> None:
        try:
            request = self._decode(line)
        except msgspec.MsgspecError:
            self.answer(Answer(id=0, ok=False, why="bad_request"))
        else:
            self._outside.handle(self, request)


class _Lookup:
    """A look-up that waits until each connection was read up to its mark."""

    def __init__(
        self, connection: Connection, request: Request, marks: list[tuple[Connection, int]]
    ) -> None:
        self.connection = connection
        self.request = request
        self.marks = marks


def later(delay_s: float, action: Callable[[], None]) -> None:
    """Run it on this loop after a real delay."""
    asyncio.get_running_loop().call_later(delay_s, action)


def _objection(request: Request) -> str:
    """Why the door will not take it, whatever the weather."""
    if not request.key:
        return "bad_request"
    if request.door == REPLY:
        return "" if request.to and request.in_reply_to else "bad_request"
    if request.amount_minor <= 0:
        return "bad_request"
    return "" if find_order(request.order) else "no_such_order"


async def serve(home: Path, seed: int, rates: Rates, *, is_leashed: bool = False) -> None:
    """Listen until SIGTERM, SIGINT or, leashed, until standard input is closed."""
    clock = SystemClock()
    keeper = Bookkeeper(books_path(home))
    starts = keeper.start(clock.now())
    outside = Outside(keeper, Faults(seed, starts, rates), clock)
    address = socket_address(socket_path(home))
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    server = await loop.create_unix_server(partial(Connection, outside), address)
    if is_leashed:
        loop.add_reader(sys.stdin.fileno(), over.set)
    sys.stdout.write(f"outside listens at {address}\n")
    sys.stdout.flush()
    await over.wait()
    server.close()
    outside.close()
    keeper.close()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="answerable.demo.outside", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="directory of socket and books")
    parser.add_argument("--seed", type=int, default=0, help="chooses which requests fail")
    parser.add_argument("--leash", action="store_true", help="end when standard input is closed")
    parser.add_argument("--report", action="store_true", help="print the books' totals and end")
    for name, rate in msgspec.structs.asdict(Rates()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=rate, metavar="RATE")
    options = vars(parser.parse_args(arguments))
    home, seed, is_leashed = options.pop("home"), options.pop("seed"), options.pop("leash")
    if options.pop("report"):
        totals = read_books(books_path(home)).totals()
        sys.stdout.write(msgspec.json.encode(totals).decode() + "\n")
        return 0
    home.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(serve(home, seed, Rates(**options), is_leashed=is_leashed))
    except AnswerableError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
