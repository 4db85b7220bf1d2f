"""The application: every request is let in, bounded, answered and measured here. Deny by default.

Nothing but the paths in `PUBLIC` is looked at before a key or a session has let it in; what is not
a row of the table or a page of the console does not exist.
"""

import logging
from collections.abc import Iterable
from itertools import groupby

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Router
from starlette.routing import Route as Mounted
from starlette.types import Message, Receive, Scope, Send

from answerable import console
from answerable.base.errors import AnswerableError
from answerable.server import pages
from answerable.server.calls import Operation
from answerable.server.errors import Defect, HeadersTooLarge, NoRoute, WrongMethod
from answerable.server.lobby import Caller, Lobby
from answerable.server.openapi import document
from answerable.server.places import Places
from answerable.server.problems import respond
from answerable.server.routes import ROUTES
from answerable.server.routes.health import METRICS
from answerable.server.table import EVENTS
from answerable.telemetry.failures import describe

log = logging.getLogger("answerable.server")

HEADER_BYTES_MAX = 16 * 1024
_CALLER = "answerable.caller"
_ROUTE = "answerable.route"
_NOT_OURS = "none"  # the route of what leads nowhere

_SECURITY = (
    (b"content-security-policy", console.CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_HSTS = (b"strict-transport-security", b"max-age=31536000")

Served = Operation | pages.Shown


class Resource:
    """One path and its methods."""

    def __init__(self, lobby: Lobby, path: str, served: Iterable[Served]) -> None:
        self._lobby = lobby
        self.path = path
        self.methods = {each.route.method: each for each in served}

    def find(self, method: str) -> Served:
        """Raises WrongMethod. HEAD is GET without its body, where that ends."""
        got = self.methods.get("GET")
        can_head = got is not None and got.route.media != EVENTS
        if method == "HEAD" and got is not None and can_head:
            return got
        if method not in self.methods:
            raise WrongMethod((*self.methods, *(("HEAD",) if can_head else ())))
        return self.methods[method]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_ROUTE] = self.path
        request = Request(scope, receive)
        caller: Caller | None = scope.get(_CALLER)
        response = await self.find(request.method).run(self._lobby, request, caller)
        await response(scope, receive, send)


class App:
    """ASGI, HTTP only."""

    def __init__(self, lobby: Lobby, *, has_metrics: bool = True) -> None:
        routes = [route for route in ROUTES if has_metrics or route.path != METRICS]
        operations = [Operation(route) for route in routes]
        lobby.document = document(operations)
        self.lobby = lobby
        served = sorted([*operations, *pages.SERVED], key=lambda each: each.route.path)
        self.resources = [
            Resource(lobby, path, list(of_path))
            for path, of_path in groupby(served, lambda each: each.route.path)
        ]
        self.public = {
            each.path for each in self.resources
            if not any(one.route.scopes for one in each.methods.values())
        }  # fmt: skip
        most = lobby.settings.in_flight_max
        self._inside = Places(2 * most + lobby.settings.streams_max, waiting_max=2 * most)
        self._at_the_door = Places(most)  # who has shown nothing yet
        self._headers = [*_SECURITY, *((_HSTS,) if lobby.settings.is_secure else ())]
        # what is written out goes before what stands for anything
        plain_first = sorted(self.resources, key=lambda each: each.path.count("{"))
        mounted = [Mounted(each.path, endpoint=each) for each in plain_first]
        self._router = Router(mounted, redirect_slashes=False, default=_nowhere)
        self._public = [each for each in mounted if each.path in self.public]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # lifespan is off, and there are no web sockets
            raise NotImplementedError(scope["type"])
        sending = _Sending(send, self._headers)
        meter, began = self.lobby.meter, self.lobby.now()
        meter.open += 1
        try:
            await self._serve(scope, receive, sending)
        except ClientDisconnect:
            pass
        finally:
            meter.open -= 1
            route = scope.get(_ROUTE, _NOT_OURS)
            meter.note(_method(scope), route, sending.status, self.lobby.now() - began)

    async def _serve(self, scope: Scope, receive: Receive, sending: "_Sending") -> None:
        request = Request(scope, receive)
        try:
            if self._is_public(scope):
                with self._at_the_door.take():
                    _check_headers(request)
                    await self._router(scope, receive, sending)
            else:
                async with self._inside.turn():  # of who waits, no body is read
                    _check_headers(request)
                    scope[_CALLER] = await self.lobby.admit(request)
                    await self._router(scope, receive, sending)
        except AnswerableError as error:
            response = self._refuse(request, error)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - it costs its caller, and nobody else
            log.error("a request failed on %s: %s", scope.get(_ROUTE, _NOT_OURS), describe(error))
            response = self._refuse(request, Defect())
        else:
            return
        if not sending.status:
            await response(scope, receive, sending)

    def _is_public(self, scope: Scope) -> bool:
        return any(each.matches(scope)[0] is not Match.NONE for each in self._public)

    def _refuse(self, request: Request, error: AnswerableError) -> Response:
        """As JSON, or as a page where a browser asks for one."""
        if pages.wants_page(request):
            return pages.refuse(request, error)
        return respond(error)


class _Sending:
    """What every answer carries, and which status it had."""

    def __init__(self, send: Send, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._headers = list(headers)
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], *self._headers]
        await self._send(message)


def _check_headers(request: Request) -> None:
    """Raises HeadersTooLarge."""
    if sum(len(name) + len(value) for name, value in request.headers.raw) > HEADER_BYTES_MAX:
        raise HeadersTooLarge(HEADER_BYTES_MAX)


async def _nowhere(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise NoRoute


def _method(scope: Scope) -> str:
    """Of those that exist: what was typed makes no series."""
    known = ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS")
    return scope["method"] if scope["method"] in known else "other"
