"""Verify a home as it lies there, worker or no worker: the feed, its seals, its published files."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from answerable.adapters.engines.embedded.journal import DATABASE, FeedFile, read_feed
from answerable.base.errors import NotFound, UsageError
from answerable.engine.port import Feed
from answerable.ledger.bodies import open_body
from answerable.ledger.checks import Verified
from answerable.ledger.domain import decode_entry
from answerable.ledger.keychain import ROTATION, HandingOver, KeyChain, handing_over
from answerable.ledger.note import VKEY, NoteError, VerifierKey, verify_checkpoint
from answerable.ledger.sealing import kid_of
from answerable.ledger.tiles import TileMissing, decode_tile, read_checkpoint, tile_path
from answerable.ledger.verify import verify_feed
from answerable.ledger.verify_archive import (
    ArchiveReader,
    ArchiveVerified,
    leaves,
    verify_archive,
)
from answerable.ledger.verify_bundle import BundleVerified, verify_bundle
from answerable.ledger.verify_tiles import verify_tiles
from answerable.store.keys import KeyDestroyed, KeyStore
from answerable.store.sqlite import open_reader
from answerable.worker.publisher import TILES

AGAIN = "stop the worker, then `answerable ledger rebuild`: it is made from the ledger"


class HomeVerified(msgspec.Struct, frozen=True, kw_only=True):
    """What the verifier found. `index` and `problem` name the first bad entry, if any: in the
    database, or, `is_of_files`, only in what is published, which is made again from it. A witness
    that refused the log is a `problem` without `index`: it does not say which entry."""

    verified: bool
    entries: int
    published: int
    root: str
    seconds: float
    index: int | None = None
    problem: str = ""
    is_of_files: bool = False
    archived: int = 0  # bodies that are in archives and not here
    archives: int = 0
    witnessed: int = 0  # so many entries, from the first, a quorum of witnesses vouches for
    witnessed_at: str = ""
    unsigned: int = 0  # entries after those: durable, and not signed yet

    @property
    def sentence(self) -> str:
        if self.verified:
            archived = ""
            if self.witnessed_at:
                archived += f" A quorum cosigned the first {self.witnessed}, {self.witnessed_at}."
            if self.unsigned:
                archived += f" {self.unsigned} more wait for their signature."
            if self.archives:
                archived += f" {self.archived} bodies are archived in {self.archives} archives."
            return (
                f"Verified: {self.entries} entries, {self.published} of them published as files, "
                f"in {self.seconds} s.{archived} Root {self.root}."
            )
        if self.index is None:
            return f"NOT VERIFIED: {self.problem.rstrip('.')}."
        said = f"NOT VERIFIED: entry {self.index} is the first bad one: {self.problem.rstrip('.')}."
        return f"{said} Next: {AGAIN}" if self.is_of_files else said


def verify_home(home: Path, earlier: Sequence[Path] = (), vkey: str = "") -> HomeVerified:
    """Check everything, from the first entry on. `earlier` are checkpoints saved before; `vkey` is
    a key from outside the home, which a thief of the home cannot have changed.

    Raises NotFound where there is nothing to verify, NoteError where `vkey` is no key or a
    checkpoint of `earlier` is not signed with it, CorruptPage where the file cannot be read.
    """
    check_has_ledger(home)
    texts = saved_checkpoints(earlier)
    return verify_with(home, chain_in(home, [key_of(home, vkey)]), texts)


def saved_checkpoints(earlier: Sequence[Path]) -> list[str]:
    """Their texts. Raises NotFound for a file that is no checkpoint."""
    texts = [_read(path) for path in earlier]
    for path, text in zip(earlier, texts, strict=True):
        _check_is_checkpoint(path, text)
    return texts


def verify_with(home: Path, keys: KeyChain, texts: list[str]) -> HomeVerified:
    """As `verify_home`, by these keys, and these checkpoints that were signed before."""
    database, folder = home / DATABASE, home / TILES
    is_published = (folder / "checkpoint").exists()
    began = time.monotonic()
    published = signed_head(folder, keys) if is_published else None
    feed = asyncio.run(_verify_feed(database, keys, [*texts, *published] if published else texts))
    files = verify_tiles(folder, keys, texts, feed.archives) if is_published else None
    problem = feed.problem or (files.problem if files else None)
    return HomeVerified(
        verified=problem is None,
        entries=feed.entries,
        published=files.entries if files else 0,
        root=feed.root,
        seconds=round(time.monotonic() - began, 2),
        index=problem.index if problem else None,
        problem=problem.problem if problem else "",
        is_of_files=problem is not None and feed.problem is None,
        archived=feed.archived,
        archives=len(feed.archives),
        unsigned=feed.unsigned,
    )


def verify_archive_of(home: Path, archive: Path, vkey: str = "") -> ArchiveVerified:
    """Check an archive alone: by the home's key, or by `vkey`, which needs no home. Where there is
    one, its log must also be the one that the archive is of.

    Raises ArchiveDamaged, NoteError, NotFound, UsageError.
    """
    if (home / DATABASE).exists():
        keys = chain_in(home, [key_of(home, vkey)])
        verified = verify_archive(archive, keys)
        _compare(home / TILES, archive)
        return verified
    if not vkey:
        check_has_ledger(home)
    return verify_archive(archive, KeyChain([key_of(home, vkey)]))


def keys_of(home: Path, vkey: str = "") -> KeyChain:
    """The keys of a home's log, or `vkey` and, where there is a home, those that lead to it."""
    key = key_of(home, vkey)
    return chain_in(home, [key]) if (home / DATABASE).exists() else KeyChain([key])


