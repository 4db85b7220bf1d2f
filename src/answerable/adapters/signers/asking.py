"""What is asked of a signer process, and what it says: one line of JSON each."""

from typing import TypeAlias

import msgspec

LINE_BYTES_MAX = 1024 * 1024


class _Ask(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    pass


class Who(_Ask, frozen=True):
    """Its keys, and the last tree that it signed."""


class Tree(_Ask, frozen=True, kw_only=True):
    """A signature over a checkpoint's text, with the proof from its tree at `size`."""

    key: str  # the vkey of the key that is to sign
    body: bytes
    size: int
    proof: tuple[bytes, ...]


class Word(_Ask, frozen=True, kw_only=True):
    """A signature over what speaks of the log and is no checkpoint: a bundle's seal, a receipt."""

    key: str
    message: bytes


class MakeNext(_Ask, frozen=True):
    """Have the key that will take over, durable."""


class TakeOver(_Ask, frozen=True):
    """The next key takes the place of the key; it has signed by now."""

    key: str


class DropNext(_Ask, frozen=True):
    """Forget a next key that nobody has seen sign."""


Asked: TypeAlias = Who | Tree | Word | MakeNext | TakeOver | DropNext


class Standing(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    key: str
    next_key: str = ""
    size: int
    root: bytes


class Signed(msgspec.Struct, frozen=True, tag=True):
    signature: bytes


class No(msgspec.Struct, frozen=True, tag=True):
    """It does not sign that; or it cannot for now, as where its disk is full."""

    why: str
    not_done: str = "Nothing was signed."
    next_command: str = ""
    is_for_now: bool = False


Told: TypeAlias = Standing | Signed | No

encode = msgspec.json.Encoder().encode
decode_asked = msgspec.json.Decoder(Asked).decode
decode_told = msgspec.json.Decoder(Told).decode
