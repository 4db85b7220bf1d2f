"""What the ledger says was put away in archives, and what stands in the place of such words."""

from answerable.engine.port import Feed
from answerable.ledger.archive import Archive, archive_in
from answerable.ledger.domain import ARCHIVED, decode_entry
from answerable.views import places
from answerable.views.index import EntryIndex

_PAGE = 100


async def archives(index: EntryIndex, feed: Feed) -> list[Archive]:
    """Newest first."""
    await index.follow(feed)
    found: list[Archive] = []
    before = 0
    while page := places.newest(index.db, kind=ARCHIVED, before=before, limit=_PAGE):
        before = page[-1].seq
        for place in page:
            async for record in feed.read(place.position - 1):
                archive = archive_in(decode_entry(record.data))
                found += [archive] if archive is not None else []
                break
    return found


async def words_of(index: EntryIndex, feed: Feed, seq: int) -> str:
    """Where the body of an entry went, and how to read it there."""
    for each in await archives(index, feed):
        if each.first <= seq < each.end:
            read = f"`answerable ledger read-archive FOLDER/{each.file} {seq}`"
            return f"(archived in {each.file}, as entry {seq}; {read} shows it)"
    return "(its body is missing, and no entry says why; next: `answerable ledger verify`)"
