"""`/decisions`, `/decisions/{decision}` Who was accountable, and which record captured it?"""

import json

from starlette.responses import Response

from answerable.console.page import Page, Visit
from answerable.console.render import html, live, pager
from answerable.worker import verbs
from answerable.worker.verbs.proofs import DecisionRow, DecisionView, Story, Who

_ROWS = 50


async def decisions(visit: Visit) -> Response:
    agent, verdict = visit.query.get("agent", ""), visit.query.get("verdict", "")
    before = number(visit.query.get("before", ""))
    asked = verbs.DecisionList(agent=agent, verdict=verdict, before=before, limit=_ROWS)
    rows = await visit.ask(asked, list[DecisionRow])
    oldest = rows[-1].index if len(rows) == _ROWS else ""
    return await live(
        visit, "decisions.html", rows=rows, agent=agent, verdict=verdict,
        **pager("/decisions", visit.query, oldest=oldest),
    )  # fmt: skip


async def decision(visit: Visit) -> Response:
    id_ = visit.path["decision"]
    seen = await visit.ask(verbs.DecisionShow(id_), DecisionView)
    who = await visit.ask(verbs.DecisionWho(id_), Who)
    story = await visit.ask(verbs.DecisionExplain(id_), Story)
    request = json.dumps(seen.request, indent=2, ensure_ascii=False)
    return html(visit, "decision.html", seen=seen, who=who, story=story, request=request)


def number(text: str) -> int:
    """A ledger index as a URL holds it; 0, which is the newest, where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else 0


PAGES = (
    Page("GET", "/decisions", "read", decisions),
    Page("GET", "/decisions/{decision}", "read", decision),
)
