"""Whether it runs, how it does, and what it can be asked."""

import msgspec
from starlette.responses import Response

from answerable.base.errors import AnswerableError
from answerable.server.calls import Call, json
from answerable.server.metrics import MEDIA, exposition
from answerable.server.table import ANY, Route
from answerable.worker.verbs import Status
from answerable.worker.verbs.control import Standing

METRICS = "/metrics"


class Health(msgspec.Struct, frozen=True):
    status: str


async def alive(_: Call) -> Response:
    """We serve. It says nothing of the worker: it must not be restarted for it."""
    return json(Health("alive"))


async def ready(call: Call) -> Response:
    """The worker answers now: no second try."""
    await call.lobby.gate.ask(Status(), Standing, patience_s=0.0)
    return json(Health("ready"))


async def metrics(call: Call) -> Response:
    """Always answered: a worker that is away is a number as well."""
    try:
        standing = await call.lobby.gate.ask(Status(), Standing, patience_s=0.0)
    except AnswerableError:
        standing = None
    return Response(exposition(call.lobby.meter, standing), media_type=MEDIA)


async def document(call: Call) -> Response:
    return json(call.lobby.document)


ROUTES = (
    Route(
        method="GET", path="/healthz", name="alive", summary="This process serves.",
        scopes=(), answer=alive, returns=Health,
    ),
    Route(
        method="GET", path="/readyz", name="ready", summary="The worker answers.",
        scopes=(), answer=ready, returns=Health, codes=("worker_away",),
    ),
    Route(
        method="GET", path=METRICS, name="metrics", summary="Prometheus, text format 0.0.4.",
        scopes=("metrics", "read"), answer=metrics, media=MEDIA,
    ),
    Route(
        method="GET", path="/openapi.json", name="document", summary="This document.",
        scopes=ANY, answer=document, returns=dict[str, object],
    ),
)  # fmt: skip
