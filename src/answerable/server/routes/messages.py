"""Messages in, and what became of each."""

from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from answerable.rails.port import Ack, Incoming
from answerable.server.calls import Call, json
from answerable.server.errors import TooLarge
from answerable.server.table import Route, closed, values
from answerable.worker.verbs import InteractionFind
from answerable.worker.verbs.cases import InteractionView

_ACCEPTED = 202

Message: Any = closed("Message", msgspec.structs.fields(Incoming))


Batch: Any = msgspec.defstruct(
    "Batch", [("messages", Annotated[list[Message], msgspec.Meta(min_length=1)])],
    frozen=True, forbid_unknown_fields=True,
)  # fmt: skip
"""All of them are accepted, or none."""


class Accepted(msgspec.Struct, frozen=True):
    """In the order of the batch."""

    messages: list[Ack]


async def accept(call: Call) -> Response:
    """Durable before it is answered: the verb returns after the fsync."""
    is_batch = isinstance(call.body, Batch)
    sent: list[Any] = call.body.messages if is_batch else [call.body]
    most = call.lobby.settings.batch_max
    if len(sent) > most:
        raise TooLarge(f"{len(sent)} messages, and {most} are taken at once")
    acks = await call.lobby.intake.accept([Incoming(**values(each)) for each in sent])
    return json(Accepted(acks) if is_batch else acks[0], _ACCEPTED)


ROUTES = (
    Route(
        method="POST", path="/v1/messages", name="acceptMessages",
        summary="Accept a message, or a batch. The same `external_id` again is the same message.",
        scopes=("messages",), answer=accept, body=(Batch, Message),
        returns=(Accepted, Ack), status=_ACCEPTED,
        ledger="`received` and what follows from it, after the answer", codes=("busy",),
    ),
    Route(
        method="GET", path="/v1/messages", name="findMessage",
        summary="What became of a message, by the id that its sender's side gave it.",
        scopes=("messages", "read"), verb=InteractionFind, returns=InteractionView,
        codes=("not_found",),
    ),
)  # fmt: skip
