"""The console behind its door: sessions, forms that only our pages send, errors as pages."""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from answerable import console
from answerable.base.errors import AnswerableError, Busy
from answerable.server.calls import Call, Operation, check_type, query_of, read_body
from answerable.server.errors import KeyRefused, Malformed, NoKey, NoRoute
from answerable.server.keys import digest_of
from answerable.server.lobby import Caller, Lobby, address_of
from answerable.server.problems import headers_of
from answerable.server.sessions import check_csrf, check_origin
from answerable.server.table import ANY, Route
from answerable.store.threads import beside_the_loop

FORM = "application/x-www-form-urlencoded"
_FORM_BYTES_MAX = 256 * 1024
_LOGIN_BYTES_MAX = 8 * 1024
_FIELDS_MAX = 50
_HTML = "text/html"
_SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of the console, as a route."""

    route: Route
    page: console.Page

    async def run(self, lobby: Lobby, request: Request, caller: Caller | None) -> Response:
        """Raises AnswerableErrors for everything that is not the page."""
        assert caller is not None
        caller.check(self.route.scopes)
        form: Mapping[str, str] = {}
        if self.page.method == "POST":
            form = await _read_form(request, _FORM_BYTES_MAX)
            if caller.session is not None:  # a key in a header is not sent by accident
                check_origin(request)
                check_csrf(caller.session, form.get("csrf", ""))
        query = {name: str(value) for name, value in query_of(request).items()}
        visit = console.Visit(
            ask=lobby.gate.ask, holder=caller.holder, form=form, query=query,
            path={name: str(value) for name, value in request.path_params.items()},
            csrf=caller.session.csrf if caller.session is not None else "",
            url=_asked_for(request), theme=_theme(request),
        )  # fmt: skip
        response = await self.page.show(visit)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class LoginParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    next: str = "/"


class StaticParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    v: str = ""  # of which version: so that a new one is fetched


async def show_login(call: Call) -> Response:
    return console.login_page(_local(call.parameters.next), theme=_theme(call.request))


async def log_in(call: Call) -> Response:
    """A key for a session; the key itself is not kept."""
    lobby, request = call.lobby, call.request
    check_origin(request)
    form = await _read_form(request, _LOGIN_BYTES_MAX)
    onward = _local(form.get("next", "/"))
    secret = form.get("secret", "").strip()
    try:
        await lobby.keys.holder_of(secret, address_of(request))
    except (KeyRefused, Busy) as error:
        page = console.login_page(onward, error.happened, _theme(request))
        page.headers.update(headers_of(error))
        page.status_code = error.http_status
        return page
    response = RedirectResponse(onward, _SEE_OTHER)
    lobby.sessions.begin(digest_of(secret), response)
    return response


async def log_out(call: Call) -> Response:
    lobby, request = call.lobby, call.request
    session = lobby.sessions.find(request)
    form = await _read_form(request, _LOGIN_BYTES_MAX)
    response = RedirectResponse("/login", _SEE_OTHER)
    if session is not None:
        check_origin(request)
        check_csrf(session, form.get("csrf", ""))
        lobby.sessions.end(request, response)
    return response


async def static(call: Call) -> Response:
    """A file of the wheel. Only what lies there by that very name is found."""
    found = _STATIC.get(call.parameters.path)
    if found is None:
        raise NoRoute
    kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    data = await beside_the_loop(found.read_bytes)
    return Response(data, 200, {"Cache-Control": "public, max-age=3600"}, kind)


_STATIC = {
    str(file.relative_to(console.STATIC)): file
    for file in console.STATIC.rglob("*") if file.is_file()
}  # fmt: skip


_DOORS = (
    Route(
        method="GET", path="/login", name="showLogin", summary="Asks for a key.", scopes=(),
        answer=show_login, parameters=LoginParameters, media=_HTML,
    ),
    Route(
        method="POST", path="/login", name="logIn", summary="A session for a key.", scopes=(),
        answer=log_in, media=_HTML,
    ),
    Route(
        method="POST", path="/logout", name="logOut", summary="Ends the session.", scopes=ANY,
        answer=log_out, media=_HTML, is_form=True,
    ),
    Route(
        method="GET", path="/static/{path:path}", name="static", summary="A file of the console.",
        scopes=(), answer=static, parameters=StaticParameters, media="application/octet-stream",
    ),
)  # fmt: skip


def _shown(page: console.Page) -> Shown:
    route = Route(
        method=page.method, path=page.path, name=page.path, summary="A page of the console.",
        scopes=(page.scope,), media=_HTML,
    )  # fmt: skip
    return Shown(route, page)


SERVED: tuple[Operation | Shown, ...] = (
    *(Operation(each) for each in _DOORS),
    *(_shown(each) for each in console.PAGES),
)
"""The console: what stands around its pages, and they."""


def wants_page(request: Request) -> bool:
    """Whether a person looks at the answer, in a browser."""
    is_program = "authorization" in request.headers
    return not is_program and _HTML in request.headers.get("accept", "")


def refuse(request: Request, error: AnswerableError) -> Response:
    """Who has no session is asked for a key; anything else is said on a page."""
    if isinstance(error, (NoKey, KeyRefused)):
        onward = _asked_for(request) if request.method == "GET" else "/"
        return RedirectResponse(f"/login?next={quote(onward, safe='/')}", _SEE_OTHER)
    response = console.error_page(error.http_status, error, _theme(request))
    response.headers.update(headers_of(error))
    return response


def _theme(request: Request) -> str:
    return request.cookies.get("theme", "")


def _asked_for(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _local(onward: str) -> str:
    """A path of ours, and never another host's."""
    is_path = onward.startswith("/") and not onward.startswith("//")
    return onward if is_path and onward.isprintable() and "\\" not in onward else "/"


async def _read_form(request: Request, bytes_max: int) -> dict[str, str]:
    """Raises TooLarge, WrongContentType, Malformed."""
    check_type(request, FORM)
    data = await read_body(request, bytes_max)
    try:
        fields = parse_qsl(
            data.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict"
        )
    except ValueError as error:
        raise Malformed("the form cannot be read") from error
    return dict(fields)
