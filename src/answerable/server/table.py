"""What a route is: one row says who may come in, what they may say, and what they get.

The application and the OpenAPI document are both made from these rows, so that neither can say
what the other does not.
"""

import re
import typing
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from starlette.responses import Response

from answerable.people.keys import Scope

if TYPE_CHECKING:
    from answerable.server.calls import Call

ALL: Scope = "all"  # opens every route
ANY: tuple[Scope, ...] = tuple(typing.get_args(Scope))

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
EVENTS = "text/event-stream"
BYTES = "application/octet-stream"

_IN_PATH = re.compile(r"{(\w+)(?::\w+)?}")

Answer = Callable[["Call"], Awaitable[Response]]


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters: whatever is said is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A row. Where it asks a `verb`, parameters and body are the verb's own fields: those named in
    the path, the others from the query (GET, DELETE) or the body (POST). Not to be sent are `by`,
    the field that is the key's person, and `fixed`, what the route says itself."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    name: str  # stable: the operation's id
    summary: str
    scopes: tuple[Scope, ...]  # any one of them opens it, and so does `all`; empty: public
    verb: type[msgspec.Struct] | None = None
    by: str = ""
    fixed: Mapping[str, object] = field(default_factory=dict)
    answer: Answer | None = None  # where it does not ask one verb
    parameters: type[msgspec.Struct] | None = None
    body: object = None  # the type of a JSON body, or a tuple of types: one of them
    returns: object = None  # of a JSON answer, likewise
    media: str = JSON
    is_form: bool = False  # sent by pages of ours, which it makes sure of itself
    status: int = 200
    ledger: str = "writes nothing"
    codes: tuple[str, ...] = ()  # its own errors, beside those that every route has

    @property
    def in_path(self) -> tuple[str, ...]:
        return tuple(_IN_PATH.findall(self.path))

    @property
    def template(self) -> str:
        """The path as people write it, without what its parameters may look like."""
        return _IN_PATH.sub(r"{\1}", self.path)


def parameters_of(route: Route) -> type[msgspec.Struct]:
    """Of path and query together; closed."""
    if route.verb is None:
        return route.parameters or Nothing
    named = [each for each in _sendable(route) if _is_parameter(route, each.name)]
    return closed(f"{route.verb.__name__}Parameters", named)


def body_of(route: Route) -> object:
    """The type of the JSON body; None where the route takes none."""
    if route.verb is None or route.method != "POST":
        return route.body
    named = [each for each in _sendable(route) if not _is_parameter(route, each.name)]
    return closed(f"{route.verb.__name__}Body", named) if named else None


def closed(name: str, fields: Iterable[msgspec.structs.FieldInfo]) -> type[msgspec.Struct]:
    """A struct of these fields that takes no others."""
    found = list(fields)
    renamed = {each.name: each.encode_name for each in found if each.name != each.encode_name}
    return msgspec.defstruct(
        name, [_field(each) for each in found],
        frozen=True, kw_only=True, forbid_unknown_fields=True, rename=renamed or None,
    )  # fmt: skip


def options(kind: object) -> tuple[Any, ...]:
    """The types of a body or an answer; none where there is no such thing."""
    if kind is None:
        return ()
    return kind if isinstance(kind, tuple) else (kind,)


def values(struct: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def _sendable(route: Route) -> list[msgspec.structs.FieldInfo]:
    assert route.verb is not None
    ours = {route.by, *route.fixed}
    return [each for each in msgspec.structs.fields(route.verb) if each.name not in ours]


def _is_parameter(route: Route, name: str) -> bool:
    return route.method != "POST" or name in route.in_path


def _field(info: msgspec.structs.FieldInfo) -> Any:
    if info.default is not msgspec.NODEFAULT:
        return info.name, info.type, info.default
    if info.default_factory is not msgspec.NODEFAULT:
        return info.name, info.type, msgspec.field(default_factory=info.default_factory)
    return info.name, info.type
