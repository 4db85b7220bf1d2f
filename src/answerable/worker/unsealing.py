"""The keys of a home that is restored: opened with the key of the backup's epoch, and without those
that were destroyed since."""

import asyncio
import contextlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from answerable.adapters.engines.embedded.journal import FeedFile
from answerable.base.chance import SystemChance
from answerable.base.clock import Clock
from answerable.base.errors import Broken
from answerable.ledger.domain import decode_entry
from answerable.store.epochs import BackupKeys, Epoch, ended, missing
from answerable.store.erased import ERASED, BackupKeysDamaged
from answerable.store.forgotten import forgotten_again, note_forgotten
from answerable.store.keys import GONE, KEYS, KeyStore
from answerable.store.keys_sealed import KEYS_SEALED, Seal, build_keys, sealed_rows
from answerable.store.sqlite import in_our_words, open_reader

if TYPE_CHECKING:
    from answerable.worker.backup import Manifest


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens a backup, and which keys may not come out of it any more."""

    seal: Seal | None  # None: of a program without epochs, its keys lie open in it
    erased: frozenset[str]
    knows_erased: bool  # whether anybody said who was erased since
    folders: tuple[Path, ...] = ()  # where its key is, and where it was when the backup was made


def opening_of(manifest: "Manifest", folder: Path | None, clock: Clock) -> Opening:
    """`folder` is where the keys of backups are; without one, where they lay when it was made.

    Raises EpochEnded, EpochKeyMissing, BackupKeysDamaged, Broken.
    """
    if not manifest.epoch and folder is None:
        return Opening(None, frozenset(), knows_erased=False)
    lay_in = Path(manifest.keys_in) if manifest.keys_in else None
    folder = folder or Path(manifest.keys_in)
    keys = BackupKeys(folder, clock, SystemChance())
    seal = None
    if manifest.epoch:
        if clock.now() >= manifest.over_us:
            began_us = 0  # which the manifest does not say, and nobody is told
            raise ended(Epoch(manifest.epoch, began_us, manifest.epoch_ends_us, manifest.over_us))
        if not folder.is_dir():
            raise missing(manifest.epoch, folder)
        seal = Seal(manifest.epoch, keys.key_of(manifest.epoch))
    elif not (folder / ERASED).is_file():
        raise _damaged(folder, "it is not there")
    erased = _erased(keys, manifest.erased)
    folders = [folder.absolute()]
    if lay_in is not None and lay_in != folders[0]:  # what is named may be an older copy of it
        folders.append(lay_in)
        with contextlib.suppress(Broken):
            erased |= frozenset(BackupKeys(lay_in, clock, SystemChance()).erased().kids)
    return Opening(seal, erased, knows_erased=True, folders=tuple(folders))


def _erased(keys: BackupKeys, at_least: int) -> frozenset[str]:
    said = keys.erased()
    if not said.is_whole:
        raise _damaged(keys.folder, "a line of it is not as it was written")
    if len(said.kids) < at_least:
        raise _damaged(
            keys.folder, f"it had {at_least} lines when this backup was made, and has less"
        )
    return frozenset(said.kids)


def _damaged(folder: Path, why: str) -> BackupKeysDamaged:
    return BackupKeysDamaged(
        f"'{folder / ERASED}' does not say who was erased: {why}.",
        "Nothing was restored: it could bring back somebody who was.",
        "where the home still is, start its worker, which writes the list again; else put back a "
        "newer copy of it",
    )


def put_keys(opening: Opening, source: Path, making: Path, secret: bytes) -> KeyStore:
    """Make the key store of the home `making`; who was erased is not in it. Raises Broken."""
    if opening.seal is not None:
        parts = sealed_rows(source / KEYS_SEALED, opening.seal)
        build_keys(parts, making / KEYS, opening.erased)
    keys = KeyStore.open(making / KEYS, secret, may_create=False)
    if opening.seal is None and opening.erased:
        there = _kids(making / KEYS, is_gone=False)
        keys.destroy([kid for kid in there if kid in opening.erased])
    return keys


def note_what_is_gone(opening: Opening, making: Path) -> int:
    """Write down which of the keys that are destroyed no entry speaks of: its worker records it.
    How many there are; -1 where nobody said who was erased since."""
    said = asyncio.run(_said(making))
    gone = [kid for kid in _kids(making / KEYS, is_gone=True) if kid in opening.erased]
    left = dict.fromkeys([*forgotten_again(making), *(kid for kid in gone if kid not in said)])
    if left:
        note_forgotten(making, left)
    return len(left) if opening.knows_erased else -1


def _kids(path: Path, *, is_gone: bool) -> list[str]:
    sql = f"SELECT kid FROM key WHERE wrapped {'=' if is_gone else '<>'} ? ORDER BY id"  # noqa: S608 - a mark
    with in_our_words(path), closing(open_reader(path)) as database:
        return [str(row[0]) for row in database.execute(sql, (GONE,)).fetchall()]


async def _said(making: Path) -> set[str]:
    feed = FeedFile(making)
    try:
        return {
            kid
            async for record in feed.read(0, {"erasure.done", "gap.declared"})
            for kid in decode_entry(record.data).changed("kids").split()
        }
    finally:
        feed.close()
