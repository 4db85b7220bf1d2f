"""Is an archive what was signed? Nothing but the file and the log's keys is trusted.

Its entries are hashed to leaves, those must be its tiles of leaves, these lead through the tiles
above to the root that its checkpoint signs; each body is what its entry commits to, and none that
an entry commits to is missing. One bundle is in memory at a time.
"""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from answerable.ledger.archive import (
    KINDS,
    MANIFEST,
    ArchiveDamaged,
    Manifest,
    Mark,
    Sealed,
    bodies_path,
    decode_bodies,
)
from answerable.ledger.domain import Entry, decode_entry, is_canonical
from answerable.ledger.keychain import KeyChain
from answerable.ledger.note import Checkpoint, verify_checkpoint
from answerable.ledger.tiles import (
    WIDTH,
    OpenTiles,
    TileMissing,
    decode_bundle,
    decode_tile,
    entries_path,
    tile_path,
)
from answerable.ledger.tree import leaf_hash, root_of

_HEIGHT = 8
_MANIFEST_BYTES_MAX = 256 * 1024 * 1024
_MEMBER_BYTES_MAX = 256 * 1024 * 1024  # the bodies of 256 entries and their recorded steps
_VERSION = 1


class ArchiveReader:
    """An archive's members, each compared with the manifest as it is read. Close it.

    Raises ArchiveDamaged, whatever is wrong with the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise self.damaged(f"it cannot be opened as a zip: {error}") from None
        try:
            self.manifest = self._manifest()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _a: type[BaseException] | None, _b: BaseException | None, _c: TracebackType | None
    ) -> None:
        self._zip.close()

    def damaged(self, why: str) -> ArchiveDamaged:
        return ArchiveDamaged(
            f"'{self.path}' is not a whole archive: {why}.",
            "Nothing was changed.",
            "take another copy of it; bodies that are still in the home are not harmed",
        )

    def read(self, name: str) -> bytes:
        mark = self.manifest.members.get(name)
        if mark is None:
            raise self.damaged(f"it has no '{name}'")
        data = self._data(name, min(mark.size, _MEMBER_BYTES_MAX))
        if Mark(sha256(data).hexdigest(), len(data)) != mark:
            raise self.damaged(f"'{name}' is not what its manifest says")
        return data

    def entries(self, number: int) -> list[bytes]:
        with self._tiles():
            entries = decode_bundle(self.read(entries_path(number)))
        if len(entries) != WIDTH:
            raise self.damaged(f"bundle {number} has {len(entries)} entries")
        return entries

    def hashes(self, level: int, number: int, width: int = WIDTH) -> list[bytes]:
        with self._tiles():
            hashes = decode_tile(self.read(tile_path(level, number, width)))
        if len(hashes) != width:
            raise self.damaged(f"tile {level}/{number} has {len(hashes)} hashes, not {width}")
        return hashes

    def bodies(self, number: int) -> list[Sealed]:
        try:
            return list(decode_bodies(self.read(bodies_path(number))))
        except UnicodeDecodeError:
            raise self.damaged(f"the names in bodies {number} are no text") from None

    def _tiles(self) -> "_Tiles":
        return _Tiles(self)

    def _manifest(self) -> Manifest:
        data = self._data(MANIFEST, _MANIFEST_BYTES_MAX)
        try:
            manifest = msgspec.json.decode(data, type=Manifest)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.damaged(f"its manifest cannot be read: {error}") from None
        if manifest.version != _VERSION:
            raise self.damaged(f"it is of version {manifest.version}, this program knows 1")
        names = sorted(self._zip.namelist())
        if names != sorted([*manifest.members, MANIFEST]):
            raise self.damaged("its members are not those of its manifest")
        first, end, size = manifest.first, manifest.end, manifest.size
        if first % WIDTH or end % WIDTH or not 0 <= first < end <= size:
            raise self.damaged(f"{first} to {end} of {size} are not whole bundles")
        return manifest

    def _data(self, name: str, most: int) -> bytes:
        """What unpacks to more than it should is not read."""
        try:
            if self._zip.getinfo(name).file_size > most:
                raise self.damaged(f"'{name}' is larger than its manifest says, or than it may be")
            return self._zip.read(name)
        except (KeyError, OSError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            raise self.damaged(f"'{name}' cannot be read: {error}") from None
        except (
            ValueError,
            RuntimeError,
            zlib.error,
        ) as error:  # a broken stream, or one that wants a password
            raise self.damaged(f"'{name}' cannot be unpacked: {error}") from None


class _Tiles:
    """Turns what is wrong with a tile into what is wrong with the archive."""

    def __init__(self, reader: ArchiveReader) -> None:
        self._reader = reader

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, TileMissing):
            raise self._reader.damaged(str(error)) from None


@dataclass(frozen=True, slots=True)
class ArchiveVerified:
    """What was found to hold together."""

    first: int
    end: int
    size: int  # of the log that it was taken from
    root: str
    origin: str
    bodies: int
    steps: int

    @property
    def sentence(self) -> str:
        return (
            f"Verified: entries {self.first} to {self.end - 1} of a log of {self.size}, "
            f"{self.bodies} bodies that they commit to, {self.steps} recorded steps. "
            f"Root {self.root}."
        )


def verify_archive(path: Path, keys: KeyChain) -> ArchiveVerified:
    """Check all of it. Raises ArchiveDamaged, and NoteError where no known key signed it."""
    with ArchiveReader(path) as reader:
        head = _head(reader, keys)
        _check_above(reader, head)
        found = _Counted()
        for number in range(reader.manifest.first // WIDTH, reader.manifest.end // WIDTH):
            _check_bundle(reader, number, found)
        manifest = reader.manifest
        if (found.bodies, found.steps) != (manifest.bodies, manifest.steps):
            raise reader.damaged("it has other numbers of bodies than its manifest says")
        return ArchiveVerified(
            manifest.first, manifest.end, head.size, head.root.hex(), head.origin,
            found.bodies, found.steps,
        )  # fmt: skip


@dataclass(slots=True)
class _Counted:
    bodies: int = 0
    steps: int = 0


def _head(reader: ArchiveReader, keys: KeyChain) -> Checkpoint:
    note = reader.read("checkpoint").decode("utf-8", "replace")
    head = verify_checkpoint(note, keys.of(note))
    manifest = reader.manifest
    if (head.size, head.root.hex(), head.origin) != (manifest.size, manifest.root, manifest.origin):
        raise reader.damaged("its manifest says another head than its checkpoint")
    return head


def _check_above(reader: ArchiveReader, head: Checkpoint) -> None:
    """Each full tile above the leaves is a hash in the tile over it; the open ones are the root."""
    levels: list[list[bytes]] = []
    while (count := head.size >> _HEIGHT * len(levels)) > 0:
        level = len(levels)
        full, width = divmod(count, WIDTH)
        for number in range(full if level else 0):
            _check_over(reader, level, number, reader.hashes(level, number))
        levels.append(reader.hashes(level, full, width) if width else [])
    if OpenTiles(head.size, levels).root() != head.root:
        raise reader.damaged("its tiles do not lead to the root that was signed")


def _check_over(reader: ArchiveReader, level: int, number: int, hashes: list[bytes]) -> None:
    """The hash of a full tile stands in the tile above, full or open."""
    above, offset = divmod(number, WIDTH)
    count = reader.manifest.size >> _HEIGHT * (level + 1)
    over = reader.hashes(level + 1, above, min(WIDTH, count - above * WIDTH))
    if over[offset] != root_of(hashes):
        raise reader.damaged(f"tile {level}/{number} does not lead to the root that was signed")


def _check_bundle(reader: ArchiveReader, number: int, found: _Counted) -> None:
    entries, hashes = reader.entries(number), reader.hashes(0, number)
    _check_over(reader, 0, number, hashes)
    wanted: dict[str, Entry] = {}
    for at, (data, leaf) in enumerate(zip(entries, hashes, strict=True)):
        index = number * WIDTH + at
        if leaf_hash(data) != leaf:
            raise reader.damaged(f"entry {index} is not what was signed")
        entry = _entry(reader, data, index)
        if entry.body is not None and entry.kind in KINDS:
            wanted[entry.id] = entry
    for body in reader.bodies(number):
        owner = wanted.pop(body.key, None)
        if owner is None:
            found.steps += 1
            continue
        found.bodies += 1
        reference = owner.body
        is_its_own = reference is not None and reference.kid == body.kid
        if reference is None or not is_its_own or sha256(body.data).hexdigest() != reference.sha256:
            raise reader.damaged(f"the body of entry {owner.seq} is not what it commits to")
    for missing in wanted.values():
        raise reader.damaged(f"the body of entry {missing.seq} is missing")


def _entry(reader: ArchiveReader, data: bytes, index: int) -> Entry:
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        entry = decode_entry(data)
        if entry.seq == index and is_canonical(data, entry):
            return entry
    raise reader.damaged(f"entry {index} is no entry of that place")


def leaves(reader: ArchiveReader) -> Iterator[tuple[int, list[bytes]]]:
    """Number and leaf hashes of each archived tile: to compare with a home's own."""
    for number in range(reader.manifest.first // WIDTH, reader.manifest.end // WIDTH):
        yield number, reader.hashes(0, number)
