"""`/cases`, `/cases/{case}` What was said, and what was decided?"""

import asyncio
import hashlib
from urllib.parse import quote

from starlette.responses import Response

from answerable.console.names import names_of
from answerable.console.page import Page, Visit
from answerable.console.render import go, live, pager
from answerable.desk.service import Taken
from answerable.worker import verbs
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.cases import CaseRow, CaseView, InteractionView
from answerable.worker.verbs.desk import Said

_ROWS = 50
_INLINE_MAX = 20  # of so many of the newest messages the decisions stand beside their words


async def cases(visit: Visit) -> Response:
    agent, holder = visit.query.get("agent", ""), visit.query.get("holder", "")
    before = visit.query.get("before", "")
    asked = verbs.CaseList(agent=agent, holder=holder, before=before, limit=_ROWS)
    rows = await visit.ask(asked, list[CaseRow])
    oldest = rows[-1].case if len(rows) == _ROWS else ""
    return await live(
        visit, "cases.html", rows=rows, agent=agent, holder=holder, names=await names_of(visit),
        **pager("/cases", visit.query, oldest=oldest),
    )  # fmt: skip


async def case(visit: Visit) -> Response:
    before = visit.query.get("before", "")
    asked = verbs.CaseShow(visit.path["case"], before=before, limit=_ROWS)
    seen = await visit.ask(asked, CaseView)
    newest = [message.interaction for message in seen.messages[:_INLINE_MAX]]
    shown = await asyncio.gather(
        *(visit.ask(verbs.InteractionShow(one), InteractionView) for one in newest)
    )
    names = await names_of(visit)
    is_mine = seen.holder == visit.holder.person
    last = seen.messages[0] if seen.messages else None
    return await live(
        visit, "case.html", seen=seen, why=dict(zip(newest, shown, strict=True)), names=names,
        is_mine=is_mine, last=last, is_newest=not before,
        older=seen.messages[-1].interaction if len(seen.messages) == _ROWS else "",
    )  # fmt: skip


async def take(visit: Visit) -> Response:
    case = visit.path["case"]
    await visit.ask(verbs.DeskTake(case, visit.holder.person), Taken)
    return go(_at(case))


async def reply(visit: Visit) -> Response:
    """What is sent twice by one form is said once: the key is of the form and of the words."""
    case, text = visit.path["case"], visit.form.get("text", "")
    form = f"{visit.form.get('interaction', '')}\n{visit.form.get('said', '')}\n{text}"
    said = await visit.ask(
        verbs.DeskSay(
            case, visit.holder.person, text.replace("\r\n", "\n"),
            interaction=visit.form.get("interaction", ""),
            key=hashlib.sha256(form.encode()).hexdigest(),
        ),
        Said,
    )  # fmt: skip
    return go(f"{_at(case)}?{'sent' if said.status == 'done' else 'sending'}=1#end")


async def hand_back(visit: Visit) -> Response:
    case = visit.path["case"]
    await visit.ask(verbs.DeskHandback(case, visit.holder.person), Done)
    return go(_at(case))


def _at(case: str) -> str:
    return f"/cases/{quote(case, safe='')}"


PAGES = (
    Page("GET", "/cases", "read", cases),
    Page("GET", "/cases/{case}", "read", case),
    Page("POST", "/cases/{case}/take", "desk", take),
    Page("POST", "/cases/{case}/reply", "desk", reply),
    Page("POST", "/cases/{case}/handback", "desk", hand_back),
)
