"""Which entries answer a question. Only their places are kept: a long answer costs two numbers an
entry, and what they say is read again when it is written."""

from collections.abc import AsyncIterator, Iterable

from answerable.base.errors import NotFound, UsageError
from answerable.ledger.bundle import ENTRIES_MAX, Asked
from answerable.ledger.domain import Entry, decode_entry
from answerable.views import places
from answerable.views.places import Place
from answerable.worker.bundling.turns import in_turns
from answerable.worker.commands.office import Office

_PAGE = 500
_NOT_DONE = "Nothing was written."


async def gather(office: Office, asked: Asked, size: int) -> dict[int, int]:
    """Index and position of each entry of the answer, of a log of `size`. Raises NotFound,
    UsageError."""
    found: dict[int, int] = {}
    async for place in _candidates(office, asked):
        if place.seq >= size:
            continue
        entry = await _entry(office, place)
        if asked.fits(entry) or asked.kind == "decision":
            found[place.seq] = place.position
            _need(office, asked, entry, found)
        if len(found) > ENTRIES_MAX:
            raise UsageError(
                f"The answer has more than {ENTRIES_MAX} entries.", _NOT_DONE,
                "ask for a shorter period, or for --everything",
            )  # fmt: skip
    if not found:
        raise NotFound(
            f"No entry is about {asked.kind} '{asked.of}'.", _NOT_DONE, "answerable ledger search"
        )
    return dict(sorted(found.items()))


def _need(office: Office, asked: Asked, entry: Entry, found: dict[int, int]) -> None:
    """The entry in which its owner accepted, where the answer is of who answered for it."""
    if entry.owner is not None and asked.kind in ("decision", "owner") and asked.fits(entry):
        place = office.index.at(entry.owner.accepted_at)
        if place is not None:
            found[place.seq] = place.position


async def _candidates(office: Office, asked: Asked) -> AsyncIterator[Place]:
    """More than the answer, never less."""
    db = office.index.db
    if asked.kind == "decision":
        place = office.index.find(asked.of)
        if place is not None and place.kind == "decided":
            for each in _together(office, place):
                yield each
        return
    before = 0
    while True:
        if asked.kind == "agent":
            page = places.newest(db, before=before, limit=_PAGE)
        else:
            page = places.newest_about(db, asked.of, before=before, limit=_PAGE)
        async for place in in_turns(page):
            if asked.kind != "agent" or place.agent == asked.of:
                yield place
        if len(page) < _PAGE or page[-1].seq == 0:
            return
        before = page[-1].seq


def _together(office: Office, decided: Place) -> Iterable[Place]:
    return office.index.of_interaction(decided.interaction) or [decided]


async def _entry(office: Office, place: Place) -> Entry:
    return decode_entry((await office.record_at(place.position)).data)
