"""What happened, from a cursor on: entries in feed order, none left out between two pages."""

import asyncio

from answerable.base.clock import iso
from answerable.base.errors import Broken
from answerable.engine.port import Record
from answerable.ledger.domain import KINDS, Entry, decode_entry
from answerable.ledger.telling import tell
from answerable.pipeline import desk
from answerable.views import places
from answerable.worker import verbs
from answerable.worker.commands.decisions import action_of_effect
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs.cases import FeedPage, Happened

_LOOK_S = 0.03
_SCANNED_MAX = 5_000  # records looked at for one page; its cursor says how far


async def case_feed(office: Office, verb: verbs.CaseFeed) -> FeedPage:
    """A page, as soon as it has something; an empty one, further on, when the wait is over.

    Of one case the index says where its entries stand; what it does not have yet is looked for in
    the feed itself. So a page is never a walk through all history, and never misses what the index
    is behind with. Raises CaseNotFound.
    """
    hall, loop = office.house.hall, asyncio.get_running_loop()
    if verb.case:
        desk.find_case(hall, verb.case)
    give_up = loop.time() + verb.wait_s
    after = verb.after
    while True:
        size = hall.committer.size
        page = await _page(office, verb.case, after, verb.limit)
        has_more = page.cursor - after >= _SCANNED_MAX
        if page.events or loop.time() >= give_up:
            return page
        after = page.cursor
        while not has_more and hall.committer.size == size and loop.time() < give_up:
            await asyncio.sleep(_LOOK_S)


async def _page(office: Office, case: str, after: int, limit: int) -> FeedPage:
    events: list[Happened] = []
    if case:
        upto = await _indexed_upto(office)
        if after < upto:
            found = places.of_case(office.index.db, case, after=after, limit=limit)
            records = [await office.record_at(place.position) for place in found]
            events = [_happened(office, record) for record in records]
            if len(events) == limit:
                return FeedPage(tuple(events), events[-1].position)
            after = max(upto, events[-1].position if events else 0)
    return await _scanned(office, case, after, limit, events)


async def _indexed_upto(office: Office) -> int:
    """The position up to which the index has everything; 0 where it cannot be written."""
    try:
        await office.index.follow(office.house.hall.engine)
    except Broken:
        return office.index.cursor if office.index.is_sure else 0
    return office.index.cursor


async def _scanned(
    office: Office, case: str, after: int, limit: int, events: list[Happened]
) -> FeedPage:
    """Out of the feed itself, `events` first."""
    cursor, needle = after, case.encode()
    async for record in office.house.hall.engine.read(after):
        cursor = record.position
        if record.kind in KINDS and needle in record.data:
            happened = _happened(office, record)
            if not case or happened.case == case:
                events.append(happened)
        if len(events) >= limit or cursor - after >= _SCANNED_MAX:
            break
    return FeedPage(tuple(events), cursor)


def _happened(office: Office, record: Record) -> Happened:
    entry = decode_entry(record.data)
    return Happened(
        position=record.position, seq=entry.seq, at=iso(entry.ts), kind=entry.kind, id=entry.id,
        case=entry.case, interaction=entry.interaction, agent=_agent(office, entry),
        summary=tell(entry, action_of_effect(office, entry)),
    )  # fmt: skip


def _agent(office: Office, entry: Entry) -> str:
    """Whose act it is, or whose case it is about."""
    if entry.agent is not None:
        return entry.agent.id
    case = office.house.hall.cases.find(entry.case) if entry.case else None
    return entry.changed("agent") or (case.agent if case else "")


HANDLERS: Handlers = {verbs.CaseFeed: case_feed}
