"""Which argument types are closed: what they can hold is said, so that no amount hides in them."""

import dataclasses
import datetime as dt
import decimal
import enum
import types
import typing
import uuid

import msgspec

_LEAVES = (
    str, int, float, bool, bytes, type(None), decimal.Decimal, uuid.UUID,
    dt.datetime, dt.date, dt.time, dt.timedelta,
)  # fmt: skip
_CONTAINERS = (list, tuple, set, frozenset, dict)


def what_is_open(kind: object, seen: frozenset[type] = frozenset()) -> object | None:
    """The first part of a type that may hold anything; None where there is none.

    Limits and policy see each `Money` that a tool's arguments hold; in a bare `dict`, in `object`
    or in a class that we cannot look into there could be one that nobody judges.
    """
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType) or origin in _CONTAINERS:
        return _first(tuple(part for part in parts if part is not Ellipsis), seen)
    if origin is typing.Annotated:
        return what_is_open(parts[0], seen)
    if origin is typing.Literal:
        return None
    if not isinstance(kind, type) or kind in _CONTAINERS:
        return kind
    if kind in seen or kind in _LEAVES or issubclass(kind, enum.Enum):
        return None
    if dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct):
        return _first(tuple(typing.get_type_hints(kind).values()), seen | {kind})
    return kind


def _first(kinds: tuple[object, ...], seen: frozenset[type]) -> object | None:
    for kind in kinds:
        found = what_is_open(kind, seen)
        if found is not None:
            return found
    return None
