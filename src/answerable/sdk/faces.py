"""What a model is shown of a function: its name, what its docstring says, what it takes."""

import functools
import inspect
import json
from collections.abc import Callable, Mapping
from typing import get_type_hints

import msgspec

from answerable.agents.domain import Tool
from answerable.sdk.port import ToolFace


def face_of_tool(tool: Tool) -> ToolFace:
    """An effect tool; `call`, its first parameter, is ours to give."""
    return _face(tool.perform, skip=1)


def face_of_read(read: Callable[..., object]) -> ToolFace:
    """A function that looks something up. Raises ValueError where a parameter has no type."""
    return _face(read, skip=0)


def name_of(read: Callable[..., object]) -> str:
    return str(getattr(read, "__name__", type(read).__name__))


def arguments_of(text: str) -> dict[str, object]:
    """The arguments that a model wrote. Raises ValueError where they are no JSON object."""
    found = msgspec.json.decode(text.encode(errors="replace") or b"{}", type=dict[str, object])
    return dict(found)


def typed(read: Callable[..., object], given: Mapping[str, object]) -> dict[str, object]:
    """Arguments as the function's signature says. Raises TypeError, ValueError."""
    inspect.signature(read).bind(**given)
    hints = get_type_hints(read)
    return {name: msgspec.convert(value, hints[name]) for name, value in given.items()}


@functools.lru_cache(maxsize=1_024)  # a signature does not change
def _face(function: Callable[..., object], *, skip: int) -> ToolFace:
    name = name_of(function)
    hints = get_type_hints(function)
    parameters = list(inspect.signature(function).parameters.values())[skip:]
    if untyped := [one.name for one in parameters if one.name not in hints]:
        raise ValueError(f"`{name}`: `{untyped[0]}` has no type: a model would not know its shape")
    fields: list[tuple[str, type] | tuple[str, type, object]] = [
        (one.name, hints[one.name])
        if one.default is one.empty
        else (one.name, hints[one.name], one.default)
        for one in parameters
    ]
    shape = msgspec.defstruct(name, fields, forbid_unknown_fields=True, kw_only=True)
    (_, rest) = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    schema = rest.pop(name)
    if rest:
        schema["$defs"] = rest
    return ToolFace(
        name=name,
        description=inspect.getdoc(function) or "",
        parameters=msgspec.Raw(json.dumps(schema, sort_keys=True).encode()),
    )
