"""The witness over HTTP: C2SP tlog-witness (c2sp.org/tlog-witness), one call."""

import asyncio
import contextlib
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from answerable.base.clock import SystemClock
from answerable.base.errors import Broken, UsageError
from answerable.telemetry import failures
from answerable.witness.errors import TEXT_MEDIA, NotCosigned
from answerable.witness.keys import read_keys
from answerable.witness.service import Witness

log = logging.getLogger("answerable.witness")

BODY_BYTES_MAX = 256 * 1024  # 63 hashes, and a checkpoint with many large signatures
_BODY_S = 10.0
_AT_ONCE_MAX = 512
_GRACE_S = 5


def app_of(witness: Witness) -> Starlette:
    """Its HTTP: `POST /add-checkpoint`, and `GET /` says who it is."""

    async def add_checkpoint(request: Request) -> Response:
        try:
            lines = await witness.add_checkpoint(await _body(request))
        except NotCosigned as answer:
            headers = {"Content-Type": answer.media}  # as it is: Starlette would add a charset
            return Response(answer.text, answer.status, headers)
        except Broken as error:
            log.error("nothing was cosigned: %s", failures.describe(error))
            return Response("The witness cannot cosign now.\n", 503, {"Content-Type": TEXT_MEDIA})
        return Response(lines, 200, {"Content-Type": TEXT_MEDIA})

    async def who(_: Request) -> Response:
        return Response("".join(f"{each.encode()}\n" for each in witness.keys))

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/", who, methods=["GET"]),
        ]
    )


async def _body(request: Request) -> bytes:
    """The whole body, if it is small and comes soon. Raises NotCosigned."""
    found = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            async for part in request.stream():
                found += part
                if len(found) > BODY_BYTES_MAX:
                    raise NotCosigned(413, f"A request has at most {BODY_BYTES_MAX} bytes.")
    except (TimeoutError, ClientDisconnect) as error:
        raise NotCosigned(408, "The request did not come whole.") from error
    return bytes(found)


@contextlib.contextmanager
def held(state: Path) -> Iterator[None]:
    """One process works in a witness's folder: two would roll each other back. Raises Broken."""
    try:
        descriptor = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Broken(
            f"'{state}' cannot be written: {error.strerror}.", "Nothing was started.",
            f"ls -ld {state}",
        ) from error  # fmt: skip
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Broken(
            f"Another witness works in '{state}'.", "Nothing was started.",
            "stop that process, or give this one a folder and keys of its own",
        ) from None  # fmt: skip
    try:
        yield
    finally:
        os.close(descriptor)


def listen(host: str, port: int) -> socket.socket:
    """The socket, so that the port is known before the first request. Raises UsageError."""
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise UsageError(
            f"The witness cannot listen on {host}, port {port}: {error.strerror}.",
            "Nothing was started.",
            "answerable witness serve --port PORT",
        ) from error


class _Http(uvicorn.Server):
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._captured_signals.clear()  # told to end is no failure: the exit code is 0


def serve(state: Path, listening: socket.socket) -> None:
    """Answer until told to end. Raises Broken."""
    with held(state):
        witness = Witness(state, read_keys(state), SystemClock())
        logging.getLogger("uvicorn").setLevel(logging.ERROR)
        config = uvicorn.Config(
            app_of(witness), loop="asyncio", ws="none", lifespan="off", log_config=None,
            access_log=False, server_header=False, proxy_headers=False,
            limit_concurrency=_AT_ONCE_MAX, timeout_keep_alive=75,
            timeout_graceful_shutdown=_GRACE_S,
        )  # fmt: skip
        asyncio.run(_Http(config).serve([listening]))
