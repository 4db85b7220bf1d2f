"""The ledger as static files that anybody can fetch: C2SP tlog-tiles (c2sp.org/tlog-tiles).

    checkpoint                   the signed head
    tile/<L>/<N>[.p/<W>]         256 hashes of level 8*L, or the first W of them so far
    tile/entries/<N>[.p/<W>]     256 entries, each after its length in 16 bits

The truth is in the database; these files are written after the commit and can be made again. The
checkpoint goes last, so that a reader who meets a checkpoint finds everything it speaks of.
"""

import shutil
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from answerable.base.errors import AnswerableError, Broken
from answerable.ledger.domain import ENTRY_BYTES_MAX
from answerable.ledger.note import Checkpoint, NoteError, note_text, parse_checkpoint
from answerable.ledger.tree import (
    HASH_BYTES,
    CompactRange,
    ProofError,
    inclusion_proof,
    leaf_hash,
    paired,
    perfect_root,
)
from answerable.store.files import replace_file

WIDTH = 256  # hashes in a full tile
_FILE_BYTES_MAX = WIDTH * (2 + ENTRY_BYTES_MAX)  # what is longer is no file of a log
_HASHES_BYTES = WIDTH * HASH_BYTES
_HEIGHT = 8  # levels of the tree in a tile
_CACHED_TILES = 64

PathOf = Callable[[int, int], str]
"""(index, width) to where a tile or bundle of that width lies."""


class TileMissing(AnswerableError):
    """A tile that the tree's size asks for is not there, or not whole."""

    code = "tile_missing"
    http_status = 404


class TilesAhead(Broken):
    """The published files speak of more, or of something else, than the ledger: a rollback."""

    code = "tiles_ahead"


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """`tile/1/x001/x234/067`, and `.p/<width>` after it where the tile is not full."""
    return f"tile/{level}/{_number(index, width)}"


