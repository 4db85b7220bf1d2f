"""The OpenAPI 3.1 document, made of the table's rows and of the types that are decoded."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from answerable.server.calls import Operation
from answerable.server.problems import MEDIA, Problem
from answerable.server.table import ANY, EVENTS, JSON, Route, options

_VERSION = "1"  # of the API, as in its paths
_REF = "#/components/schemas/{name}"
_COMMON = ("malformed", "usage", "overloaded", "worker_away", "deadline_passed", "defect")
_GUARDED = ("no_key", "key_refused", "scope_missing", "too_many_tries")
_OF_BODIES = ("too_large", "wrong_content_type", "body_late")
_Object = dict[str, object]


def document(operations: Iterable[Operation]) -> _Object:
    found = list(operations)
    schemas = _Schemas(found)
    paths: dict[str, _Object] = {}
    for each in found:
        path = paths.setdefault(each.route.template, {})
        path[each.route.method.lower()] = _operation(each, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Answerable", "version": _VERSION,
            "description": "Who answers for what an agent did, and how to prove it. Errors are "
            "RFC 9457 problem details with a stable `code`.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "key": {
                    "type": "http", "scheme": "bearer",
                    "description": f"An API key `ak_...` with scopes of {', '.join(ANY)}.",
                },
            },
        },
    }  # fmt: skip


class _Schemas:
    """Of every type that goes in or out."""

    def __init__(self, operations: list[Operation]) -> None:
        wanted: list[Any] = [Problem]
        for each in operations:
            wanted += [*options(each.body), *options(each.route.returns)]
            wanted += [field.type for field in msgspec.structs.fields(each.parameters)]
        schemas, components = msgspec.json.schema_components(
            wanted, schema_hook=_any, ref_template=_REF
        )
        self.components = components
        self._found = list(zip(wanted, schemas, strict=True))

    def of(self, kind: object) -> _Object:
        found = [self._one(each) for each in options(kind)]
        return {"oneOf": found} if len(found) > 1 else found[0]

    def _one(self, kind: object) -> _Object:
        for known, schema in self._found:
            if known is kind or known == kind:
                return dict(schema)
        raise LookupError(f"no schema was made of {kind}")


def _any(kind: type) -> _Object:
    """`object` is any JSON; nothing else has no schema."""
    if kind is object:
        return {"description": "Any JSON."}
    raise NotImplementedError(kind)


def _operation(operation: Operation, schemas: _Schemas) -> _Object:
    route = operation.route
    described: _Object = {
        "operationId": route.name,
        "summary": route.summary,
        "description": _description(route),
        "parameters": list(_parameters(operation, schemas)),
        "security": [{"key": []}] if route.scopes else [],
        "x-scopes": list(route.scopes),
        "x-ledger": route.ledger,
        "x-error-codes": _codes(operation),
        "responses": {
            str(route.status): {"description": "As asked.", "content": _content(route, schemas)},
            "default": {
                "description": "A problem: what happened, what did not, the next command.",
                "content": {MEDIA: {"schema": schemas.of(Problem)}},
            },
        },
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": not operation.may_be_empty,
            "content": {JSON: {"schema": schemas.of(operation.body)}},
        }
    return described


def _description(route: Route) -> str:
    who = "Public." if not route.scopes else f"Scopes: any of {', '.join(route.scopes)}, or all."
    return f"{who} Ledger: {route.ledger}."


def _codes(operation: Operation) -> list[str]:
    guarded = _GUARDED if operation.route.scopes else ()
    bodies = _OF_BODIES if operation.body is not None else ()
    return [*operation.route.codes, *_COMMON, *guarded, *bodies]


def _parameters(operation: Operation, schemas: _Schemas) -> Iterator[_Object]:
    for field in msgspec.structs.fields(operation.parameters):
        is_path = field.name in operation.route.in_path
        schema = schemas.of(field.type)
        if is_path and schema.get("type") == "string":
            schema["minLength"] = 1
        if not field.required and field.default is not msgspec.NODEFAULT:
            schema["default"] = field.default
        yield {
            "name": field.encode_name, "in": "path" if is_path else "query",
            "required": is_path or field.required, "schema": schema,
        }  # fmt: skip
    if operation.route.media == EVENTS:
        yield {
            "name": "Last-Event-ID", "in": "header", "required": False,
            "description": "The cursor that was sent last: the stream goes on after it.",
            "schema": {"type": "string", "pattern": "^[0-9]{1,15}$"},
        }  # fmt: skip


def _content(route: Route, schemas: _Schemas) -> _Object:
    media = route.media.partition(";")[0]
    if route.media == JSON:
        return {media: {"schema": schemas.of(route.returns)}}
    return {media: {"schema": {"type": "string"}}}
