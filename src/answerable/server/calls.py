"""One request on its way through a row of the table: let in, read, answered."""

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from answerable.server.errors import BodyLate, Malformed, NoKey, TooLarge, WrongContentType
from answerable.server.lobby import Caller, Lobby
from answerable.server.table import JSON, Route, body_of, options, parameters_of, values

BODY_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Call:
    """What a row's answer is made from. `caller` is None on public routes only."""

    lobby: Lobby
    request: Request
    caller: Caller | None
    parameters: Any
    body: Any

    @property
    def person(self) -> str:
        """Who acts: the key's person, never anything that the request says."""
        assert self.caller is not None
        return self.caller.holder.person


class Operation:
    """A row, ready to be called."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.parameters = parameters_of(route)
        self.body = body_of(route)
        self._bodies = [_Body(kind) for kind in options(self.body)]

    @property
    def may_be_empty(self) -> bool:
        """Whether no body says the same as one without fields."""
        return any(not body.required for body in self._bodies)

    async def run(self, lobby: Lobby, request: Request, caller: Caller | None) -> Response:
        """Raises AnswerableErrors for everything that is not an answer."""
        if self.route.scopes:
            assert caller is not None
            if caller.session is not None and self.route.method != "GET" and not self.route.is_form:
                raise NoKey  # a browser sends its session along, whoever made it send
            caller.check(self.route.scopes)
        parameters = self._read_parameters(request)
        body = await self._read_body(lobby, request)
        call = Call(lobby, request, caller, parameters, body)
        if self.route.answer is not None:
            return await self.route.answer(call)
        return await self._ask(call)

    async def _ask(self, call: Call) -> Response:
        """Fill the verb from what was said, and answer with what it returns."""
        route = self.route
        assert route.verb is not None
        said = dict(route.fixed) | values(call.parameters)
        if call.body is not None:
            said |= values(call.body)
        if route.by:
            said[route.by] = call.person
        result = await call.lobby.gate.ask(_made(route.verb, said), _returns(route))
        if route.media == JSON:
            return json(result, route.status)
        return Response(str(result), route.status, {"Cache-Control": "no-store"}, route.media)

    def _read_parameters(self, request: Request) -> msgspec.Struct:
        said = query_of(request)
        said |= {name: str(value) for name, value in request.path_params.items()}
        try:
            return msgspec.convert(said, self.parameters, strict=False)
        except msgspec.ValidationError as error:
            raise Malformed(str(error)) from None

    async def _read_body(self, lobby: Lobby, request: Request) -> Any:
        if not self._bodies:
            return None
        data = await read_body(request, lobby.settings.body_bytes_max)
        if data or not self.may_be_empty:
            check_type(request, JSON)
        try:
            return self._body_of(data or b"{}").decode(data or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed(str(error) or "its JSON is nested too deep") from None

    def _body_of(self, data: bytes) -> "_Body":
        """Which of several bodies it is meant to be: the first whose fields it begins to name."""
        if len(self._bodies) > 1:
            named = _decode_names(data).keys()
            return next((one for one in self._bodies if one.required & named), self._bodies[0])
        return self._bodies[0]


class _Body:
    """One type that a body may have."""

    def __init__(self, kind: Any) -> None:
        self.decode = msgspec.json.Decoder(kind).decode
        fields = msgspec.structs.fields(kind)
        self.required = {each.encode_name for each in fields if each.required}


_decode_names = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, {"Cache-Control": "no-store"}, JSON)


def query_of(request: Request) -> dict[str, object]:
    """Each parameter once. Raises Malformed."""
    said: dict[str, object] = {}
    for name, value in request.query_params.multi_items():
        if name in said or name in request.path_params:
            raise Malformed(f"the parameter '{name}' is given twice")
        said[name] = value
    return said


def check_type(request: Request, expected: str) -> None:
    """Raises WrongContentType."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != expected:
        raise WrongContentType(expected)


async def read_body(request: Request, bytes_max: int) -> bytes:
    """All of it, within bounds. Raises TooLarge, BodyLate, Malformed."""
    said = request.headers.get("content-length", "0")
    if said.isascii() and said.isdecimal() and int(said[:20]) > bytes_max:
        raise TooLarge(f"a body of over {bytes_max} bytes")
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for part in request.stream():
                size += len(part)
                if size > bytes_max:
                    raise TooLarge(f"a body of over {bytes_max} bytes")
                parts.append(part)
    except TimeoutError:
        raise BodyLate(BODY_WITHIN_S) from None
    return b"".join(parts)


def _made(verb: type[msgspec.Struct], said: dict[str, object]) -> Any:
    return verb(**said)


def _returns(route: Route) -> Any:
    return route.returns
