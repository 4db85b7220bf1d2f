"""An archive: whole ranges of the log, put away with their bodies, as one zip that stands alone.

    checkpoint                    the signed head of the log that the archive was taken from
    tile/0/<N>                    the leaf hashes of the archived range, 256 a tile
    tile/<L>/<N>[.p/<W>]          all hashes above, and the open tile of leaves: to that head
    tile/entries/<N>              256 entries, as the log publishes them
    bodies/<N>                    what those 256 entries commit to, and steps recorded among them
    MANIFEST.json                 the SHA-256 of each of these; last, so that none is half written

Unpacked over a copy of the published folder it makes the log whole again: names and formats are
those of C2SP tlog-tiles. Of bodies each is its record's key, its key's id and its ciphertext, each
after its length as a big-endian uint32. An entry commits to its body; a step has no entry, so that
only the manifest speaks for it.
"""

import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from answerable.base.errors import Broken, Unreadable
from answerable.ledger.domain import ARCHIVED, Entry
from answerable.ledger.sealing import STEP_KIND
from answerable.ledger.tiles import WIDTH
from answerable.store.files import sync_folder

MANIFEST = "MANIFEST.json"
PUT_AWAY = "archived"  # in the published folder: which bundles lie in an archive instead
KINDS = frozenset(
    {
        "received", "decided", "approval", "effect.started", "effect.done", "effect.failed",
        "effect.unknown", "outcome", "escalated", "handback", "lease", STEP_KIND,
    }
)  # fmt: skip
"""Whose bodies go. What names persons and parties stays: it is asked for on every page."""
_BODY_BYTES_MAX = 2**32 - 1
_HASHED_AT_ONCE = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the manifest says when; two runs over one range are the same bytes


class ArchiveDamaged(Broken):
    """A file is not the archive that it should be."""

    code = "archive_damaged"


class BodyArchived(Unreadable):
    """What an entry commits to was put away: it is in an archive, and not in the home any more."""

    code = "body_archived"

    def __init__(self, index: int) -> None:
        self.index = index
        super().__init__(
            f"The body of entry {index} was archived.",
            "It is not in this home any more.",
            f"answerable ledger read-archive FILE {index}",
        )


class Mark(msgspec.Struct, frozen=True):
    """What a member of an archive must be."""

    sha256: str
    size: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive holds: entries `first` to `end`, the last one not included."""

    version: int = 1
    origin: str
    first: int
    end: int
    until: int  # position of the last archived record in its home's feed
    size: int  # entries in the log whose head is `checkpoint`
    root: str
    bodies: int
    steps: int
    members: dict[str, Mark]


@dataclass(frozen=True, slots=True)
class Archive:
    """What an entry says was put away, and where."""

    first: int
    end: int
    until: int
    sha256: str
    file: str
    index: int = -1  # of the entry that says so

    @property
    def bundles(self) -> range:
        return range(self.first // WIDTH, self.end // WIDTH)


def archive_in(entry: Entry) -> Archive | None:
    """What the entry says was archived, if it does."""
    said = entry.change or {}
    if entry.kind != ARCHIVED:
        return None
    first, end, until = (int(said.get(name, 0)) for name in ("first", "end", "until"))
    return Archive(first, end, until, str(said["sha256"]), str(said["file"]), entry.seq)


class Sealed(msgspec.Struct, frozen=True):
    """One body as it lies in an archive."""

    key: str
    kid: str
    data: bytes


def encode_bodies(bodies: Iterable[Sealed]) -> bytes:
    """Each of the three after its length."""
    parts: list[bytes] = []
    for body in bodies:
        for part in (body.key.encode(), body.kid.encode(), body.data):
            parts += (len(part).to_bytes(4, "big"), part)
    return b"".join(parts)


def decode_bodies(data: bytes) -> Iterator[Sealed]:
    """Raises ArchiveDamaged where they are cut."""
    fields: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data) or at + 4 > len(data):
            break
        fields.append(data[at + 4 : end])
        at = end
        if len(fields) == 3:
            yield Sealed(fields[0].decode(), fields[1].decode(), fields[2])
            fields = []
    if fields or at != len(data):
        raise ArchiveDamaged("A pack of bodies is cut.", "Nothing was taken from it.")


def bodies_path(number: int) -> str:
    return f"bodies/{number:09d}"


class ArchiveWriter:
    """One file, under a temporary name until it is whole. Memory: a name for each member."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self.path = path
        for left in path.parent.glob("answerable-*.tmp"):
            if not _is_at_work(left):
                left.unlink(missing_ok=True)
        self.temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        self.temporary.unlink(missing_ok=True)
        self._zip = zipfile.ZipFile(self.temporary, "x")
        self._members: dict[str, Mark] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """What was not finished is gone, also where the disk took no more of it."""
        self.temporary.unlink(missing_ok=True)
        with suppress(OSError):  # what is written out here belongs to a file that is gone
            self._zip.close()

    def add(self, name: str, data: bytes, *, is_text: bool = False) -> None:
        """Text is packed; hashes and ciphertexts cannot be."""
        info = zipfile.ZipInfo(name, _EPOCH)
        info.external_attr = 0o600 << 16
        info.compress_type = zipfile.ZIP_DEFLATED if is_text else zipfile.ZIP_STORED
        self._zip.writestr(info, data)
        self._members[name] = Mark(hashlib.sha256(data).hexdigest(), len(data))

    def finish(self, manifest: Manifest) -> None:
        """Whole and durable under its temporary name, which `publish` takes away."""
        whole = msgspec.structs.replace(manifest, members=self._members)
        self.add(MANIFEST, msgspec.json.format(msgspec.json.encode(whole)), is_text=True)
        self._zip.close()
        with self.temporary.open("rb") as file:
            os.fsync(file.fileno())

    def publish(self) -> None:
        self.temporary.replace(self.path)
        sync_folder(self.path.parent)


def _is_at_work(temporary: Path) -> bool:
    """Whether the process that writes this file lives: it may outlive a worker that is killed."""
    pid = temporary.name.split(".")[-2]
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except OSError:
        return False
    return True


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_HASHED_AT_ONCE):
            digest.update(block)
    return digest.hexdigest()


def told_put_away(archives: Iterable[Archive]) -> bytes:
    """The file that tells a stranger which bundles lie in an archive."""
    lines = [f"{each.first} {each.end} {each.sha256} {each.file}\n" for each in archives]
    return "".join(lines).encode()


def read_put_away(folder: Path) -> tuple[Archive, ...]:
    """What a published folder says lies in archives; nothing where it says nothing readable."""
    try:
        lines = (folder / PUT_AWAY).read_text("utf-8").splitlines()
        fields = [line.split(" ", 3) for line in lines]
        return tuple(Archive(int(a), int(b), 0, sha, file) for a, b, sha, file in fields)
    except (OSError, ValueError):
        return ()
