"""The parent of both: keeps the HTTP process alive beside the worker, and ends them in order.

It holds the listening socket, so that while HTTP starts again a connection waits in its queue
instead of being refused. HTTP ends first: what it has begun is still answered by the worker.
"""

import contextlib
import logging
import signal
import socket
import ssl
import subprocess
import sys
import threading
from ipaddress import ip_address
from pathlib import Path

from answerable.base.errors import UsageError
from answerable.base.settings import ServerSettings
from answerable.worker.supervisor import Supervisor

log = logging.getLogger("answerable.supervisor")

_PAUSES_S = (0.0, 0.5, 2.0, 5.0)
_HEALTHY_S = 30.0
_GRACE_S = 8.0  # above what the process itself allows its requests to end
_WRONG_SET_UP = frozenset({UsageError.exit_code})
_BACKLOG = 2_048
_NOT_STARTED = "Nothing was started."


def listen(settings: ServerSettings) -> socket.socket:
    """Bind where the settings say. Raises UsageError where that is not allowed or not possible."""
    _check_tls(settings)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise UsageError(
            f"HTTP cannot listen on {settings.host} port {settings.port}: {error.strerror}.",
            _NOT_STARTED,
            "choose another with --port, or end what listens there",
        ) from error
    return listening


def _check_tls(settings: ServerSettings) -> None:
    """Keys and what customers write do not travel in the clear past this machine."""
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise UsageError(
            "Of `tls_cert` and `tls_key` only one is set.", _NOT_STARTED, "set both under [server]"
        )
    if settings.tls_cert:
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(settings.tls_cert, settings.tls_key)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"The certificate and key cannot be used: {error.strerror or 'they do not fit'}.",
                _NOT_STARTED,
                "correct `tls_cert` and `tls_key` under [server]",
            ) from error
    if not (_is_loopback(settings.host) or settings.is_secure):
        raise UsageError(
            f"{settings.host} is not of this machine alone, and without TLS everybody on the way "
            "could read the keys and what customers write.",
            _NOT_STARTED,
            "set `tls_cert` and `tls_key` under [server], or `behind_tls = true` where a proxy "
            "ends TLS",
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Http:
    """The HTTP process, started again whenever it dies."""

    def __init__(self, home: Path, listening: socket.socket) -> None:
        self._listening = listening
        self._command = [
            sys.executable, "-m", "answerable.server.process", str(home),
            "--fd", str(listening.fileno()), "--leash",
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._told = threading.Event()

    def watch(self) -> int:
        """Until it is told to end, or what is wrong does not heal by starting again."""
        troubled = 0
        while not self._told.is_set():
            ended = threading.Event()
            self._process = process = subprocess.Popen(  # noqa: S603 - our own command
                self._command, stdin=subprocess.PIPE, process_group=0,
                pass_fds=(self._listening.fileno(),),
            )  # fmt: skip
            if self._told.is_set():  # told between the look and the start
                process.terminate()
            healthy = threading.Timer(_HEALTHY_S, ended.set)
            healthy.daemon = True
            healthy.start()
            code = process.wait()
            healthy.cancel()
            if process.stdin is not None:
                process.stdin.close()
            if self._told.is_set() or code in _WRONG_SET_UP:
                return code
            troubled = 0 if ended.is_set() else troubled + 1
            log.warning("HTTP ended with %s; starting it again", code)
            self._told.wait(_PAUSES_S[min(troubled, len(_PAUSES_S) - 1)])
        return 0

    def end(self) -> None:
        """Told to end; killed where it does not."""
        self._told.set()
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
            return
        process.kill()


class Keeper:
    """Runs HTTP, and the worker unless it runs elsewhere, until one is told to end or gives up."""

    def __init__(self, http: Http, worker: Supervisor | None) -> None:
        self._http = http
        self._worker = worker
        self._over = threading.Event()
        self._cause = ""
        self._code = 0

    def run(self) -> tuple[int, str]:
        """The exit code, and the one cause. Raises what keeps the worker from being watched."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda told, _frame: self._end(0, signal.Signals(told).name))
        watching = [threading.Thread(target=self._watch_http, daemon=True)]
        if self._worker is not None:
            watching.append(threading.Thread(target=self._watch_worker, daemon=True))
        for each in watching:
            each.start()
        self._over.wait()
        self._http.end()
        if self._worker is not None:
            self._worker.end()
        for each in watching:
            each.join()
        return self._code, self._cause

    def _watch_http(self) -> None:
        code = self._http.watch()
        self._end(code, f"HTTP gave up with {code}; its log says why")

    def _watch_worker(self) -> None:
        assert self._worker is not None
        code = 1
        try:
            code = self._worker.watch()
        finally:
            self._end(code, f"the worker ended with {code}; its log says why")

    def _end(self, code: int, cause: str) -> None:
        """The first cause is the one."""
        if not self._over.is_set():
            self._code, self._cause = code, cause
            self._over.set()
