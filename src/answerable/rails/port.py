"""A rail is one configured way in and out. Its way in is `receive`; this is its way out."""

from typing import Literal, Protocol

import msgspec


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A reply with its frozen address: where the message that it answers asked for it."""

    key: str  # idempotency key: the same reply always carries the same one
    to: str
    in_reply_to: str  # the external id of the message that this answers
    text: str
    subject: str = ""


class Rail(Protocol):
    """`send` and `find` speak in the terms of `answerable.effects.errors`.

    `send` returns a receipt; raises NotDone when the other side surely did nothing, anything else
    when nobody can say. `find` returns the receipt of a key, None when it surely never happened,
    and raises OutcomeUnknown while it cannot tell.
    """

    @property
    def repeat(self) -> Literal["idempotent", "reconcilable", "at_most_once"]: ...

    @property
    def identifier_kind(self) -> str:
        """What a sender on this rail is called by: `email`, `phone`, `chat`."""
        ...

    async def send(self, outgoing: Outgoing) -> str: ...

    async def find(self, key: str) -> str | None: ...
