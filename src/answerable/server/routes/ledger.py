"""Decisions and effects, the entries that prove them, and the log's own files."""

import msgspec
from starlette.responses import Response

from answerable.server.bundles import ZIP, ExportBody, export
from answerable.server.calls import Call
from answerable.server.files import checkpoint, cosigned, tile, vkey
from answerable.server.table import BYTES, TEXT, Route
from answerable.worker.verbs import (
    DecisionExplain,
    DecisionList,
    DecisionShow,
    DecisionWho,
    EffectShow,
    LedgerProve,
    LedgerSearch,
)
from answerable.worker.verbs.base import Word
from answerable.worker.verbs.proofs import (
    DecisionRow,
    DecisionView,
    EffectView,
    FoundEntry,
    Story,
    Who,
)


class TileParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`entries/x001/x234/067` or `0/x001/067.p/12`: see c2sp.org/tlog-tiles."""

    path: Word


class CosignedParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`checkpoint` for the newest, or a size."""

    name: Word


async def proof(call: Call) -> Response:
    """The decision's entry as a C2SP tlog-proof, verifiable without us."""
    who = await call.lobby.gate.ask(DecisionWho(call.parameters.decision), Who)
    return Response(who.proof, 200, {"Cache-Control": "no-store"}, TEXT)


class DecisionParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    decision: Word


_OF_DECISION = ("not_found",)

ROUTES = (
    Route(
        method="GET", path="/v1/decisions", name="listDecisions",
        summary="Decisions, newest first.",
        scopes=("read",), verb=DecisionList, returns=list[DecisionRow],
    ),
    Route(
        method="GET", path="/v1/decisions/{decision}", name="showDecision",
        summary="A verdict with its proposal, its rules and what became of it.",
        scopes=("read",), verb=DecisionShow, returns=DecisionView, codes=_OF_DECISION,
    ),
    Route(
        method="GET", path="/v1/decisions/{decision}/who", name="whoAnswersForDecision",
        summary="Who was accountable, and which record captured it: with proof.",
        scopes=("read", "ledger"), verb=DecisionWho, fixed={"draw": 0.0}, returns=Who,
        codes=_OF_DECISION,
    ),
    Route(
        method="GET", path="/v1/decisions/{decision}/explain", name="explainDecision",
        summary="From arrival to outcome, in plain words.",
        scopes=("read",), verb=DecisionExplain, returns=Story, codes=_OF_DECISION,
    ),
    Route(
        method="GET", path="/v1/decisions/{decision}/proof", name="proveDecision",
        summary="The decision's C2SP tlog-proof.",
        scopes=("read", "ledger"), answer=proof, parameters=DecisionParameters, media=TEXT,
        codes=_OF_DECISION,
    ),
    Route(
        method="GET", path="/v1/effects/{effect}", name="showEffect",
        summary="A change outside: how it stands, and its entries.",
        scopes=("read", "approve"), verb=EffectShow, returns=EffectView,
        codes=("effect_not_found",),
    ),
    Route(
        method="GET", path="/v1/ledger/entries", name="searchLedger",
        summary="Entries, newest first, without bodies.",
        scopes=("ledger", "read"), verb=LedgerSearch, returns=list[FoundEntry],
    ),
    Route(
        method="GET", path="/v1/ledger/entries/{index}/proof", name="proveEntry",
        summary="An entry's C2SP tlog-proof, by its place in the ledger.",
        scopes=("ledger", "read"), verb=LedgerProve, returns=str, media=TEXT,
        codes=("not_found",),
    ),
    Route(
        method="POST", path="/v1/ledger/export", name="exportBundle",
        summary="An answer as one file for strangers (docs/bundle.md), of at most 100,000 entries; "
        "with the bodies that the key's person may read where they are asked for.",
        scopes=("ledger",), answer=export, body=ExportBody, media=ZIP,
        ledger="with `bodies`, `access.read` by the key's person, before anything is sent; of a "
        "party or an owner, `day.closed`",
        codes=("not_found", "scope_missing"),
    ),
    Route(
        method="GET", path="/ledger/checkpoint", name="checkpoint",
        summary="The signed head of the log (C2SP tlog-checkpoint).",
        scopes=("ledger", "read"), answer=checkpoint, media=TEXT, codes=("nothing_published",),
    ),
    Route(
        method="GET", path="/ledger/cosigned/{name}", name="cosigned",
        summary="A head that witnesses cosigned (C2SP tlog-cosignature): the newest, or of a size.",
        scopes=("ledger", "read"), answer=cosigned, parameters=CosignedParameters, media=TEXT,
        codes=("no_tile",),
    ),
    Route(
        method="GET", path="/ledger/vkey", name="vkey",
        summary="The key that the log is verified with (C2SP signed-note): compare it with one "
        "that you have from elsewhere.",
        scopes=("ledger", "read"), answer=vkey, media=TEXT, codes=("nothing_published",),
    ),
    Route(
        method="GET", path="/ledger/tile/{path:path}", name="tile",
        summary="A tile of hashes or a bundle of entries (C2SP tlog-tiles).",
        scopes=("ledger", "read"), answer=tile, parameters=TileParameters, media=BYTES,
        codes=("no_tile",),
    ),
)  # fmt: skip
