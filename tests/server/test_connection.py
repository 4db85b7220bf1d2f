"""What never becomes a request is bounded, and refused in the same words as everything else."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from answerable.server import connection
from answerable.server.connection import HEAD_BYTES_MAX, Connection

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
TWO_LENGTHS = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"
WITHIN_S = 0.5
LONG_S = 15.0


BIG = b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n"
BIG_BYTES = 8 * 1024 * 1024


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers at once, whatever is still to come of the request; at /held when it has come."""
    request = Request(scope, receive)
    if scope["path"] == "/held":
        await request.body()
    said = "x" * BIG_BYTES if scope["path"] == "/big" else "fine"
    await PlainTextResponse(said)(scope, receive, send)


@contextmanager
def served() -> Iterator[tuple[str, int]]:
    """Our connections, over a real socket, in a thread of the test's own."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, http=Connection, ws="none", lifespan="off", log_config=None,
        h11_max_incomplete_event_size=HEAD_BYTES_MAX,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        host, port = listening.getsockname()
        yield host, port
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    monkeypatch.setattr(connection, "HEAD_WITHIN_S", WITHIN_S)
    with served() as found:
        yield found


def rest(sent: socket.socket) -> bytes:
    """Everything that comes until it is closed."""
    sent.settimeout(LONG_S)
    parts: list[bytes] = []
    while True:
        try:
            part = sent.recv(65_536)
        except ConnectionResetError:
            part = b""
        if not part:
            return b"".join(parts)
        parts.append(part)


def is_answered(sent: socket.socket) -> bool:
    sent.settimeout(LONG_S)
    heard = b""
    while not heard.endswith(b"fine"):
        part = sent.recv(65_536)
        assert part, heard
        heard += part
    return True


def trickle(sent: socket.socket, byte: bytes) -> float:
    """A byte every 50 ms, until the other side has closed; how long that took."""
    began = time.monotonic()
    while time.monotonic() - began < LONG_S:
        try:
            sent.sendall(byte)
        except OSError:
            break
        time.sleep(0.05)
    return time.monotonic() - began


def refused(answer: bytes, status: int, code: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    assert first.split(b" ")[1] == str(status).encode(), answer
    assert b"content-type: application/problem+json" in headers
    assert b"connection: close" in headers
    told = json.loads(body)
    assert (told["status"], told["code"]) == (status, code)
    assert told["not_done"] == "Nothing was done."
    assert told["next_command"]


def test_headers_that_trickle_in_are_given_up_after_a_time(at: tuple[str, int]) -> None:
    with socket.create_connection(at) as sent:
        sent.sendall(GET + b"X: ")
        assert trickle(sent, b"x") < LONG_S / 2
    with socket.create_connection(at) as sent:
        sent.sendall(GET + b"X: ")
        refused(rest(sent), 408, "head_late")


def test_who_says_nothing_at_all_is_not_waited_for(at: tuple[str, int]) -> None:
    with socket.create_connection(at) as sent:
        refused(rest(sent), 408, "head_late")


def test_a_second_request_of_a_connection_has_as_long_as_the_first(at: tuple[str, int]) -> None:
    with socket.create_connection(at) as sent:
        sent.sendall(GET + b"\r\n")
        assert is_answered(sent)
        time.sleep(2 * WITHIN_S)  # kept alive: it has not begun yet
        sent.sendall(GET + b"\r\n")
        assert is_answered(sent)
        sent.sendall(b"GET / HT")
        assert trickle(sent, b"T") < LONG_S / 2


def test_a_body_that_nobody_waits_for_holds_no_connection(at: tuple[str, int]) -> None:
    with socket.create_connection(at) as sent:
        sent.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        assert is_answered(sent)
        assert trickle(sent, b"x") < LONG_S / 2


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        (b"hello\r\n\r\n", 400, "not_http"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "not_http"),  # HTTP/1.1 wants a host
        (GET + b"X: " + b"x" * (HEAD_BYTES_MAX + 1), 431, "headers_too_large"),
        (GET + TWO_LENGTHS + b"\r\n0\r\n\r\n", 400, "not_http"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n", 400, "not_http"),  # TLS
    ],
)
def test_what_is_no_request_is_refused_with_a_problem(
    at: tuple[str, int], said: bytes, status: int, code: str
) -> None:
    with socket.create_connection(at) as sent:
        sent.sendall(said)
        refused(rest(sent), status, code)


HELD = b"POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"


def test_one_connection_too_many_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS_MAX", 1)
    with served() as at, socket.create_connection(at) as first:
        first.sendall(HELD)
        time.sleep(WITHIN_S)
        with socket.create_connection(at) as second:
            second.sendall(GET + b"\r\n")
            answer = rest(second)
        refused(answer, 503, "overloaded")
        assert b"retry-after: " in answer
        first.sendall(b"x")
        assert is_answered(first)


def test_who_asks_for_nothing_makes_room_and_who_is_answered_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS_MAX", 2)
    monkeypatch.setattr(connection, "QUIET_S", WITHIN_S / 5)
    with served() as at, socket.create_connection(at) as held, socket.create_connection(at) as idle:
        held.sendall(HELD)
        idle.sendall(GET)
        time.sleep(WITHIN_S)
        with socket.create_connection(at) as asking:
            asking.sendall(GET + b"\r\n")
            assert is_answered(asking)
        assert rest(idle) == b""
        held.sendall(b"x")
        assert is_answered(held)


def test_who_has_just_come_or_was_just_answered_makes_no_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS_MAX", 2)
    monkeypatch.setattr(connection, "QUIET_S", LONG_S)
    with served() as at, socket.create_connection(at) as came, socket.create_connection(at) as told:
        told.sendall(GET + b"\r\n")
        assert is_answered(told)
        with socket.create_connection(at) as third:
            third.sendall(GET + b"\r\n")
            refused(rest(third), 503, "overloaded")
        for one in (came, told):  # what they send now is on its way while others come
            one.sendall(GET + b"\r\n")
            assert is_answered(one)


def small_reader(at: tuple[str, int]) -> socket.socket:
    sent = socket.socket()
    sent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sent.connect(at)
    return sent


@pytest.mark.parametrize("asked", [BIG, BIG * 2], ids=["its last answer", "one of several"])
def test_who_does_not_read_holds_nothing(monkeypatch: pytest.MonkeyPatch, asked: bytes) -> None:
    monkeypatch.setattr(connection, "READ_WITHIN_S", WITHIN_S)
    with served() as at, small_reader(at) as sent:
        sent.sendall(asked)
        time.sleep(4 * WITHIN_S)
        assert len(rest(sent)) < BIG_BYTES


def test_who_reads_slowly_gets_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "READ_WITHIN_S", WITHIN_S)
    with served() as at, small_reader(at) as sent:
        sent.sendall(BIG)
        began, heard = time.monotonic(), 0
        while heard < BIG_BYTES:
            part = sent.recv(256 * 1024)
            assert part
            heard += len(part)
            time.sleep(max(0.0, began + heard / BIG_BYTES * 3 * WITHIN_S - time.monotonic()))
        assert time.monotonic() - began > 2 * WITHIN_S
