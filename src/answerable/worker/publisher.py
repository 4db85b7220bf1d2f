"""Publishes the log as static files, after the commit and behind it: what outsiders verify.

The truth is in the database; these files are written by rename, may lag by a round, and can be
thrown away and written again. What cannot be is that they speak of more than the database: then
an older database was put back, and nothing is published over what was.
"""

import asyncio
import threading
from functools import partial
from pathlib import Path

import msgspec

from answerable.base.errors import Broken
from answerable.engine.port import Feed, Record
from answerable.ledger.archive import PUT_AWAY, archive_in, read_put_away, told_put_away
from answerable.ledger.domain import ARCHIVED, KINDS, SEAL_KIND, Seal, decode_entry
from answerable.ledger.keychain import handing_over
from answerable.ledger.note import Checkpoint, NoteError, note_text, parse_checkpoint
from answerable.ledger.tiles import (
    WIDTH,
    TileMissing,
    TilesAhead,
    TileWriter,
    entries_path,
    read_checkpoint,
    tile_path,
)
from answerable.ledger.tree import HASH_BYTES
from answerable.store.files import replace_file
from answerable.store.threads import beside_the_loop

TILES = "ledger"
HANDINGS = "rotations"  # in the folder: the checkpoints with which a key was handed over
CURSOR = "published"
_ENTRIES_AT_ONCE = 8_192


