"""A bundle: the answer to one question about the ledger, as one file that stands alone.

The format is docs/bundle.md, byte by byte. Members are stored and never packed: what one takes in
memory is what it takes in the file, so nothing can grow when it is read, and the same bundle is the
same bytes wherever it is made.
"""

import hashlib
import os
import re
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Literal, Self

import msgspec

from answerable.base.errors import Broken, UsageError
from answerable.ledger.domain import INTEGER_MAX, Entry
from answerable.store.files import sync_folder

HEADER = "answerable-bundle/v1"
MANIFEST = "MANIFEST"
SEAL = "SEAL"
ANSWER = "answer.json"
COMPLETE = "completeness.json"
EVERYTHING = "everything"
MEMBERS_MAX = 262_144
MEMBER_BYTES_MAX = 32 * 1024 * 1024
DIRECTORY_BYTES_MAX = 64 * 1024 * 1024
ENTRIES_MAX = 100_000
NAME = re.compile(r"(?!.{201})(?!(?:.*/)?\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*\Z")
MODE = 0o100600 << 16
UNIX = 3
EPOCH = (1980, 1, 1, 0, 0, 0)
_KINDS = ("decision", "case", "party", "owner", "agent", EVERYTHING)


class Asked(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """The question. `since` and `until` (microseconds, UTC) belong to `owner` alone."""

    kind: str
    of: str = ""
    since: int | None = None
    until: int | None = None

    @property
    def words(self) -> str:
        """As the entry says it that tells who was given bodies."""
        period = f" {self.since} {self.until}" if self.since is not None else ""
        return f"{self.kind} {self.of}".strip() + period

    @property
    def problem(self) -> str:
        """Why nobody can be asked that; empty where it is a question."""
        if self.kind not in _KINDS:
            return f"'{self.kind}' is nothing that can be asked"
        if (self.kind == EVERYTHING) == bool(self.of):
            return f"'{self.kind}' needs {'no id' if self.of else 'an id'}"
        has_period = self.since is not None and self.until is not None
        if has_period != (self.kind == "owner") or (self.since is None) != (self.until is None):
            return (
                "it needs a period: --since and --until" if self.kind == "owner"
                else "only what a person answers for is asked for with a period"
            )  # fmt: skip
        if not 0 <= (self.since or 0) <= (self.until or 0) <= INTEGER_MAX:
            return "the period ends before it begins"
        return ""

    def fits(self, entry: Entry) -> bool:
        """Whether the entry answers it by itself; a decision also takes in its interaction."""
        match self.kind:
            case "decision":
                return entry.id == self.of and entry.kind == "decided"
            case "case":
                return entry.case == self.of
            case "party":
                return entry.subject is not None and entry.subject.pid == self.of
            case "agent":
                return entry.agent is not None and entry.agent.id == self.of
            case "owner":
                since, until = self.since or 0, self.until or 0
                return entry.accountable == self.of and since <= entry.ts < until
        return False


Why = Literal["not_allowed", "erased", "archived", "damaged"]


class Withheld(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body that is not given, and why: `not_allowed`, `erased`, `archived` or `damaged`."""

    index: int
    why: Why


class Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which bodies were given to whom, and the index of the entry `access.read` that says so."""

    by: str
    given: tuple[int, ...]
    read: int
    withheld: tuple[Withheld, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    asked: Asked
    bodies: Given | msgspec.UnsetType = msgspec.UNSET
    entries: tuple[int, ...]
    v: int = 1


class BundleDamaged(Broken):
    """A file is not a whole bundle, or not what was signed."""

    code = "bundle_damaged"


def canonical(value: object) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def entry_name(index: int) -> str:
    return f"entries/{index}.json"


def body_name(index: int) -> str:
    return f"bodies/{index}.json"


def policy_name(digest: str) -> str:
    return f"policies/{digest}.json"


def release_name(digest: str) -> str:
    return f"releases/{digest}.json"


def handing_names(size: int) -> tuple[str, str, str]:
    """Of a handing-over: the signed head, its entry, and the entry's proof under that head."""
    return f"rotations/{size}", f"rotations/{size}.json", f"rotations/{size}.tlog-proof"


def proof_name(index: int) -> str:
    return f"proofs/{index}.tlog-proof"


def seal_text(head: tuple[str, int, str], asked: Asked, made: int, manifest: bytes) -> str:
    """The text of the note. `head` is origin, size and root of the checkpoint, as it has them."""
    origin, size, root = head
    members = manifest.count(b"\n")
    return (
        f"{HEADER}\nlog {origin}\nsize {size}\nroot {root}\nasked {canonical(asked).decode()}\n"
        f"made {made}\nmembers {members} {hashlib.sha256(manifest).hexdigest()}\n"
    )


class BundleWriter:
    """One file, under a temporary name until it is whole. Members come in the order of their names.

    Memory: a line for each member.
    """

    def __init__(self, path: Path) -> None:
        """Raises UsageError where a file of that name is there, OSError."""
        if path.exists():
            raise UsageError(
                f"'{path}' is there already.", "Nothing was written.", "name another file with -o"
            )
        self.path = path
        # a name that nobody else has: two that write the same file do not write into one another
        descriptor, name = tempfile.mkstemp(".tmp", f".{path.name}.", path.parent)
        self.temporary = Path(name)
        self._file = os.fdopen(descriptor, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
        self._lines: list[str] = []
        self._last = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """What was not finished is gone, also where the disk took no more of it."""
        self.temporary.unlink(missing_ok=True)
        for each in (self._zip, self._file):
            with suppress(OSError):  # what is written out here belongs to a file that is gone
                each.close()

    def add(self, name: str, data: bytes) -> None:
        if name <= self._last or not NAME.match(name):
            raise ValueError(f"'{name}' comes after '{self._last}', or is no name of a member")
        self._last = name
        if len(self._lines) >= MEMBERS_MAX - 2 or len(data) > MEMBER_BYTES_MAX:
            raise UsageError(
                "The answer is larger than a bundle can be.", "Nothing was written.",
                "ask for less: an owner's month, a case",
            )  # fmt: skip
        self._write(name, data)
        self._lines.append(f"{hashlib.sha256(data).hexdigest()} {len(data)} {name}\n")

    @property
    def manifest(self) -> bytes:
        return "".join(self._lines).encode()

    def finish(self, seal: str) -> None:
        """Whole and durable under its own name, which a reader sees from now on."""
        self._write(MANIFEST, self.manifest)
        self._write(SEAL, seal.encode())
        self.publish()

    def publish(self) -> None:
        """The same without a manifest: an answer that is there to be read, and proves nothing."""
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        os.link(self.temporary, self.path)  # never over another file
        self.temporary.unlink()
        sync_folder(self.path.parent)

    def _write(self, name: str, data: bytes) -> None:
        info = zipfile.ZipInfo(name, EPOCH)
        info.create_system, info.external_attr = UNIX, MODE
        self._zip.writestr(info, data, zipfile.ZIP_STORED)
