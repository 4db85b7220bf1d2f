"""Are the published files what was signed? Needs nothing but the folder and the keys.

An entry is in the files twice: as bytes in its bundle and as a hash in its level-0 tile. Where the
two differ, the one that leads to the signed root is right.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path

from answerable.ledger.archive import read_put_away
from answerable.ledger.checks import EarlierHeads, EntryChecks, Verified, first_of
from answerable.ledger.domain import LeafProblem
from answerable.ledger.keychain import KeyChain, chain_of
from answerable.ledger.note import Checkpoint, NoteError, VerifierKey, verify_checkpoint
from answerable.ledger.tiles import (
    WIDTH,
    OpenTiles,
    Tile,
    TileMissing,
    TileReader,
    entries_path,
    read_checkpoint,
    split_bundle,
    tile_path,
)
from answerable.ledger.tree import EMPTY_ROOT, CompactRange, leaf_hash, perfect_root

_TILE = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/[0-9]{1,3})?\Z")


def verify_tiles(
    folder: Path,
    vkeys: Iterable[VerifierKey] | KeyChain,
    earlier: Iterable[str] = (),
    archives: Iterable[tuple[int, int]] | None = None,
) -> Verified:
    """Verify checkpoint, entries, hash tiles and counters of a published or exported log.

    To compare with a home's feed give the folder's checkpoint to `verify_feed` as an earlier one:
    files may lag behind the feed, but must be its beginning. Of bundles that were archived only the
    hashes are looked at: `archives` are their indexes (first, end), as the feed or, without one,
    the folder itself says. Raises NoteError where a checkpoint
    of `earlier` is not signed by `vkeys`.
    """
    keys = chain_of(vkeys)
    past = EarlierHeads(earlier, keys)
    try:
        checkpoint = read_checkpoint(folder)
        head = verify_checkpoint(checkpoint, keys.of(checkpoint))
    except (NoteError, TileMissing) as error:
        return Verified(0, EMPTY_ROOT.hex(), 0, LeafProblem(0, f"no checkpoint: {error}"))
    if archives is None:
        archives = [(each.first, each.end) for each in read_put_away(folder)]
    return _Reading(folder, head, past, archives).verdict()


def is_of_tree(name: str, size: int) -> bool:
    """Whether a file of that name is one that a log of `size` entries has, and none that nobody
    reads while verifying."""
    match = _TILE.match(name)
    if match is None:
        return False
    number = int(re.sub("[x/]", "", match[2]))
    level = None if match[1] == "entries" else int(match[1])
    width = min(WIDTH, (size >> 8 * (level or 0)) - number * WIDTH)
    path = entries_path(number, width) if level is None else tile_path(level, number, width)
    return width > 0 and path == name


class _Reading:
    """One pass over the files, with two trees: of the entries, and of the level-0 tiles."""

    def __init__(
        self, folder: Path, head: Checkpoint, past: EarlierHeads,
        archives: Iterable[tuple[int, int]],
    ) -> None:  # fmt: skip
        self._archives = list(archives)
        self._reader = TileReader(folder, head.size)
        self._head = head
        self._past = past
        self._checks = EntryChecks()
        self._of_entries = OpenTiles()
        self._of_tiles = CompactRange()
        self._is_whole = {"entries": True, "tiles": True}
        self._is_gone = False
        self._other: int | None = None  # first index at which the two differ
        self._found: list[LeafProblem] = []  # wrong whatever the trees say
        self._above: LeafProblem | None = None  # first wrong tile above level 0

    def verdict(self) -> Verified:
        for number in range(-(-self._head.size // WIDTH)):
            self._take_bundle(number)
            if not any(self._is_whole.values()) and self._is_gone:
                break  # a size is only said: what is not there has no end
        for tile in self._of_entries.partial():
            self._compare_above(tile)
        located = first_of([*self._found, self._unsigned()])
        problem = self._past.problem(self._head.size, located)
        return Verified(self._head.size, self._of_entries.root().hex(), 1, problem)

    def _take_bundle(self, number: int) -> None:
        first, width = number * WIDTH, self._reader.bundle_width(number)
        entries, leaves = self._entries(number, width), self._leaves(number)
        self._is_gone = not entries and not leaves
        self._check(first, entries)
        ours = list(map(leaf_hash, entries))
        is_quiet = not first < self._past.next_size < first + WIDTH
        if is_quiet and len(ours) == WIDTH and ours == leaves:
            self._take_whole(ours)
            return
        pairs = zip_longest(ours[:width], leaves[:width])
        for index, (entry, leaf) in enumerate(pairs, first):
            self._take(index, entry, leaf)

    def _check(self, first: int, entries: Sequence[bytes]) -> None:
        """Entries by themselves and after those before; beyond a finding nobody looks."""
        if self._found:
            return
        for index, entry in enumerate(entries, first):
            checked = self._checks.take(entry)
            if isinstance(checked, str):
                self._found.append(LeafProblem(index, checked))
                return

    def _take_whole(self, leaves: Sequence[bytes]) -> None:
        """A full tile whose entries and hashes agree, all at once."""
        root = perfect_root(leaves)
        tiles = self._of_entries.append_full(leaves, root)
        self._of_tiles.append_perfect(8, root)
        self._seen()
        for tile in tiles:
            self._compare_above(tile)

    def _take(self, index: int, ours: bytes | None, leaf: bytes | None) -> None:
        if ours is not None and leaf is not None and ours != leaf and self._other is None:
            self._other = index
        self._of_tiles.append(leaf or ours or EMPTY_ROOT)
        self._seen()
        for tile in self._of_entries.append(ours or leaf or EMPTY_ROOT):
            self._compare_above(tile)

    def _seen(self) -> None:
        if self._of_tiles.size == self._past.next_size:
            self._past.see(self._of_tiles)

    def _entries(self, number: int, width: int) -> Sequence[bytes]:
        """The entries of a bundle, as many as can be read; what cannot be is a finding."""
        try:
            return self._reader.bundle(number)
        except TileMissing as error:
            at = number * WIDTH
            if any(first <= at < end for first, end in self._archives):
                self._checks.skip(width)
                return ()
            return self._readable(number, width, f"its bundle is damaged: {error}")

    def _readable(self, number: int, width: int, reason: str) -> Sequence[bytes]:
        self._is_whole["entries"] = False
        try:
            data = self._reader.bundle_bytes(number)
        except TileMissing:
            data = b""
        entries = split_bundle(data)[0][:width]
        at = min(len(entries), width - 1)
        self._found.append(LeafProblem(number * WIDTH + at, reason))
        return entries

    def _leaves(self, number: int) -> Sequence[bytes]:
        try:
            return self._reader.tile(0, number)
        except TileMissing as error:
            self._is_whole["tiles"] = False
            self._found.append(LeafProblem(number * WIDTH, f"its tile is damaged: {error}"))
            return ()

    def _compare_above(self, tile: Tile) -> None:
        """A tile above level 0 must be the hashes of the full tiles below."""
        if tile.level == 0 or self._above is not None:
            return
        try:
            lying = self._reader.tile(tile.level, tile.index)
            pairs = enumerate(zip(lying, tile.hashes, strict=True))
            at = next((at for at, (theirs, ours) in pairs if theirs != ours), None)
        except TileMissing:
            at = 0
        if at is not None:
            index = (tile.index * WIDTH + at) << 8 * tile.level
            self._above = LeafProblem(index, f"the hash over it in '{tile.path}' is wrong")

    def _unsigned(self) -> LeafProblem | None:
        """What the trees say of each other and of the signed root."""
        entries_are_good = self._is_whole["entries"] and self._of_entries.root() == self._head.root
        tiles_are_good = self._is_whole["tiles"] and self._of_tiles.root() == self._head.root
        if self._other is None:
            if not all(self._is_whole.values()):  # found already: what is over it cannot be right
                return None
            if entries_are_good or tiles_are_good:
                return self._above
            return LeafProblem(0, "all entries and tiles fit each other, but not the signed root")
        if entries_are_good:
            return LeafProblem(
                self._other, "it is what was signed, but its hash in the tile is not"
            )
        if tiles_are_good:
            return LeafProblem(self._other, "it is not what was signed")
        return LeafProblem(self._other, "it is not what its tile says, and neither was signed")
