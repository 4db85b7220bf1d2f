"""`/approvals` May it do this?"""

from collections.abc import Sequence
from typing import Literal, cast

from starlette.responses import Response

from answerable.base.errors import NotFound
from answerable.console.page import Page, Visit
from answerable.console.render import go, link, live
from answerable.worker import verbs
from answerable.worker.verbs.desk import Answered, HoldRow
from answerable.worker.verbs.proofs import EffectView

_ANSWERS = ("grant", "refuse")


class HoldGone(NotFound):
    """No effect of this id waits for an answer any more."""

    code = "hold_gone"

    def __init__(self, effect: str) -> None:
        super().__init__(
            f"'{effect}' does not wait for a person: it was answered, or it expired.",
            "Nothing was changed.",
            f"answerable effect show {effect}",
        )


async def approvals(visit: Visit) -> Response:
    agent = visit.query.get("agent", "")
    rows = await visit.ask(verbs.ApprovalList(agent=agent), list[HoldRow])
    answered = visit.query.get("answered", "")
    became = await visit.ask(verbs.EffectShow(answered), EffectView) if answered else None
    return await live(visit, "approvals.html", rows=rows, became=became)


async def confirm(visit: Visit) -> Response:
    """The same action once more, whole, before the word is given."""
    rows = await visit.ask(verbs.ApprovalList(limit=1_000), list[HoldRow])
    says = visit.query.get("says", "")
    return await live(
        visit, "approval.html", row=find(rows, visit.path["effect"]),
        says=says if says in _ANSWERS else "",
    )  # fmt: skip


async def answer(visit: Visit) -> Response:
    says = cast("Literal['grant', 'refuse']", visit.form.get("says", ""))  # the verb checks it
    asked = verbs.ApprovalAnswer(visit.path["effect"], visit.holder.person, says)
    answered = await visit.ask(asked, Answered)
    return go(link("/approvals", answered=answered.effect))


def find(rows: Sequence[HoldRow], effect: str) -> HoldRow:
    """Raises HoldGone."""
    row = next((row for row in rows if row.effect == effect), None)
    if row is None:
        raise HoldGone(effect)
    return row


PAGES = (
    Page("GET", "/approvals", "read", approvals),
    Page("GET", "/approvals/{effect}", "read", confirm),
    Page("POST", "/approvals/{effect}", "approve", answer),
)
