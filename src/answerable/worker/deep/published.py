"""The files for strangers, each against the database: also those that no checkpoint needs now."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from answerable.adapters.signers.file import FileSigner
from answerable.adapters.signers.handing import SIGNER_KEY
from answerable.base.chance import SystemChance
from answerable.engine.port import Feed
from answerable.ledger.archive import PUT_AWAY, Archive, archive_in, told_put_away
from answerable.ledger.domain import ARCHIVED, KINDS, SEAL_KIND, Seal, decode_entry
from answerable.ledger.note import VKEY, VerifierKey
from answerable.ledger.tiles import (
    WIDTH,
    OpenTiles,
    encode_bundle,
    entries_path,
    read_checkpoint,
    tile_path,
)
from answerable.ledger.tree import leaf_hash
from answerable.worker.deep.found import Found
from answerable.worker.publisher import CURSOR, HANDINGS, TILES


class Published:
    """Reads the feed once, and beside it every file. That none is missing, the proof shows."""

    def __init__(self, found: Found, home: Path, *, may_be_ahead: bool) -> None:
        self._found = found
        self._home = home
        self._folder = home / TILES
        self._may_be_ahead = may_be_ahead  # a worker publishes while we read
        self._tiles = OpenTiles()
        self._bundle: list[bytes] = []
        self._notes: dict[int, str] = {}  # by size: only those that a file speaks of
        self._seals: dict[int, int] = {}  # by position, the same
        self._seen: set[Path] = set()
        self._archives: list[Archive] = []

    async def check(self, feed: Feed) -> None:
        with self._found.looking("keys", VKEY):
            key = self._vkey()
            with self._found.looking("keys", SIGNER_KEY):
                self._check_signer(key)
        if not (self._folder / "checkpoint").exists():
            if (self._folder / CURSOR).exists() and not self._may_be_ahead:
                self._found.add("files", f"{TILES}/checkpoint", "it was published, and is gone")
            return
        sizes, position = set[int](), 0
        with self._found.looking("files", f"{TILES}/checkpoint"):
            sizes, position = self._spoken_of()
        with self._found.looking("files", TILES):
            async for record in feed.read(0):
                if record.kind in KINDS:
                    self._entry(record.data)
                    archive = record.kind == ARCHIVED and archive_in(decode_entry(record.data))
                    self._archives += [archive] if archive else []
                elif record.kind == SEAL_KIND:
                    seal = msgspec.json.decode(record.data, type=Seal)
                    if seal.size in sizes:
                        self._notes[seal.size] = seal.note
                    if record.position == position:
                        self._seals[position] = seal.size
            self._rest()
            self._check_heads(position)
            self._check_put_away()

    def _vkey(self) -> VerifierKey:
        text = (self._home / VKEY).read_bytes()
        key = VerifierKey.parse(text.decode().strip())
        if text != f"{key.encode()}\n".encode():
            self._found.add("keys", VKEY, "it is not as it was written")
        return key

    def _check_signer(self, key: VerifierKey) -> None:
        path = self._home / SIGNER_KEY
        if path.exists():
            chance = SystemChance()
            signer = FileSigner.open(path, name=key.name, chance=chance, may_create=False)
            if signer.vkey != key:
                self._found.add("keys", SIGNER_KEY, f"it is not the key that '{VKEY}' names")

    def _spoken_of(self) -> tuple[set[int], int]:
        """The sizes whose seals are files too, and the position up to which was published."""
        sizes = {_size(read_checkpoint(self._folder))}
        handings = self._folder / HANDINGS
        sizes |= {int(path.name) for path in handings.glob("*") if path.name.isdigit()}
        return sizes, _position(self._folder / CURSOR)

    def _entry(self, data: bytes) -> None:
        self._bundle.append(data)
        if len(self._bundle) == WIDTH:
            self._compare(entries_path(self._tiles.size // WIDTH), encode_bundle(self._bundle))
            self._bundle = []
        for tile in self._tiles.append(leaf_hash(data)):
            self._compare(tile_path(tile.level, tile.index), b"".join(tile.hashes))

    def _rest(self) -> None:
        """The open tiles, and whatever else lies there."""
        if self._bundle:
            self._compare(entries_path(self._tiles.size // WIDTH), encode_bundle(self._bundle))
        for tile in self._tiles.partial():
            self._compare(tile_path(tile.level, tile.index), b"".join(tile.hashes))
        for path in sorted((self._folder / "tile").rglob("*")):
            is_ours = path.is_file() and path.suffix != ".tmp" and path not in self._seen
            if is_ours and not self._may_be_ahead:
                self._found.add("files", self._named(path), "the ledger has no such file")

    def _compare(self, full: str, data: bytes) -> None:
        """A tile or bundle and its narrower ones, which are how it began."""
        path = self._folder / full
        for file in (path, *sorted(path.with_name(f"{path.name}.p").glob("*"))):
            if file.suffix == ".tmp":
                continue
            try:
                lying = file.read_bytes()
            except FileNotFoundError:
                continue
            self._seen.add(file)
            is_short = not data.startswith(lying) or not lying
            if is_short and not (self._may_be_ahead and lying.startswith(data)):
                self._found.add("files", self._named(file), _first_other(data, lying))

    def _check_heads(self, position: int) -> None:
        note = read_checkpoint(self._folder)
        size = _size(note)
        files = [(self._folder / "checkpoint", size)]
        handings = sorted((self._folder / HANDINGS).glob("*"))
        files += [(path, int(path.name)) for path in handings if path.name.isdigit()]
        for path, of in files:
            if self._notes.get(of) != path.read_bytes().decode() and not self._may_be_ahead:
                said = f"it is not the seal of {of} entries that the ledger has"
                self._found.add("files", self._named(path), said)
        at = self._seals.get(position, size + 1)  # a death may leave it where it stood before
        if at > size and not self._may_be_ahead:
            said = "it does not name the record of a published checkpoint"
            self._found.add("files", f"{TILES}/{CURSOR}", said)

    def _check_put_away(self) -> None:
        path = self._folder / PUT_AWAY
        lying = path.read_bytes() if path.exists() else b""
        if lying != told_put_away(self._archives) and not self._may_be_ahead:
            self._found.add("files", self._named(path), "it does not say what the ledger says")

    def _named(self, path: Path) -> str:
        return str(path.relative_to(self._home))


def _size(note: str) -> int:
    lines: Sequence[str] = note.split("\n")
    return int(lines[1])


def _position(path: Path) -> int:
    text = path.read_bytes().decode()
    return int(text) if text == f"{int(text)}\n" else 0


def _first_other(data: bytes, lying: bytes) -> str:
    pairs = enumerate(zip(data, lying, strict=False))
    at = next((at for at, (ours, theirs) in pairs if ours != theirs), min(len(data), len(lying)))
    return f"at byte {at} it is not what the ledger has"