def verify_bundle_of(home: Path, bundle: Path, vkey: str = "") -> BundleVerified:
    """Check a bundle: by `vkey`, which needs no home, or by the home's key.

    Raises BundleDamaged, NotFound, UsageError.
    """
    if not vkey:
        check_has_ledger(home)
    if not bundle.is_file():
        raise NotFound(f"'{bundle}' is no file.", "Nothing was verified.", f"ls -l {bundle}")
    return verify_bundle(bundle, [key_of(home, vkey)])


def _compare(folder: Path, archive: Path) -> None:
    """The archived leaves must be those that the home has published. Raises ArchiveDamaged."""
    with ArchiveReader(archive) as reader:
        for number, hashes in leaves(reader):
            try:
                lying = decode_tile((folder / tile_path(0, number)).read_bytes())
            except (OSError, TileMissing):
                lying = []
            if lying != hashes:
                raise reader.damaged(f"'{folder}' has other hashes in {tile_path(0, number)}")


def check_has_ledger(home: Path) -> Path:
    """Its database. Raises NotFound where there is none."""
    database = home / DATABASE
    if not database.exists():
        raise NotFound(
            f"'{home}' has no ledger.",
            "Nothing was verified.",
            "name a home with --home or ANSWERABLE_HOME",
        )
    return database


def key_of(home: Path, vkey: str) -> VerifierKey:
    """The home's own, or the one that is given: as it is written, or the file it is written in."""
    if vkey and "+" in vkey and not Path(vkey).is_file():
        return VerifierKey.parse(vkey.strip())
    file = Path(vkey) if vkey else home / VKEY
    try:
        return VerifierKey.parse(_read(file).strip())
    except NoteError as error:
        raise UsageError(
            f"'{file}' holds no verifier key: {error.happened}", "Nothing was verified.",
            "answerable ledger verify --vkey FILE",
        ) from None  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bodies:
    """How many sealed bodies the home's keys open, each of them tried."""

    readable: int
    erased: int


def open_bodies(home: Path, keys: KeyStore) -> Bodies:
    """Open every body of a home that nobody holds, by these keys, which are closed. Raises the
    first trouble: KeyMissing, Broken, BodyUnreadable, KeyUnreadable."""
    feed = FeedFile(home)
    try:
        return asyncio.run(_open_bodies(feed, keys))
    finally:
        feed.close()
        keys.close()


async def _open_bodies(feed: Feed, keys: KeyStore) -> Bodies:
    readable = erased = 0
    async for record in feed.read(0):
        if record.body is None:
            continue
        kid = kid_of(record)
        try:
            open_body(keys.get(kid), kid, record.key, record.body)
        except KeyDestroyed:
            erased += 1
        else:
            readable += 1
    return Bodies(readable, erased)


def chain_in(home: Path, known: Sequence[VerifierKey]) -> KeyChain:
    """The keys that have signed the home's log, one after the other, as its entries say.

    That they say so is no proof: each seal, signed by the key whose turn it was, is.
    """
    feed = FeedFile(home)
    try:
        return KeyChain(known, _handings(feed))
    finally:
        feed.close()


def _handings(feed: FeedFile) -> list[HandingOver]:
    found = []
    for record in feed.named(f"{ROTATION}_"):
        with contextlib.suppress(msgspec.DecodeError, NoteError):  # which verifying will meet
            found.append(handing_over(decode_entry(record.data)))
    return [each for each in found if each is not None]


def signed_head(folder: Path, keys: KeyChain) -> list[str]:
    """The published checkpoint; nothing where it is not signed, which `verify_tiles` will say."""
    try:
        text = read_checkpoint(folder)
        verify_checkpoint(text, keys.of(text))
    except (NoteError, TileMissing):
        return []
    return [text]


def _check_is_checkpoint(path: Path, text: str) -> None:
    """Raises NotFound for a file that is no checkpoint; whether it is ours comes later."""
    if "\n\n\u2014 " not in text:
        raise NotFound(
            f"'{path}' is no checkpoint: it is not a signed note.", "Nothing was verified.",
            "answerable ledger verify --earlier FILE",
        )  # fmt: skip


async def _verify_feed(database: Path, keys: KeyChain, earlier: list[str]) -> Verified:
    reader = open_reader(database)
    try:
        return await verify_feed(read_feed(reader, database), keys, earlier)
    finally:
        reader.close()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(
            f"'{path}' cannot be read: {getattr(error, 'strerror', None) or 'it is not text'}.",
            "Nothing was verified.",
            f"ls -l {path}",
        ) from None
