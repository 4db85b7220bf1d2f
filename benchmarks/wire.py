"""A client that sends messages over HTTP and costs as little as it can."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

_ACCEPTED, _BUSY = 202, 503


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `again_s` is its Retry-After, None where it has none."""

    status: int
    media: str
    again_s: float | None
    body: bytes


class Link:
    """One connection, one request at a time: it must not be what is measured."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str
    ) -> None:
        self._reader, self._writer, self._head = reader, writer, head
        self._is_last = False

    @classmethod
    async def open(cls, url: str, secret: str) -> "Link":
        where = urlsplit(url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        head = (
            f"POST /v1/messages HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {secret}"
            "\r\nContent-Type: application/json\r\nContent-Length: "
        )
        return cls(reader, writer, head)

    @property
    def is_open(self) -> bool:
        return not (self._is_last or self._reader.at_eof() or self._writer.is_closing())

    async def post(self, body: bytes) -> Answer:
        """Raises OSError and IncompleteReadError where the other end went away."""
        self._writer.write(f"{self._head}{len(body)}\r\n\r\n".encode() + body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        said = await self._reader.readexactly(int(_header(head, b"content-length") or 0))
        self._is_last = _header(head, b"connection") == b"close"
        again = _header(head, b"retry-after")
        media = _header(head, b"content-type").decode()
        return Answer(int(head.split(b" ", 2)[1]), media, float(again) if again else None, said)

    def close(self) -> None:
        self._writer.close()


class Sender:
    """Sends all that it is given, and comes again when it was told to."""

    def __init__(self, url: str, secret: str) -> None:
        self._url, self._secret = url, secret
        self.took_s: list[float] = []  # of each request, until it was accepted
        self.refused = 0  # how often one was told to come again

    async def run(self, bodies: list[bytes], clients: int) -> float:
        """Send them all; the seconds that it took."""
        waiting = iter(bodies)
        began = time.perf_counter()
        await asyncio.gather(*(self._client(waiting) for _ in range(clients)))
        return time.perf_counter() - began

    async def _client(self, waiting: Iterator[bytes]) -> None:
        link = await Link.open(self._url, self._secret)
        for body in waiting:
            began = time.perf_counter()
            while (answer := await link.post(body)).status != _ACCEPTED:
                if answer.status != _BUSY or answer.again_s is None:
                    raise SystemExit(f"not accepted: {answer!r:.400}")
                self.refused += 1
                link.close()
                await asyncio.sleep(answer.again_s)
                link = await Link.open(self._url, self._secret)
            self.took_s.append(time.perf_counter() - began)
        link.close()


def _header(head: bytes, name: bytes) -> bytes:
    return head.partition(b"\r\n" + name + b": ")[2].partition(b"\r\n")[0]
