"""Publishes the log as static files, after the commit and behind it: what outsiders verify.

The truth is in the database; these files are written by rename, may lag by a round, and can be
thrown away and written again.
"""

import asyncio
from pathlib import Path

import msgspec

from answerable.engine.port import Engine
from answerable.ledger.domain import KINDS, SEAL_KIND, Seal
from answerable.ledger.tiles import TileWriter
from answerable.store.files import replace_file

TILES = "ledger"
_CURSOR = "published"
_ENTRIES_AT_ONCE = 8_192


class Publisher:
    """Follows the feed into the folder `home/ledger`."""

    def __init__(self, home: Path) -> None:
        folder = home / TILES
        folder.mkdir(exist_ok=True)
        self._cursor_file = folder / _CURSOR
        self._writer = TileWriter(folder, sync=False)
        self._position, self._size = self._resume()

    def _resume(self) -> tuple[int, int]:
        """Position and size up to which is published; the beginning where that is not sure."""
        try:
            position, size = map(int, self._cursor_file.read_text().split())
        except (OSError, ValueError):
            return 0, 0
        return (position, size) if size <= self._writer.size_on_disk() else (0, 0)

    async def follow(self, engine: Engine) -> None:
        """Publish everything that is committed now."""
        entries: list[bytes] = []
        seal: Seal | None = None
        covered, position = 0, self._position
        async for record in engine.read(self._position):
            if record.kind in KINDS:
                entries.append(record.data)
            elif record.kind == SEAL_KIND:
                seal = msgspec.json.decode(record.data, type=Seal)
                covered, position = len(entries), record.position
                if covered >= _ENTRIES_AT_ONCE:
                    await self._publish(entries[:covered], seal, position)
                    entries, seal = entries[covered:], None
        if seal is not None and covered:
            await self._publish(entries[:covered], seal, position)

    async def _publish(self, entries: list[bytes], seal: Seal, position: int) -> None:
        first = seal.size - len(entries)
        if seal.size > self._writer.size_on_disk():
            await asyncio.to_thread(self._writer.publish, first, entries, seal.note)
        self._position, self._size = position, seal.size
        text = f"{position} {seal.size}\n".encode()
        await asyncio.to_thread(replace_file, self._cursor_file, text, sync=False)
