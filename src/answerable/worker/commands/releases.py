"""Commands that show which releases were registered, and what each is made of."""

from answerable.agents import rows
from answerable.agents.domain import PART_CHARS, PARTS
from answerable.base.clock import iso
from answerable.base.errors import NotFound
from answerable.ledger.domain import Entry, decode_entry
from answerable.worker import verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs.control import ReleaseRow


async def release_list(office: Office, verb: verbs.ReleaseList) -> list[ReleaseRow]:
    db = office.house.hall.db
    await office.index.follow(office.house.hall.engine)
    if verb.release:
        indexes = [_index_of(office, verb.release)]
    else:
        indexes = rows.newest(db, verb.agent, verb.limit)
    found = []
    for index in indexes:
        place = office.index.at(index)
        if place is not None:
            record = await office.record_at(place.position)
            found.append(_row(office, decode_entry(record.data)))
    return found


def _index_of(office: Office, release: str) -> int:
    index = rows.registered_at(office.house.hall.db, release)
    if index is None:
        raise NotFound(
            f"No release '{release}' was registered in this home.", "Nothing was looked up.",
            "answerable release list",
        )  # fmt: skip
    return index


def _row(office: Office, entry: Entry) -> ReleaseRow:
    hall, change = office.house.hall, entry.change or {}
    agent, release = entry.changed("agent"), entry.changed("release")
    loaded = hall.releases.get(agent)
    return ReleaseRow(
        id=release, agent=agent, registered_at=iso(entry.ts), index=entry.seq,
        is_active=hall.agents.registry.releases.get(agent) == release,
        is_loaded=loaded is not None and loaded.id == release,
        owner=entry.accountable,
        parts={part: str(change[part])[:PART_CHARS] for part in PARTS if part in change},
    )  # fmt: skip


HANDLERS: Handlers = {verbs.ReleaseList: release_list}
