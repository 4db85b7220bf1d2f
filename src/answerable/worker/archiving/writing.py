"""An archive written beside the worker, and verified before anything is taken from the home.

It runs in a process of its own (`python -m answerable.worker.archiving.writing`) and only reads the
home. What it leaves is a whole archive or nothing: a death leaves a temporary name, and one that is
whole and was not recorded yet is taken as it is by the next run.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from answerable.adapters.engines.embedded import rows
from answerable.adapters.engines.embedded.journal import DATABASE, FeedFile
from answerable.base.errors import UsageError
from answerable.ledger.archive import (
    KINDS as ARCHIVED_KINDS,
)
from answerable.ledger.archive import (
    ArchiveDamaged,
    ArchiveWriter,
    Manifest,
    Sealed,
    bodies_path,
    encode_bodies,
    sha256_of,
)
from answerable.ledger.domain import KINDS
from answerable.ledger.note import VKEY, Checkpoint, VerifierKey, verify_checkpoint
from answerable.ledger.sealing import STEP_KIND, kid_of
from answerable.ledger.tiles import (
    WIDTH,
    TileReader,
    encode_bundle,
    entries_path,
    read_checkpoint,
    tile_path,
)
from answerable.ledger.tree import leaf_hash
from answerable.ledger.verify_archive import ArchiveReader, verify_archive
from answerable.store.sqlite import open_reader
from answerable.worker.apart import tell
from answerable.worker.archiving.choosing import From, Range, choose
from answerable.worker.publisher import TILES
from answerable.worker.verification import chain_in

_HEIGHT = 8


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What may go, and, once it is written, where it is."""

    first: int
    end: int
    after: int
    until: int
    bodies: int
    bytes: int
    because: str
    file: str
    sha256: str = ""
    steps: int = 0


def file_name(first: int, end: int) -> str:
    return f"answerable-{first:09d}-{end:09d}.zip"


def write(home: Path, to: Path, start: From, before_us: int, *, is_meant: bool) -> Written:
    """Choose, and where it is meant, write and verify. Raises ArchiveDamaged, NoteError, Broken,
    UsageError."""
    note = read_checkpoint(home / TILES)
    keys = chain_in(home, [VerifierKey.parse((home / VKEY).read_text("utf-8").strip())])
    head = verify_checkpoint(note, keys.of(note))
    feed = FeedFile(home)
    try:
        chosen = asyncio.run(
            choose(feed, start, before_us=before_us, undone=_undone(home), size=head.size)
        )
        path = to / file_name(chosen.first, chosen.end)
        if is_meant and chosen.end > chosen.first:
            if path.exists():
                _check_is_the_same(path, chosen)
            else:
                _write_file(feed, home, path, chosen, (note, head))
            found = verify_archive(path, keys)
            return _written(chosen, path, sha256_of(path), found.bodies, found.steps)
    finally:
        feed.close()
    return _written(chosen, path, "", chosen.bodies, 0)


def _written(chosen: Range, path: Path, sha256: str, bodies: int, steps: int) -> Written:
    return Written(
        first=chosen.first, end=chosen.end, after=chosen.after, until=chosen.until,
        bodies=bodies, bytes=chosen.bytes, because=chosen.because, file=str(path), sha256=sha256,
        steps=steps,
    )  # fmt: skip


def _undone(home: Path) -> frozenset[str]:
    database = open_reader(home / DATABASE)
    try:
        return frozenset(arrival.id for arrival in rows.undone(database))
    finally:
        database.close()


def _check_is_the_same(path: Path, chosen: Range) -> None:
    """One that lies there is what an earlier run wrote and could not record; it is not replaced."""
    with ArchiveReader(path) as reader:
        manifest = reader.manifest
    if (manifest.first, manifest.end, manifest.until) != (chosen.first, chosen.end, chosen.until):
        raise UsageError(
            f"'{path}' is another archive.", "Nothing was written.",
            "name another folder with --to",
        )  # fmt: skip


def _write_file(
    feed: FeedFile, home: Path, path: Path, chosen: Range, signed: tuple[str, Checkpoint]
) -> None:
    note, head = signed
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ArchiveWriter(path) as writer:
            writer.add("checkpoint", note.encode(), is_text=True)
            _add_above(writer, TileReader(home / TILES, head.size))
            bodies, steps = asyncio.run(_add_bundles(writer, feed, chosen))
            writer.finish(
                Manifest(
                    origin=head.origin, first=chosen.first, end=chosen.end, until=chosen.until,
                    size=head.size, root=head.root.hex(), bodies=bodies, steps=steps, members={},
                )
            )  # fmt: skip
            writer.publish()
    except OSError as error:
        raise ArchiveDamaged(
            f"'{path}' cannot be written: {error.strerror}.",
            "Nothing was archived, and nothing was taken from the home.",
            f"df -h {path.parent}",
        ) from error


def _add_above(writer: ArchiveWriter, published: TileReader) -> None:
    """The open tile of leaves, and every tile above: of a million entries 130 KB."""
    level = 0
    while (count := published.size >> _HEIGHT * level) > 0:
        full, width = divmod(count, WIDTH)
        for number in range(full if level else 0):
            writer.add(tile_path(level, number), b"".join(published.tile(level, number)))
        if width:
            writer.add(tile_path(level, full, width), b"".join(published.tile(level, full)))
        level += 1


async def _add_bundles(writer: ArchiveWriter, feed: FeedFile, chosen: Range) -> tuple[int, int]:
    """Entries, leaves and bodies, a bundle at a time; how many bodies and steps there were."""
    bodies = steps = 0
    number = chosen.first // WIDTH
    async for entries, sealed, mine in _bundles(feed, chosen):
        leaves = b"".join(map(leaf_hash, entries))
        writer.add(entries_path(number), encode_bundle(entries), is_text=True)
        writer.add(tile_path(0, number), leaves)
        writer.add(bodies_path(number), encode_bodies(sealed))
        bodies, steps, number = bodies + len(sealed) - mine, steps + mine, number + 1
    return bodies, steps


async def _bundles(
    feed: FeedFile, chosen: Range
) -> AsyncIterator[tuple[list[bytes], list[Sealed], int]]:
    """The entries of each bundle, their bodies, and how many of these are steps."""
    entries: list[bytes] = []
    sealed: list[Sealed] = []
    steps = 0
    async for record in feed.read(chosen.after):
        if record.position > chosen.until:
            return
        if record.kind in ARCHIVED_KINDS and record.body is not None:
            sealed.append(Sealed(record.key, kid_of(record), record.body))
            steps += record.kind == STEP_KIND
        if record.kind in KINDS:
            entries.append(record.data)
            if len(entries) == WIDTH:
                yield entries, sealed, steps
                entries, sealed, steps = [], [], 0


def main(arguments: list[str] | None = None) -> int:
    """For the worker: what was written, or the error, as one line of JSON."""
    parser = argparse.ArgumentParser(prog="answerable.worker.archiving.writing")
    parser.add_argument("home", type=Path)
    parser.add_argument("to", type=Path)
    parser.add_argument("--from-index", type=int, default=0)
    parser.add_argument("--from-position", type=int, default=0)
    parser.add_argument("--before-us", type=int, required=True)
    parser.add_argument("--meant", action="store_true")
    given = parser.parse_args(arguments)
    start = From(given.from_index, given.from_position)
    return tell(lambda: write(given.home, given.to, start, given.before_us, is_meant=given.meant))


if __name__ == "__main__":
    sys.exit(main())
