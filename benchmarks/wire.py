"""A client that sends messages over HTTP and costs as little as it can."""

import asyncio
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

_ACCEPTED, _BUSY = b"HTTP/1.1 202", b"HTTP/1.1 503"


class Sender:
    """As little of an HTTP client as there can be: it must not be what is measured."""

    def __init__(self, url: str, secret: str) -> None:
        where = urlsplit(url)
        self._host, self._port = str(where.hostname), int(where.port or 0)
        self._head = (
            f"POST /v1/messages HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {secret}"
            "\r\nContent-Type: application/json\r\nContent-Length: "
        )
        self.took_s: list[float] = []  # of each request, until it was accepted
        self.refused = 0  # how often one was told to come again

    async def run(self, bodies: list[bytes], clients: int) -> float:
        """Send them all; the seconds that it took."""
        waiting = iter(bodies)
        began = time.perf_counter()
        await asyncio.gather(*(self._client(waiting) for _ in range(clients)))
        return time.perf_counter() - began

    async def _client(self, waiting: Iterator[bytes]) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        for body in waiting:
            began = time.perf_counter()
            while (again_s := await self._send(reader, writer, body)) is not None:
                self.refused += 1
                writer.close()
                await asyncio.sleep(again_s)
                reader, writer = await asyncio.open_connection(self._host, self._port)
            self.took_s.append(time.perf_counter() - began)
        writer.close()

    async def _send(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes
    ) -> float | None:
        """None once it is accepted; else in how many seconds to come again."""
        writer.write(f"{self._head}{len(body)}\r\n\r\n".encode() + body)
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(_BUSY):
            return float(_header(head, b"retry-after"))
        if not head.startswith(_ACCEPTED):
            raise SystemExit(f"not accepted: {head!r:.200}")
        await reader.readexactly(int(_header(head, b"content-length")))
        return None


def _header(head: bytes, name: bytes) -> bytes:
    return head.lower().partition(name + b": ")[2].partition(b"\r\n")[0]
