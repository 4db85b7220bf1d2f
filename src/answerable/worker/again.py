"""What can be made again from the ledger, made again: state, views, published files."""

import asyncio
import shutil
from contextlib import closing
from pathlib import Path

import msgspec

from answerable.adapters.engines.embedded.journal import DATABASE, FeedFile, open_file
from answerable.compose.rebuild import rebuild
from answerable.ledger.note import VKEY, VerifierKey
from answerable.store.lock import HomeLock
from answerable.store.sqlite import in_our_words
from answerable.views.index import VIEWS, EntryIndex
from answerable.worker.publisher import TILES, Publisher
from answerable.worker.verification import chain_in, check_has_ledger, signed_head


class MadeAgain(msgspec.Struct, frozen=True):
    """What the feed that everything was made from has."""

    records: int
    entries: int

    @property
    def sentence(self) -> str:
        return (
            f"State, views and published files were made again from {self.records} records, "
            f"{self.entries} of them entries."
        )


def make_again(home: Path, *, compact: bool = False) -> MadeAgain:
    """On a home that nobody holds. How long stages took is measured, and is gone with the views.

    Raises NotFound, HomeHeld, StateNotBuilt; TilesAhead where more was published than the database
    has, and signed: nothing is published over that.
    """
    check_has_ledger(home)
    records = rebuild(home)
    lock = HomeLock.take(home)
    try:
        for suffix in ("", "-wal", "-shm"):
            (home / f"{VIEWS}{suffix}").unlink(missing_ok=True)
        entries = asyncio.run(_follow(home))
        if compact:
            _compact(home / DATABASE)
    finally:
        lock.release()
    return MadeAgain(records, entries)


def _compact(path: Path) -> None:
    """Write the file anew without the room that is free in it; needs as much on the disk meanwhile.
    One transaction: a death leaves it as it was. Raises DiskFull, Broken."""
    with in_our_words(path), closing(open_file(path)) as database:
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _follow(home: Path) -> int:
    key = VerifierKey.parse((home / VKEY).read_text("utf-8").strip())
    folder = home / TILES
    if not signed_head(folder, await asyncio.to_thread(chain_in, home, [key])):
        (folder / "checkpoint").unlink(missing_ok=True)  # nobody has signed it: it is damaged
    feed, publisher = FeedFile(home), Publisher(home)
    index = EntryIndex.open(home)
    try:
        await publisher.follow(feed)
        shutil.rmtree(folder / "tile", ignore_errors=True)
        await publisher.rebuild(feed)
        await index.follow(feed)
        return index.entries
    finally:
        index.close()
        feed.close()
