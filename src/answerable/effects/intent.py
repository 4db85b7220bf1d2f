"""The exact bytes of an action: what policy judged, what a person grants, what is performed."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, get_type_hints

import msgspec

from answerable.agents.domain import Tool
from answerable.base.money import Money
from answerable.engine.port import Engine, Record
from answerable.ledger.archive import BodyArchived
from answerable.ledger.domain import decode_entry
from answerable.ledger.keyring import Keyring


class ToolAction(msgspec.Struct, frozen=True, kw_only=True, tag="tool", tag_field="kind"):
    """A tool call. `arguments` is a JSON object as the tool's signature encodes it."""

    tool: str
    arguments: msgspec.Raw


class ReplyAction(msgspec.Struct, frozen=True, kw_only=True, tag="reply", tag_field="kind"):
    """A reply with its frozen address, and what is said instead if `after` does not get done."""

    rail: str
    to: str
    in_reply_to: str
    text: str
    otherwise: str = ""
    subject: str = ""


Action = ToolAction | ReplyAction


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a `decided` entry: the action, and what policy was asked about it."""

    action: msgspec.Raw
    request: msgspec.Raw


_of_each_tool = functools.lru_cache(maxsize=1_024)  # a tool's signature does not change
_signature_of = _of_each_tool(inspect.signature)
_raw_arguments = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_SCALARS = frozenset({str, int, float, bool, bytes, type(None)})
_encode = msgspec.json.Encoder(order="sorted").encode
decode_intent = msgspec.json.Decoder(Intent).decode
_action = msgspec.json.Decoder(ToolAction | ReplyAction)


def encode_action(action: Action) -> bytes:
    return _encode(action)


def encode_intent(action: bytes, request: bytes) -> bytes:
    return _encode(Intent(action=msgspec.Raw(action), request=msgspec.Raw(request)))


def encode_arguments(arguments: Mapping[str, object]) -> bytes:
    """Raises TypeError, ValueError (UnicodeEncodeError too) where they are not JSON-shaped."""
    return _encode(dict(arguments))


def bound_arguments(tool: Tool, given: Mapping[str, object]) -> bytes:
    """What a call of the tool would be decided on, defaults included.

    Raises TypeError, ValueError where they are not what its signature says.
    """
    named = _named_only(tool.perform)
    if named is not None and named.required <= given.keys() <= named.every:
        data = encode_arguments({**named.defaults, **given})
    else:
        bound = _signature_of(tool.perform).bind(None, **given)
        bound.apply_defaults()
        data = encode_arguments(dict(list(bound.arguments.items())[1:]))
    typed_arguments(tool, data)
    return data


class _Named(NamedTuple):
    """The arguments of a tool that all can be given by name, its first one aside."""

    required: frozenset[str]
    every: frozenset[str]
    defaults: Mapping[str, object]


@_of_each_tool
def _named_only(perform: Callable[..., object]) -> _Named | None:
    _, *rest = _signature_of(perform).parameters.values()
    if any(one.kind not in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY) for one in rest):
        return None
    defaults = {one.name: one.default for one in rest if one.default is not one.empty}
    every = frozenset(one.name for one in rest)
    return _Named(every - defaults.keys(), every, defaults)


@_of_each_tool
def _decoder_of(perform: Callable[..., object], name: str) -> Callable[[msgspec.Raw], object]:
    return msgspec.json.Decoder(get_type_hints(perform).get(name, object)).decode


def typed_arguments(tool: Tool, arguments: bytes) -> dict[str, object]:
    """The arguments as the tool will get them: what is judged and what is performed are one.

    Raises msgspec.ValidationError where they are not what its signature says.
    """
    perform = tool.perform
    return {
        name: _decoder_of(perform, name)(value) for name, value in _raw_arguments(arguments).items()
    }


def amounts_in(value: object) -> Iterator[Money]:
    """Every amount in some arguments, however deep it lies."""
    if isinstance(value, Money):
        yield value
        return
    for one in _parts_of(value):
        if type(one) not in _SCALARS:
            yield from amounts_in(one)


def _parts_of(value: object) -> Iterable[object]:
    match value:
        case Mapping():
            return value.values()
        case list() | tuple() | set() | frozenset():
            return value
        case msgspec.Struct():
            return [getattr(value, name) for name in value.__struct_fields__]
        case _ if dataclasses.is_dataclass(value):
            return [getattr(value, each.name) for each in dataclasses.fields(value)]
        case _:
            return ()


async def load_action(engine: Engine, keyring: Keyring, position: int) -> Action:
    """The action that was decided in the record at `position`, byte for byte."""
    async for record in engine.read(position - 1):
        intent = open_intent(keyring, record)
        if intent is None:
            break
        return action_of(intent)
    raise LookupError(f"the feed holds no decision at position {position}")


def open_intent(keyring: Keyring, record: Record) -> Intent | None:
    """What a `decided` record holds sealed; None where it holds nothing. Raises Unreadable."""
    entry = decode_entry(record.data)
    body = entry.body
    if body is None:
        return None
    if record.body is None:
        raise BodyArchived(entry.seq)
    return decode_intent(keyring.open(body.kid, record.key, record.body))


def action_of(intent: Intent) -> Action:
    action: Action = _action.decode(intent.action)
    return action


def exactly(action: Action) -> str:
    """The exact words or arguments, for people."""
    if isinstance(action, ReplyAction):
        return f"to {action.to}: {action.text}"
    return f"{action.tool} {bytes(action.arguments).decode()}"


def one_line(subject: str) -> str:
    """A subject as a header can carry it: whatever would begin a new line is a space."""
    return " ".join(subject.split())
