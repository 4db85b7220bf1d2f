"""`/interactions`, `/interactions/{interaction}` Why did it do that?"""

from starlette.responses import Response

from answerable.console.page import Page, Visit
from answerable.console.render import live, pager
from answerable.worker import verbs
from answerable.worker.verbs.cases import InteractionRow, InteractionView

_ROWS = 50
DISPOSITIONS = ("open", "answered", "answered_by_person", "escalated", "with_people", "closed")


async def interactions(visit: Visit) -> Response:
    agent, ended = visit.query.get("agent", ""), visit.query.get("disposition", "")
    before = visit.query.get("before", "")
    asked = verbs.InteractionList(agent=agent, disposition=ended, before=before, limit=_ROWS)
    rows = await visit.ask(asked, list[InteractionRow])
    oldest = rows[-1].interaction if len(rows) == _ROWS else ""
    return await live(
        visit, "interactions.html", rows=rows, agent=agent, disposition=ended,
        dispositions=DISPOSITIONS, **pager("/interactions", visit.query, oldest=oldest),
    )  # fmt: skip


async def interaction(visit: Visit) -> Response:
    seen = await visit.ask(verbs.InteractionShow(visit.path["interaction"]), InteractionView)
    longest = max((stage.took_us for stage in seen.stages), default=0)
    shares = [100 * max(stage.took_us, 0) // longest if longest > 0 else 0 for stage in seen.stages]
    return await live(visit, "interaction.html", seen=seen, shares=shares)


PAGES = (
    Page("GET", "/interactions", "read", interactions),
    Page("GET", "/interactions/{interaction}", "read", interaction),
)
