"""The exact bytes of an action: what policy judged, what a person grants, what is performed."""

import dataclasses
import functools
import inspect
from collections.abc import Iterator, Mapping
from typing import get_type_hints

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
_hints_of = _of_each_tool(get_type_hints)
_signature_of = _of_each_tool(inspect.signature)
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
    bound = _signature_of(tool.perform).bind(None, **given)
    bound.apply_defaults()
    data = encode_arguments(dict(list(bound.arguments.items())[1:]))
    typed_arguments(tool, data)
    return data


def typed_arguments(tool: Tool, arguments: bytes) -> dict[str, object]:
    """The arguments as the tool will get them: what is judged and what is performed are one.

    Raises msgspec.ValidationError where they are not what its signature says.
    """
    hints = _hints_of(tool.perform)
    raw = msgspec.json.decode(arguments, type=dict[str, msgspec.Raw])
    return {
        name: msgspec.json.decode(value, type=hints.get(name, object))
        for name, value in raw.items()
    }


def amounts_in(value: object) -> Iterator[Money]:
    """Every amount in some arguments, however deep it lies."""
    match value:
        case Money():
            yield value
        case Mapping():
            for one in value.values():
                yield from amounts_in(one)
        case list() | tuple() | set() | frozenset():
            for one in value:
                yield from amounts_in(one)
        case msgspec.Struct():
            yield from amounts_in(msgspec.structs.asdict(value))
        case _ if dataclasses.is_dataclass(value):
            for each in dataclasses.fields(value):
                yield from amounts_in(getattr(value, each.name))


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
