"""`/parties`, `/parties/{party}` What is everything about one person?"""

from starlette.responses import Response

from answerable.console.names import names_of
from answerable.console.page import Page, Visit
from answerable.console.render import live, pager
from answerable.worker import verbs
from answerable.worker.verbs.cases import PartyRow, PartyView

_ROWS = 50


async def parties(visit: Visit) -> Response:
    before = visit.query.get("before", "")
    rows = await visit.ask(verbs.PartyList(before=before, limit=_ROWS), list[PartyRow])
    oldest = rows[-1].party if len(rows) == _ROWS else ""
    return await live(
        visit, "parties.html", rows=rows, **pager("/parties", visit.query, oldest=oldest)
    )


async def party(visit: Visit) -> Response:
    seen = await visit.ask(verbs.PartyShow(visit.path["party"]), PartyView)
    return await live(visit, "party.html", seen=seen, names=await names_of(visit))


PAGES = (
    Page("GET", "/parties", "read", parties),
    Page("GET", "/parties/{party}", "read", party),
)
