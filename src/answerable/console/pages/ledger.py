"""`/ledger` Can you prove it?"""

import io
import json
import zipfile

from starlette.responses import Response

from answerable.base.errors import NotFound
from answerable.console.page import Page, Visit
from answerable.console.pages.decisions import number
from answerable.console.render import html, link, pager
from answerable.console.text import at
from answerable.ledger.domain import KINDS
from answerable.worker import verbs
from answerable.worker.verbs.control import Standing
from answerable.worker.verbs.proofs import FoundEntry

_ROWS = 50
_KINDS = sorted(KINDS)

_HOW = """\
Each N.entry.json is an entry of the ledger, byte for byte as it was signed; N.proof.txt is its
proof (C2SP tlog-proof): the entry's hash is in the tree that the signed checkpoint names.

To check one without Answerable, with the log's verifier key from somewhere that you trust:

    python3 answerable_verify.py --proof N.proof.txt --entry N.entry.json --vkey KEY
"""


async def ledger(visit: Visit) -> Response:
    found = await _search(visit)
    kind, id_ = visit.query.get("kind", ""), visit.query.get("id", "").strip()
    standing = await visit.ask(verbs.Status(), Standing)
    signed = await visit.ask(verbs.LedgerCheckpoint(), str) if standing.entries else ""
    return html(
        visit, "ledger.html", found=found, kind=kind, id=id_, kinds=_KINDS, signed=signed,
        page_of_id=at(id_), standing=standing, export=link("/ledger/export.zip", **visit.query),
        **pager("/ledger", visit.query, oldest=found[-1].index if len(found) == _ROWS else ""),
    )  # fmt: skip


async def _search(visit: Visit) -> list[FoundEntry]:
    """What the URL asks for; a number is an entry's index."""
    query = visit.query
    id_, kind = query.get("id", "").strip(), query.get("kind", "")
    if id_.isascii() and id_.isdigit() and not kind:
        return [
            one for one in await _newest_before(visit, number(id_) + 1) if one.index == int(id_)
        ]
    asked = verbs.LedgerSearch(
        kind=kind, id=id_, before=number(query.get("before", "")), limit=_ROWS
    )
    return await visit.ask(asked, list[FoundEntry])


async def _newest_before(visit: Visit, before: int) -> list[FoundEntry]:
    return await visit.ask(verbs.LedgerSearch(before=before, limit=1), list[FoundEntry])


async def entry(visit: Visit) -> Response:
    found = await _entry(visit)
    proof = await visit.ask(verbs.LedgerProve(found.index), str)
    pretty = json.dumps(json.loads(found.entry), indent=2, ensure_ascii=False)
    return html(visit, "entry.html", found=found, proof=proof, pretty=pretty)


async def _entry(visit: Visit) -> FoundEntry:
    """Raises EntryMissing."""
    said = visit.path["index"]
    index = number(said)
    found = await _newest_before(visit, index + 1) if str(index) == said else []
    if not found or found[0].index != index:
        raise EntryMissing(said)
    return found[0]


async def entry_bytes(visit: Visit) -> Response:
    found = await _entry(visit)
    return _file(found.entry.encode(), f"{found.index}.entry.json", "application/json")


async def entry_proof(visit: Visit) -> Response:
    found = await _entry(visit)
    proof = await visit.ask(verbs.LedgerProve(found.index), str)
    return _file(proof.encode(), f"{found.index}.proof.txt", "text/plain; charset=utf-8")


async def export(visit: Visit) -> Response:
    """A page of what was found: each entry with its proof, and how to check them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        _pack(archive, "HOW-TO-VERIFY.txt", _HOW)
        for found in await _search(visit):
            _pack(archive, f"{found.index}.entry.json", found.entry)
            proof = await visit.ask(verbs.LedgerProve(found.index), str)
            _pack(archive, f"{found.index}.proof.txt", proof)
    return _file(packed.getvalue(), "ledger.zip", "application/zip")


def _pack(archive: zipfile.ZipFile, name: str, text: str) -> None:
    archive.writestr(zipfile.ZipInfo(name), text.encode())  # without a date: same bytes again


def _file(data: bytes, name: str, media: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, 200, headers, media)


class EntryMissing(NotFound):
    code = "entry_missing"

    def __init__(self, index: str) -> None:
        shown = index[:20] if index.isprintable() else "that"
        super().__init__(
            f"The ledger has no entry '{shown}'.", "Nothing was looked up.",
            "answerable ledger checkpoint",
        )  # fmt: skip


PAGES = (
    Page("GET", "/ledger", "read", ledger),
    Page("GET", "/ledger/export.zip", "read", export),
    Page("GET", "/ledger/entries/{index}", "read", entry),
    Page("GET", "/ledger/entries/{index}/entry.json", "read", entry_bytes),
    Page("GET", "/ledger/entries/{index}/proof.txt", "read", entry_proof),
)
