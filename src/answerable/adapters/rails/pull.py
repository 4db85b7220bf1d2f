"""A rail whose replies are fetched, not pushed: a chat in a terminal, a page, a client by HTTP.

Who asked reads the interaction (`GET /v1/interactions/{id}`, `answerable interaction show`); what
is read there is the decided reply itself, out of the ledger. So `send` has nobody to call:

- Once (promise 3): the reply was durable before `send` began, and however often it is sent or read
  it is one reply. Hence `idempotent`: after a crash it is simply sent again.
- One speaker (promise 6): a reply can be read only when its effect is *done*. One that had not
  come so far when a person took over is refused by the look before `send`, and nobody reads it. So
  that this holds, `find` finds nothing: until *done* is on record, nothing happened outside.
- Reply where it was asked (promise 7): a reply hangs on the interaction of the message that it
  answers and can be read nowhere else. Whoever lets people read has to know them as the sender.
"""

from pathlib import Path
from typing import Literal

from answerable.rails.port import Outgoing, Rail


class PullRail:
    """`identifier_kind` is what its senders are called by: opaque chat ids, or email addresses."""

    repeat: Literal["idempotent"] = "idempotent"

    def __init__(self, identifier_kind: str = "chat") -> None:
        self.identifier_kind = identifier_kind

    async def send(self, outgoing: Outgoing) -> str:
        return f"to be read under {outgoing.in_reply_to}"

    async def find(self, key: str) -> str | None:  # noqa: ARG002 - the port's
        return None


def pull(_home: Path, identifier: str) -> Rail:
    return PullRail(identifier or "chat")
