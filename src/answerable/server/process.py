"""The HTTP process: holds no home and runs no author's code, so that neither can end it."""

import argparse
import asyncio
import logging
import signal
import socket
import ssl
import sys
import time
from pathlib import Path
from types import FrameType

import uvicorn

from answerable.base.chance import SystemChance
from answerable.base.errors import AnswerableError, UsageError
from answerable.base.settings import ServerSettings
from answerable.compose.settings import read_settings
from answerable.server.app import App
from answerable.server.bundles import clear_left
from answerable.server.connection import HEAD_BYTES_MAX, Connection
from answerable.server.lobby import Lobby
from answerable.telemetry import failures

log = logging.getLogger("answerable.server")

_KEPT_ALIVE_S = 20
_GRACE_S = 5


class _Http(uvicorn.Server):
    """Tells the streams that it ends: a client that listens would else keep it from ending."""

    def __init__(self, config: uvicorn.Config, lobby: Lobby) -> None:
        super().__init__(config)
        self._lobby = lobby

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._captured_signals.clear()  # told to end is no failure: the exit code is 0
        self._lobby.end()


async def serve(home: Path, listening: socket.socket, *, leash: bool) -> None:
    """Serve until told to end."""
    loop = asyncio.get_running_loop()
    failures.watch_loop(loop)
    found = read_settings(home)
    settings = found.server
    clear_left(home)
    lobby = Lobby(home, settings, SystemChance(), time.monotonic)
    server = _Http(_config(App(lobby, has_metrics=found.telemetry.metrics), settings), lobby)
    if leash:
        _end_with_input(loop, server)
    try:
        await server.serve([listening])
    finally:
        await lobby.gate.close()


def _config(app: App, settings: ServerSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app, loop="asyncio", http=Connection, ws="none", lifespan="off", log_config=None,
        access_log=False, server_header=False, proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        timeout_keep_alive=_KEPT_ALIVE_S, timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=settings.tls_cert or None, ssl_keyfile=settings.tls_key or None,
        h11_max_incomplete_event_size=HEAD_BYTES_MAX,
    )  # fmt: skip


def _end_with_input(loop: asyncio.AbstractEventLoop, server: _Http) -> None:
    """Standard input ends when who started us does: nobody would watch us, so we end as well."""

    def gone() -> None:
        loop.remove_reader(sys.stdin.fileno())
        server.handle_exit(signal.SIGTERM, None)

    loop.add_reader(sys.stdin.fileno(), gone)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="answerable.server.process")
    parser.add_argument("home", type=Path)
    parser.add_argument("--fd", type=int, required=True, help="of the listening socket")
    parser.add_argument("--leash", action="store_true", help="end when standard input ends")
    given = parser.parse_args(arguments)
    failures.install(read_settings(given.home).log, given.home)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # of less, anybody could fill the log
    try:
        asyncio.run(serve(given.home, socket.socket(fileno=given.fd), leash=given.leash))
    except AnswerableError as error:
        sys.stderr.write(f"error ({error.code}): {error}\n")
        return error.exit_code
    except (ssl.SSLError, OSError) as error:
        log.error("HTTP cannot be served: %s", failures.describe(error))
        return UsageError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