def entries_path(index: int, width: int = WIDTH) -> str:
    """`tile/entries/x001/x234/067`, and `.p/<width>` after it where the bundle is not full."""
    return f"tile/entries/{_number(index, width)}"


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Entries, each after its length as a big-endian uint16."""
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > ENTRY_BYTES_MAX:
            raise ValueError(f"an entry has {len(entry)} bytes, more than {ENTRY_BYTES_MAX}")
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def decode_bundle(data: bytes) -> list[bytes]:
    """The entries of a bundle; raises TileMissing where it is cut."""
    entries, rest = split_bundle(data)
    if rest:
        raise TileMissing(f"The bundle ends inside its entry {len(entries)}.")
    return entries


def split_bundle(data: bytes) -> tuple[list[bytes], bytes]:
    """The entries of a bundle that are whole, and the bytes after them: none, unless it is cut."""
    entries: list[bytes] = []
    at = 0
    while at + 2 <= len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data):
            break
        entries.append(data[at + 2 : end])
        at = end
    return entries, data[at:]


def decode_tile(data: bytes) -> list[bytes]:
    """The hashes of a tile; raises TileMissing where it is cut."""
    if len(data) % HASH_BYTES or len(data) > WIDTH * HASH_BYTES:
        raise TileMissing(f"{len(data)} bytes are not a tile of hashes.")
    return list(struct.unpack(f"{HASH_BYTES}s" * (len(data) // HASH_BYTES), data))


@dataclass(frozen=True, slots=True)
class Tile:
    level: int
    index: int
    hashes: tuple[bytes, ...]

    @property
    def path(self) -> str:
        return tile_path(self.level, self.index, len(self.hashes))


class OpenTiles:
    """The still growing tile of each level: all that is needed to go on, whatever the size."""

    def __init__(self, size: int = 0, levels: Sequence[Sequence[bytes]] = ()) -> None:
        self.size = size
        self._levels = [list(level) for level in levels]

    def append(self, leaf: bytes) -> list[Tile]:
        """Add a leaf hash; returns the tiles that it made full, lowest first."""
        self.size += 1
        return self._add(0, leaf)

    def append_full(self, leaves: Sequence[bytes], root: bytes) -> list[Tile]:
        """Add the leaf hashes of a whole tile, where one begins, and the root over them; returns
        what became full."""
        if self.size % WIDTH or len(leaves) != WIDTH:
            raise ValueError(f"{len(leaves)} hashes are not the next whole tile after {self.size}")
        self.size += WIDTH
        if not self._levels:
            self._levels.append([])
        tile = Tile(0, self.size // WIDTH - 1, tuple(leaves))
        return [tile, *self._add(1, root)]

    def _add(self, level: int, node: bytes) -> list[Tile]:
        full: list[Tile] = []
        while True:
            if level == len(self._levels):
                self._levels.append([])
            hashes = self._levels[level]
            hashes.append(node)
            level += 1
            if len(hashes) < WIDTH:
                return full
            index = (self.size >> _HEIGHT * level) - 1
            full.append(Tile(level - 1, index, tuple(hashes)))
            self._levels[level - 1] = []
            node = perfect_root(hashes)

    def partial(self) -> Iterator[Tile]:
        """The tiles that are neither empty nor full."""
        for level, hashes in enumerate(self._levels):
            if hashes:
                yield Tile(level, self.size >> _HEIGHT * (level + 1), tuple(hashes))

    def root(self) -> bytes:
        """The root of the whole tree."""
        nodes: list[bytes] = []
        for hashes in reversed(self._levels):
            width = CompactRange()
            for node in hashes:
                width.append(node)
            nodes += width.hashes
        return CompactRange(self.size, nodes).root()


class TileReader:
    """Entries, tree nodes and proofs out of the files, for a tree of `size` leaves."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self.size = size
        self._tiles: OrderedDict[tuple[int, int], list[list[bytes]]] = OrderedDict()

    def entry(self, index: int) -> bytes:
        """The bytes of one entry; raises TileMissing."""
        if not 0 <= index < self.size:
            raise TileMissing(f"There is no entry {index} among {self.size}.")
        return self.bundle(index // WIDTH)[index % WIDTH]

    def entries(self, first: int = 0) -> Iterator[bytes]:
        """All entries from `first`, one bundle in memory at a time."""
        for number in range(first // WIDTH, -(-self.size // WIDTH)):
            yield from self.bundle(number)[max(first - number * WIDTH, 0) :]

    def bundle(self, number: int) -> list[bytes]:
        """The entries of one bundle, as many as the tree has of it."""
        width = self.bundle_width(number)
        data, lying = self._read(entries_path, number, width)
        return _first(decode_bundle(data), width, lying)

    def bundle_bytes(self, number: int) -> bytes:
        """One bundle as it lies there: for a verifier, who wants to see what is wrong with it."""
        return self._read(entries_path, number, self.bundle_width(number))[0]

    def bundle_width(self, number: int) -> int:
        """How many entries of the tree are in this bundle."""
        return min(WIDTH, self.size - number * WIDTH)

    def tile(self, level: int, index: int) -> list[bytes]:
        """The hashes of one tile, as many as the tree has of it."""
        return self._rows(level, index)[0]

    def _rows(self, level: int, index: int) -> list[list[bytes]]:
        """A tile's hashes, and above them as many levels as were asked for."""
        cached = self._tiles.get((level, index))
        if cached is not None:
            return cached
        width = min(WIDTH, (self.size >> _HEIGHT * level) - index * WIDTH)
        data, lying = self._read(lambda n, w: tile_path(level, n, w), index, width)
        rows = [_first(decode_tile(data), width, lying)]
        self._tiles[level, index] = rows
        if len(self._tiles) > _CACHED_TILES:
            self._tiles.popitem(last=False)
        return rows

    def node(self, level: int, index: int) -> bytes:
        """The perfect subtree at (level, index), for `tree.inclusion_proof` and its sister."""
        tile_level, inside = divmod(level, _HEIGHT)
        number, offset = divmod(index, WIDTH >> inside)
        rows = self._tiles.get((tile_level, number)) or self._rows(tile_level, number)
        while len(rows) <= inside:  # of the whole tile at once: many of its nodes are asked for
            rows.append(paired(rows[-1]))
        if offset >= len(rows[inside]):
            raise TileMissing(f"The tree of {self.size} has no whole subtree {level}/{index}.")
        return rows[inside][offset]

    def inclusion_proof(self, index: int) -> list[bytes]:
        """From the leaf at `index` to the root of the tree of `size`."""
        return inclusion_proof(index, self.size, self.node)

    def _read(self, path_of: PathOf, index: int, width: int) -> tuple[bytes, int]:
        """The file of that width, or a wider one of the same tile; and how wide it should be."""
        if width < 1:
            raise TileMissing(f"A tree of {self.size} has no '{path_of(index, WIDTH)}'.")
        try:
            for lying in chain((width, WIDTH), _wider(self._folder, path_of(index, WIDTH), width)):
                path = self._folder / path_of(index, lying)
                with suppress(FileNotFoundError), path.open("rb") as file:
                    data = file.read(_HASHES_BYTES + 1)
                    if len(data) > _HASHES_BYTES:  # so that room for the largest is seldom made
                        data += file.read(_FILE_BYTES_MAX - _HASHES_BYTES)
                    return data, lying
        except OSError as error:
            raise Broken(f"'{path}' could not be read: {error.strerror}.") from error
        raise TileMissing(f"'{path_of(index, width)}' is not there.")


class TileWriter:
    """Publishes what was committed. Keeps only the open tiles, so memory does not grow.

    One writer per folder. Every method may be called again with the same arguments after a crash
    or an error: files are replaced whole, and written before the checkpoint that needs them.
    """

    def __init__(self, folder: Path, *, sync: bool = True) -> None:
        """Take up where the folder stands.

        `sync=False` lets files reach the disk when the system likes: faster, and after a power cut
        the files may have to be rebuilt.
        """
        self._folder = folder
        self._sync = sync
        self._tiles = OpenTiles()
        self._bundle: list[bytes] = []
        self._read_back()

    def size_on_disk(self) -> int:
        """How many entries are published: the next `publish` may start anywhere up to here.

        0 where nothing is, or where what lies there does not fit its checkpoint.
        """
        return self._tiles.size

    def publish(self, first: int, entries: Iterable[bytes], checkpoint: str) -> None:
        """Write the entries from index `first` on, and then the checkpoint that covers them.

        Entries that are published already are skipped. Raises TilesAhead where the folder has
        more than the checkpoint, or its tree is another one; Broken where the disk fails.
        """
        head = parse_checkpoint(note_text(checkpoint))
        try:
            self._catch_up(first, entries)
            self._compare(head)
            self._write_partial()
        except BaseException:
            self._read_back()
            raise
        self._write("checkpoint", checkpoint.encode())

    def rebuild(self, entries: Iterable[bytes], checkpoint: str) -> None:
        """Throw the files away and write all of them again from all entries."""
        (self._folder / "checkpoint").unlink(missing_ok=True)
        shutil.rmtree(self._folder / "tile", ignore_errors=True)
        self._read_back()
        self.publish(0, entries, checkpoint)

    def _catch_up(self, first: int, entries: Iterable[bytes]) -> None:
        for index, entry in enumerate(entries, first):
            if index > self._tiles.size:
                raise ValueError(f"entries from {self._tiles.size} to {index} were left out")
            if index == self._tiles.size:
                self._append(entry)

    def _compare(self, head: Checkpoint) -> None:
        if (self._tiles.size, self._tiles.root()) != (head.size, head.root):
            raise TilesAhead(
                f"{self._tiles.size} entries are published or about to be; they are not the "
                f"{head.size} of the checkpoint.",
                "The published checkpoint is as it was.",
            )

    def _append(self, entry: bytes) -> None:
        self._bundle.append(entry)
        if len(self._bundle) == WIDTH:
            self._write_full(entries_path(self._tiles.size // WIDTH), encode_bundle(self._bundle))
            self._bundle = []
        for tile in self._tiles.append(leaf_hash(entry)):
            self._write_full(tile.path, b"".join(tile.hashes))

    def _write_partial(self) -> None:
        if self._bundle:
            path = entries_path(self._tiles.size // WIDTH, len(self._bundle))
            self._write(path, encode_bundle(self._bundle))
        for tile in self._tiles.partial():
            self._write(tile.path, b"".join(tile.hashes))

    def _write_full(self, path: str, data: bytes) -> None:
        self._write(path, data)
        shutil.rmtree(self._folder / f"{path}.p", ignore_errors=True)

    def _write(self, path: str, data: bytes) -> None:
        replace_file(self._folder / path, data, sync=self._sync)

    def _read_back(self) -> None:
        """Take up where the checkpoint stands; at 0, if the open tiles do not bear it out."""
        self._tiles, self._bundle = OpenTiles(), []
        try:
            head = parse_checkpoint(note_text(read_checkpoint(self._folder)))
            reader = TileReader(self._folder, head.size)
            tiles = _open_tiles(reader)
            bundle = reader.bundle(head.size // WIDTH) if head.size % WIDTH else []
        except (NoteError, TileMissing, ProofError):
            return
        leaves = [leaf_hash(entry) for entry in bundle]
        if tiles.root() == head.root and leaves == _leaves_of(tiles):
            self._tiles, self._bundle = tiles, bundle


def read_checkpoint(folder: Path) -> str:
    """The published checkpoint, not verified; raises TileMissing where there is none."""
    try:
        return (folder / "checkpoint").read_bytes().decode()
    except FileNotFoundError:
        raise TileMissing("There is no checkpoint: nothing was published yet.") from None
    except UnicodeDecodeError:
        raise TileMissing("The published checkpoint is not text.") from None


def _open_tiles(reader: TileReader) -> OpenTiles:
    levels: list[list[bytes]] = []
    while (count := reader.size >> _HEIGHT * len(levels)) > 0:
        index, width = divmod(count, WIDTH)
        levels.append(reader.tile(len(levels), index) if width else [])
    return OpenTiles(reader.size, levels)


def _leaves_of(tiles: OpenTiles) -> list[bytes]:
    return [leaf for tile in tiles.partial() if tile.level == 0 for leaf in tile.hashes]


def _wider(folder: Path, full: str, width: int) -> Iterator[int]:
    """Widths of the partial files of a tile beyond `width`, looked for only when needed."""
    partial = folder / f"{full}.p"
    if partial.is_dir():
        names = [path.name for path in partial.iterdir()]
        widths = sorted(int(name) for name in names if name.isascii() and name.isdecimal())
        yield from (each for each in widths if width < each < WIDTH)


def _first(items: list[bytes], width: int, lying: int) -> list[bytes]:
    """The first `width` of a file that must have `lying` items: neither fewer nor more."""
    if len(items) != lying:
        raise TileMissing(f"A file that should have {lying} items has {len(items)}.")
    return items[:width]


def _number(index: int, width: int) -> str:
    """`x001/x234/067`: three digits a folder, so that no folder has over 1,000 files."""
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.append(f"x{index % 1000:03d}")
    path = "/".join(reversed(parts))
    return path if width == WIDTH else f"{path}.p/{width}"