class Publisher:
    """Follows the feed into the folder `home/ledger`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder = home / TILES
        _make(self._folder)
        self._cursor_file = self._folder / CURSOR
        self._writer = TileWriter(self._folder, sync=False)
        self._position, self._size = 0, 0
        self._is_sure = False  # that the cursor is of this feed
        self._is_healed = False  # that every file was looked at, in this life
        self._ahead: TilesAhead | None = None
        self._one_reader = asyncio.Lock()
        self._one_writer = threading.Lock()  # a cancelled round leaves its thread at work

    async def follow(self, feed: Feed) -> None:
        """Publish everything that is committed now. Raises TilesAhead, Broken."""
        if self._ahead is not None:
            raise self._ahead
        async with self._one_reader:
            if not self._is_sure:
                await self._resume(feed)
            await self._follow(feed)

    async def heal(self, feed: Feed) -> None:
        """Once in a life look at every full tile, and write all again where one is amiss.

        Beside what is asked meanwhile: the longer the history, the longer it takes. Raises
        TilesAhead, Broken.
        """
        if not self._is_healed:
            await self.follow(feed)
            size = self._size
            if not await beside_the_loop(lambda: _is_whole(self._folder, size)):
                await self.rebuild(feed)
            self._is_healed = True

    async def rebuild(self, feed: Feed) -> None:
        """Write all files again: some are missing or damaged. Raises TilesAhead, Broken."""
        if self._ahead is not None:
            raise self._ahead
        async with self._one_reader:
            await beside_the_loop(self._forget)
            await self._follow(feed)

    async def _resume(self, feed: Feed) -> None:
        """Go on where the published checkpoint stands; from the beginning where files are amiss."""
        head = _head(self._folder)
        if head is not None:
            position = await self._seal_of(feed, head)
            if self._writer.size_on_disk() == head.size:
                self._position, self._size = position, head.size
            else:
                await beside_the_loop(self._forget)
            await beside_the_loop(lambda: self._put_away(last=1))  # a death may have come between
        self._is_sure = True

    async def _seal_of(self, feed: Feed, head: Checkpoint) -> int:
        """Where the feed has what is published: there the cursor says, or somewhere else."""
        try:
            hint = int(self._cursor_file.read_text())
        except (OSError, ValueError):
            hint = 0
        last = 0
        for after in (hint - 1, 0) if hint > 0 else (0,):
            async for record in feed.read(after, (SEAL_KIND,)):
                seal = msgspec.json.decode(record.data, type=Seal)
                last = seal.size
                if seal.size == head.size and _head_of(seal.note).root == head.root:
                    return record.position
                if seal.size > head.size:
                    break
        raise self._refuse(head.size, last)

    async def _follow(self, feed: Feed) -> None:
        entries: list[bytes] = []
        seal: Seal | None = None
        hands_over = is_put_away = False
        covered, position = 0, self._position
        async for record in feed.read(self._position):
            if record.kind in KINDS:
                entries.append(record.data)
                hands_over = hands_over or _hands_over(record)
                is_put_away = self._is_told(record) or is_put_away
            elif record.kind == SEAL_KIND:
                seal = msgspec.json.decode(record.data, type=Seal)
                covered, position = len(entries), record.position
                if hands_over:
                    await beside_the_loop(partial(self._keep_handing, seal.size, seal.note))
                    hands_over = False
                if covered >= _ENTRIES_AT_ONCE:
                    await self._publish(entries[:covered], seal, position)
                    entries, seal = entries[covered:], None
        if seal is not None and covered:
            await self._publish(entries[:covered], seal, position)
        if is_put_away:
            await beside_the_loop(self._put_away)

    def _is_told(self, record: Record) -> bool:
        """Whether the entry says that bundles were archived: the folder says it too, before any of
        them goes."""
        archive = archive_in(decode_entry(record.data)) if record.kind == ARCHIVED else None
        if archive is None:
            return False
        known = [each for each in read_put_away(self._folder) if each.first < archive.first]
        replace_file(self._folder / PUT_AWAY, told_put_away([*known, archive]), sync=False)
        return True

    def _put_away(self, *, last: int = 0) -> None:
        """The bundles that lie in archives go, or in the `last` of them; hashes stay, so that all
        proofs do."""
        with self._one_writer:
            for archive in read_put_away(self._folder)[-last:]:
                for number in archive.bundles:
                    (self._folder / entries_path(number)).unlink(missing_ok=True)

    def check_not_behind(self, size: int) -> None:
        """Raises TilesAhead where more was published than the ledger has.

        Strangers hold the signed head of those entries: to go on from an older database would be
        to sign a second history.
        """
        head = _head(self._folder)
        if head is not None and head.size > size:
            raise self._refuse(head.size, size)

    def is_whole(self) -> bool:
        """Whether a checkpoint is published, and every full tile that it speaks of is there."""
        head = _head(self._folder)
        return head is not None and _is_whole(self._folder, head.size)

    async def _publish(self, entries: list[bytes], seal: Seal, position: int) -> None:
        try:
            await beside_the_loop(lambda: self._write(entries, seal, position))
        except TilesAhead as ahead:
            raise self._refuse(self._writer.size_on_disk(), seal.size) from ahead

    def _write(self, entries: list[bytes], seal: Seal, position: int) -> None:
        with self._one_writer:
            if seal.size > self._writer.size_on_disk():
                self._writer.publish(seal.size - len(entries), entries, seal.note)
            if position > self._position:
                self._position, self._size = position, seal.size
                replace_file(self._cursor_file, f"{position}\n".encode(), sync=False)

    def _keep_handing(self, size: int, note: str) -> None:
        """The checkpoint with which a key was handed over: who knows the old key follows it."""
        path = self._folder / HANDINGS / str(size)
        if not path.exists():
            replace_file(path, note.encode(), sync=False)

    def _forget(self) -> None:
        """Begin again from nothing. Tiles are replaced one by one, the checkpoint with them."""
        with self._one_writer:
            (self._folder / "checkpoint").unlink(missing_ok=True)
            self._writer = TileWriter(self._folder, sync=False)
            self._position, self._size = 0, 0

    def _refuse(self, published: int, size: int) -> TilesAhead:
        self._ahead = TilesAhead(
            f"{published} entries are published in '{self._folder}', and the {size} of the "
            "database are not their continuation: an older database was put back.",
            "Nothing is published until somebody has decided which of the two is right.",
            f"answerable ledger verify --home {self._home}",
        )
        return self._ahead


def _hands_over(record: Record) -> bool:
    return record.kind == "key.rotated" and handing_over(decode_entry(record.data)) is not None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise Broken(
            f"The folder '{folder}' cannot be made: {error.strerror}.",
            "Nothing was published, and the worker did not start.",
            f"ls -ld {folder.parent}",
        ) from error


def _head(folder: Path) -> Checkpoint | None:
    """The published checkpoint; None where there is none to read."""
    try:
        return _head_of(read_checkpoint(folder))
    except (NoteError, TileMissing):
        return None


def _head_of(note: str) -> Checkpoint:
    return parse_checkpoint(note_text(note))


def _is_whole(folder: Path, size: int) -> bool:
    """Whether every full tile is there, by its size: a power cut may have taken some."""
    archived = {number for each in read_put_away(folder) for number in each.bundles}
    level, count = 0, size // WIDTH
    while count:
        for number in range(count):
            if _size_of(folder / tile_path(level, number)) != WIDTH * HASH_BYTES:
                return False
            is_here = not level and number not in archived
            if is_here and not _size_of(folder / entries_path(number)):
                return False
        level, count = level + 1, count // WIDTH
    return True


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
