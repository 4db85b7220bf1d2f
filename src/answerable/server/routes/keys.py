"""Keys made with a key: of its person, for no more than itself. Others are made in the home."""

from typing import Any

import msgspec
from starlette.responses import Response

from answerable.server.calls import Call, json
from answerable.server.table import Route, closed, values
from answerable.worker.verbs import KeyDerive, KeyList, KeyRevoke
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.people import KeyRow, NewKey

KeyBody: Any = closed(
    "KeyBody", [each for each in msgspec.structs.fields(KeyDerive) if each.name != "made_with"]
)


async def derive(call: Call) -> Response:
    """With the key that asks, and never another that the request names."""
    assert call.caller is not None
    verb = KeyDerive(made_with=call.caller.holder.id, **values(call.body))
    return json(await call.lobby.gate.ask(verb, NewKey))


ROUTES = (
    Route(
        method="GET", path="/v1/keys", name="listKeys",
        summary="Every key that was made: whose, for what, whether it still opens anything.",
        scopes=("people",), verb=KeyList, returns=list[KeyRow],
    ),
    Route(
        method="POST", path="/v1/keys", name="makeKey",
        summary="A key of the same person, for no more than the one that asks, and for no longer. "
        "Its secret is in this answer, and nowhere else.",
        scopes=("people",), answer=derive, body=KeyBody, returns=NewKey,
        ledger="`key.added`, by the key's person, with the key that it was made with",
        codes=("key_beyond", "key_invalid"),
    ),
    Route(
        method="DELETE", path="/v1/keys/{key}", name="revokeKey",
        summary="From now on the key opens nothing.",
        scopes=("people",), verb=KeyRevoke, by="by", returns=Done,
        ledger="`key.revoked`, by the key's person", codes=("key_unknown", "key_revoked"),
    ),
)  # fmt: skip
