"""A rail is one configured way in and out: what comes in as a message, what goes out as a reply."""

from typing import Literal, Protocol

import msgspec


class Incoming(msgspec.Struct, frozen=True, kw_only=True, rename={"sender": "from"}):
    """A message in any rail's plain form. `sent_at` is microseconds UTC; now if it is absent."""

    external_id: str
    sender: str
    text: str
    rail: str
    sent_at: int = 0
    subject: str = ""


class Ack(msgspec.Struct, frozen=True):
    """The message is durable. `is_new` is False if this external id was accepted before.

    `interaction` is the first delivery's; empty only where nothing that names it could be kept.
    """

    external_id: str
    is_new: bool
    interaction: str = ""


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
