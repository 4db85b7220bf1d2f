"""`/desk` What needs a person now?"""

from typing import Literal, cast

from starlette.responses import Response

from answerable.console.names import names_of
from answerable.console.page import Page, Visit
from answerable.console.pages.approvals import find
from answerable.console.render import go, html, link, live
from answerable.desk.domain import QueueItem
from answerable.worker import verbs
from answerable.worker.verbs.desk import Answered, HoldRow

_ROWS = 200


async def desk(visit: Visit) -> Response:
    queue = visit.query.get("queue", "")
    items = await visit.ask(verbs.DeskList(queue=queue or None, limit=_ROWS), list[QueueItem])
    unknown = await visit.ask(verbs.UnknownList(), list[HoldRow])
    me = visit.holder.person
    return await live(
        visit, "desk.html", queue=queue, unknown=unknown, names=await names_of(visit),
        is_cut=len(items) == _ROWS,
        mine=[item for item in items if item.taken_by == me],
        waiting=[item for item in items if not item.taken_by],
        others=[item for item in items if item.taken_by not in ("", me)],
        queues=sorted({item.queue for item in items} | ({queue} if queue else set())),
    )  # fmt: skip


async def settle(visit: Visit) -> Response:
    """How did it end? Asked once more, with what exactly it was."""
    rows = await visit.ask(verbs.UnknownList(limit=1_000), list[HoldRow])
    says = visit.query.get("says", "")
    row = find(rows, visit.path["effect"])
    return html(visit, "settle.html", row=row, says=says if says in _ENDS else "done")


async def settled(visit: Visit) -> Response:
    says = cast("Literal['done', 'not_done']", visit.form.get("says", ""))  # the verb checks it
    asked = verbs.EffectSettle(visit.path["effect"], visit.holder.person, says)
    answered = await visit.ask(asked, Answered)
    return go(link("/desk", settled=answered.effect))


_ENDS = ("done", "not_done")

PAGES = (
    Page("GET", "/desk", "read", desk),
    Page("GET", "/desk/effects/{effect}", "approve", settle),
    Page("POST", "/desk/effects/{effect}", "approve", settled),
)
