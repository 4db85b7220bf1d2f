"""The exact bytes of an action: what policy judged, what a person grants, what is performed."""

import msgspec

from answerable.engine.port import Engine
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


_encode = msgspec.json.Encoder(order="sorted").encode
_decode_intent = msgspec.json.Decoder(Intent).decode
_action = msgspec.json.Decoder(ToolAction | ReplyAction)


def encode_action(action: Action) -> bytes:
    return _encode(action)


def encode_intent(action: bytes, request: bytes) -> bytes:
    return _encode(Intent(action=msgspec.Raw(action), request=msgspec.Raw(request)))


async def load_action(engine: Engine, keyring: Keyring, position: int) -> Action:
    """The action that was decided in the record at `position`, byte for byte."""
    async for record in engine.read(position - 1):
        body = decode_entry(record.data).body
        if body is None or record.body is None:
            break
        intent = _decode_intent(keyring.open(body.kid, record.key, record.body))
        action: Action = _action.decode(intent.action)
        return action
    raise LookupError(f"the feed holds no decision at position {position}")
