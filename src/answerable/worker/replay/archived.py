"""Bodies of a replay that lie in archives: read where they lie, and put back nowhere."""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import msgspec

from answerable.engine.port import Feed, Record
from answerable.ledger.archive import KINDS as ARCHIVED_KINDS
from answerable.ledger.archive import Archive, archive_in, sha256_of
from answerable.ledger.domain import ARCHIVED, KINDS, decode_entry
from answerable.ledger.tiles import WIDTH
from answerable.ledger.verify_archive import ArchiveReader

_BUNDLES_KEPT = 8
_Bodies = dict[str, bytes]  # of one bundle, by the key of their records


class Archives:
    """The archives of a home that lie in a folder. A file is believed where it is the one that the
    ledger names, byte for byte; one that is not there is as if nobody had looked. Close it."""

    def __init__(self, folder: Path, feed: Feed, known: Sequence[Archive]) -> None:
        self._folder = folder
        self._feed = feed
        self._known = known
        self._readers: dict[str, ArchiveReader | None] = {}
        self._bundles: OrderedDict[tuple[str, int], _Bodies] = OrderedDict()
        self._open = ExitStack()

    @classmethod
    async def of(cls, folder: Path, feed: Feed) -> Self:
        said = [archive_in(decode_entry(one.data)) async for one in feed.read(0, (ARCHIVED,))]
        return cls(folder, feed, [one for one in said if one is not None])

    def close(self) -> None:
        self._open.close()

    async def whole(self, records: Sequence[Record]) -> tuple[Record, ...]:
        """The same records with the bodies that were archived. Raises ArchiveDamaged."""
        return tuple([await self._filled(one) for one in records])

    async def _filled(self, record: Record) -> Record:
        if record.body is not None or record.kind not in ARCHIVED_KINDS:
            return record
        number = await self._bundle_of(record)
        for archive in self._known:
            if number in archive.bundles:
                body = self._in(archive, number).get(record.key)
                return record if body is None else msgspec.structs.replace(record, body=body)
        return record

    async def _bundle_of(self, record: Record) -> int:
        """A step lies with the entry that came next, whosever that is."""
        if record.kind in KINDS:
            return decode_entry(record.data).seq // WIDTH
        async for after in self._feed.read(record.position, sorted(KINDS)):
            return decode_entry(after.data).seq // WIDTH
        return -1

    def _in(self, archive: Archive, number: int) -> _Bodies:
        reader = self._reader(archive)
        if reader is None:
            return {}
        place = (archive.file, number)
        if place not in self._bundles:
            self._bundles[place] = {body.key: body.data for body in reader.bodies(number)}
            if len(self._bundles) > _BUNDLES_KEPT:
                self._bundles.popitem(last=False)
        self._bundles.move_to_end(place)
        return self._bundles[place]

    def _reader(self, archive: Archive) -> ArchiveReader | None:
        if archive.file not in self._readers:
            self._readers[archive.file] = self._opened(archive)
        return self._readers[archive.file]

    def _opened(self, archive: Archive) -> ArchiveReader | None:
        path = self._folder / archive.file
        if not path.is_file():
            return None
        reader = self._open.enter_context(ArchiveReader(path))
        if sha256_of(path) != archive.sha256:
            raise reader.damaged(f"it is not the file that entry {archive.index} names")
        return reader
