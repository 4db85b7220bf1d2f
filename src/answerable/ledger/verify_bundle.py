"""Is a bundle what was signed, and an answer to what was asked? Only a key is trusted.

One member is in memory at a time, and none is larger than the format allows.
"""

import base64
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import msgspec

from answerable.base.clock import iso
from answerable.ledger import bundle
from answerable.ledger.bundle import Answer, BundleDamaged
from answerable.ledger.domain import Entry, decode_entry, is_canonical
from answerable.ledger.keychain import KeyChain
from answerable.ledger.named_sets import RELEASE_KINDS, Named
from answerable.ledger.note import (
    Checkpoint,
    NoteError,
    VerifierKey,
    verify_checkpoint,
    verify_note,
)
from answerable.ledger.proof import parse_proof, verify_proof
from answerable.ledger.tiles import TileReader, decode_bundle
from answerable.ledger.tree import ProofError
from answerable.ledger.verify_beside import BESIDE, chain_of_bundle, check_beside, handed_in
from answerable.ledger.verify_tiles import is_of_tree, verify_tiles
from answerable.ledger.zip_form import header_of, problem_of, record_of, tail_of

_LOCAL_HEADER = 30
_TAIL, _TAIL_BYTES, _TAIL_MAX = b"PK\x05\x06", 22, 100
_LINE = re.compile(r"([0-9a-f]{64}) (0|[1-9][0-9]{0,8}) (\S+)\Z", re.ASCII)
_ENTRY = re.compile(r"entries/(0|[1-9][0-9]{0,15})\.json\Z", re.ASCII)
_PROOF = re.compile(r"proofs/(0|[1-9][0-9]{0,15})\.tlog-proof\Z", re.ASCII)
_ENTRIES = "tile/entries/"  # of everything; by name they are in ledger order
_OF_RELEASE = b'"kind":"release.'
_TOLD = {"index.html", "vkey"}
_KNOWN = {"checkpoint", "answer.json"} | _TOLD
_RESERVED = ("completeness/", "receipts/", "time/", "witness/")
_NOTHING = "Nothing was changed."
_AGAIN = "ask for the bundle again: this one proves nothing"


@dataclass(frozen=True, slots=True)
class BundleVerified:
    """What was found to hold. `unread` are members that were compared with the manifest and not
    looked into: the page for people, the company's own key, reserved names."""

    asked: bundle.Asked
    entries: int
    size: int
    root: str
    origin: str
    made: int
    unread: tuple[str, ...] = ()
    bodies: int = 0
    bound: int = 0  # bodies whose whole key is given: no second text opens from them
    committed: int = 0  # bodies over which their entry's own commitments are
    is_complete: bool = False  # nothing was left out, up to `close` where it is not everything
    lacking: tuple[str, ...] = ()  # policy sets and releases that its entries name
    close: int | None = None
    as_of: int | None = None  # its time, microseconds UTC

    @property
    def sentence(self) -> str:
        of = f"{self.asked.kind} {self.asked.of}".strip()
        beside = sorted({name.partition("/")[0] for name in self.unread})
        unread = f" Not looked into: {', '.join(beside)}." if beside else ""
        if self.lacking:
            unread += f" Its entries name what is not in it: {', '.join(self.lacking)}."
        left_out = "Nothing was left out."
        if self.close is not None and self.as_of is not None:
            when = f"entry {self.close}, of {iso(self.as_of)}"
            left_out = f"Nothing was left out of what came before {when}."
        if not self.is_complete:
            left_out = "Whether something was left out is not shown."
        bodies = ""
        if self.bodies:
            bodies = (
                f" {self.bodies} bodies open to what was sealed: of {self.committed} the entries "
                f"commit to the words, of {self.bound} the keys show that there are no others."
            )
        return (
            f"Verified: {self.entries} entries for {of}, each in the log '{self.origin}' "
            f"of {self.size} entries.{bodies}{unread} Root {self.root}. {left_out}"
        )


class BundleReader:
    """A bundle's members, each compared with the manifest as it is read. Close it."""

    def __init__(self, path: Path) -> None:
        """Raises BundleDamaged."""
        self.path = path
        try:
            self._check_directory()
            self.zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise self.damaged(f"it cannot be opened as a zip: {error}") from None
        try:
            self._check_members()
            self.manifest_bytes = self._stored(bundle.MANIFEST)
            self.marks = self._manifest()
        except BaseException:
            self.zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _a: type[BaseException] | None, _b: BaseException | None, _c: TracebackType | None
    ) -> None:
        self.zip.close()

    @property
    def names(self) -> Iterable[str]:
        return self.marks.keys()

    def damaged(self, why: str) -> BundleDamaged:
        return BundleDamaged(f"'{self.path}' is not verified: {why.rstrip('.')}.", _NOTHING, _AGAIN)

    def read(self, name: str) -> bytes:
        data = self._stored(name)
        if self.marks.get(name) != (sha256(data).hexdigest(), len(data)):
            raise self.damaged(f"'{name}' is not what MANIFEST says")
        return data

    def entry(self, index: int) -> bytes:
        """Raises KeyError where it is not in the bundle."""
        if bundle.entry_name(index) not in self.marks:
            raise KeyError(f"entry {index}")
        return self.read(bundle.entry_name(index))

    def entries(self) -> Iterator[Entry]:
        """All of them in ledger order; of a bundle that was verified."""
        for index in sorted(int(match[1]) for match in map(_ENTRY.match, self.names) if match):
            yield decode_entry(self.entry(index))
        for name in sorted(name for name in self.names if name.startswith(_ENTRIES)):
            yield from map(decode_entry, decode_bundle(self.read(name)))

    def take_releases(self, named: Named, bundles: Iterable[str]) -> None:
        """What the entries of releases name, of everything; the others name nothing else."""
        for name in bundles:
            for data in decode_bundle(self.read(name)):
                if _OF_RELEASE in data and (entry := decode_entry(data)).kind in RELEASE_KINDS:
                    named.take(entry)

    def seal(self) -> str:
        return self._text(bundle.SEAL, self._stored(bundle.SEAL))

    def text(self, name: str) -> str:
        return self._text(name, self.read(name))

    def _text(self, name: str, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise self.damaged(f"'{name}' is not text") from None

    def _check_directory(self) -> None:
        """Before the directory is read: how large it says it is. Zip64 is bounded by its file."""
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            file.seek(max(size - _TAIL_BYTES, 0))
            tail = file.read(_TAIL_BYTES)
        if len(tail) < _TAIL_BYTES or not tail.startswith(_TAIL) or tail[20:] != b"\0\0":
            raise self.damaged("it does not end as a bundle does")
        directory = int.from_bytes(tail[12:16], "little")
        if directory > bundle.DIRECTORY_BYTES_MAX:
            raise self.damaged("its directory is larger than a bundle's")

    def _check_members(self) -> None:
        members = self.zip.infolist()
        if not 2 <= len(members) <= bundle.MEMBERS_MAX:
            raise self.damaged(f"it has {len(members)} members")
        at, seen = 0, set()
        for member in members:
            name = member.orig_filename
            if problem := problem_of(member):
                raise self.damaged(f"{name[:200]!r} {problem}")
            if name.lower() in seen:
                raise self.damaged(f"'{name}' is in it twice")
            seen.add(name.lower())
            if member.header_offset != at:
                raise self.damaged(f"there is something between the members, before '{name}'")
            at += _LOCAL_HEADER + len(name) + member.file_size
        self._check_headers(members)
        if self.zip.start_dir != at:
            raise self.damaged("there is something after the last member")
        names = [member.orig_filename for member in members]
        self._names = names[:-2]
        if names[-2:] != [bundle.MANIFEST, bundle.SEAL]:
            raise self.damaged("MANIFEST and SEAL are not its last members")
        if any(before >= after for before, after in pairwise(self._names)):
            raise self.damaged("its members are not in the order of their names")

    def _check_headers(self, members: list[zipfile.ZipInfo]) -> None:
        """What stands before each member is what its directory says, and nothing else."""
        with self.path.open("rb") as file:
            for member in members:
                file.seek(member.header_offset)
                expected = header_of(member)
                if file.read(len(expected)) != expected:
                    raise self.damaged(f"the header of '{member.orig_filename}' is another one")
            file.seek(self.zip.start_dir)
            for member in members:
                expected = record_of(member)
                if file.read(len(expected)) != expected:
                    raise self.damaged("its directory is not written as a bundle's is")
            at = self.zip.start_dir
            size = file.tell() - at
            if file.read(_TAIL_MAX) != tail_of(len(members), at, size):
                raise self.damaged("its end is not written as a bundle's is")

    def _manifest(self) -> dict[str, tuple[str, int]]:
        marks: dict[str, tuple[str, int]] = {}
        lines = self._text(bundle.MANIFEST, self.manifest_bytes).split("\n")
        if lines.pop():
            raise self.damaged("the last line of MANIFEST is not ended")
        for number, line in enumerate(lines, 1):
            match = _LINE.match(line)
            if match is None:
                raise self.damaged(f"line {number} of MANIFEST is malformed")
            marks[match[3]] = (match[1], int(match[2]))
        if list(marks) != self._names or len(marks) != len(lines):
            lone = min(marks.keys() ^ {*self._names}, default="MANIFEST")
            raise self.damaged(f"'{lone[:200]}' is in it or in MANIFEST, and not in both")
        return marks

    def _stored(self, name: str) -> bytes:
        try:
            return self.zip.read(name)
        except (KeyError, OSError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            raise self.damaged(f"'{name}' cannot be read: {error}") from None
        except (ValueError, RuntimeError) as error:
            raise self.damaged(f"'{name}' cannot be unpacked: {error}") from None


def verify_bundle(path: Path, known: Sequence[VerifierKey]) -> BundleVerified:
    """Check all of it, by keys from outside it. Raises BundleDamaged, naming what is wrong."""
    with BundleReader(path) as reader:
        answer = _answer(reader)
        chain = chain_of_bundle(reader, known)
        made, head = _sealed(reader, chain, answer)
        keys = chain.at(head.size)
        unread = _members(reader, answer, head.size)
        # every member is read here, and compared with the manifest
        of_releases = [name for name in reader.marks if _OF_RELEASE in reader.read(name)]
        entry_at: Callable[[int], bytes]
        named = Named()
        is_all = answer.asked.kind == bundle.EVERYTHING
        if is_all:
            folder = cast("Path", zipfile.Path(reader.zip))
            found = verify_tiles(folder, chain, handed_in(reader, chain))
            if found.problem is not None:
                raise reader.damaged(f"entry {found.problem.index}: {found.problem.problem}")
            count, entry_at = found.entries, TileReader(folder, head.size).entry
            reader.take_releases(named, filter(lambda one: one.startswith(_ENTRIES), of_releases))
        else:
            count, entry_at = _check_entries(reader, keys, answer, named), reader.entry
        beside = check_beside(reader, answer, chain, (entry_at, head.size), named)
        whole = beside.whole
        return BundleVerified(
            answer.asked, count, head.size, head.root.hex(), head.origin, made, unread,
            beside.bodies, beside.bound, beside.committed,
            is_all or whole is not None, named.lacking(reader.marks),
            whole.close if whole else None, whole.as_of if whole else None,
        )  # fmt: skip


def _answer(reader: BundleReader) -> Answer:
    data = reader.read(bundle.ANSWER)
    try:
        answer = msgspec.json.decode(data, type=Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise reader.damaged(f"'{bundle.ANSWER}' cannot be read: {error}") from None
    if answer.v != 1 or bundle.canonical(answer) != data:
        raise reader.damaged(f"'{bundle.ANSWER}' is not canonical, or of another version")
    if answer.asked.problem:
        raise reader.damaged(f"'{bundle.ANSWER}': {answer.asked.problem}")
    most = 0 if answer.asked.kind == bundle.EVERYTHING else bundle.ENTRIES_MAX  # in tiles alone
    if len(answer.entries) > most:
        raise reader.damaged(f"'{bundle.ANSWER}' lists {len(answer.entries)} entries, over {most}")
    if any(before >= after for before, after in pairwise(answer.entries)):
        raise reader.damaged(f"the entries of '{bundle.ANSWER}' do not rise")
    return answer


def _sealed(reader: BundleReader, chain: KeyChain, answer: Answer) -> tuple[int, Checkpoint]:
    """When it was made, and the head that it is of. Whoever signs what comes after that head made
    it: at a handing-over that is the new key alone."""
    checkpoint = reader.text("checkpoint")
    try:
        head = verify_checkpoint(checkpoint, chain.of(checkpoint))
    except NoteError as error:
        raise reader.damaged(f"'checkpoint': {error.happened}") from None
    try:
        text = verify_note(reader.seal(), chain.at(head.size + 1))
    except NoteError as error:
        raise reader.damaged(f"'SEAL': {error.happened}") from None
    made = re.search(r"^made (0|[1-9][0-9]{0,15})$", text, re.MULTILINE | re.ASCII)
    when = int(made[1]) if made else 0
    root = base64.b64encode(head.root).decode()
    said = (head.origin, head.size, root)
    if text != bundle.seal_text(said, answer.asked, when, reader.manifest_bytes):
        raise reader.damaged("'SEAL' is of another checkpoint, question or MANIFEST")
    return when, head


def _members(reader: BundleReader, answer: Answer, size: int) -> tuple[str, ...]:
    """Each member has its place in the format. What is reserved is named, and not looked into."""
    unread, entries, proofs = [], set(), set()
    is_all = answer.asked.kind == bundle.EVERYTHING
    for name in reader.marks:
        if match := _ENTRY.match(name):
            entries.add(int(match[1]))
        elif match := _PROOF.match(name):
            proofs.add(int(match[1]))
        elif name.startswith(_RESERVED) or name in _TOLD:
            unread.append(name)
        elif name == bundle.COMPLETE or any(each.match(name) for each in BESIDE):
            continue
        elif name not in _KNOWN and not (is_all and is_of_tree(name, size)):
            raise reader.damaged(f"'{name}' has no place in a bundle")
    for missing in sorted(_KNOWN - reader.marks.keys()):
        raise reader.damaged(f"it has no '{missing}'")
    wrong = sorted((entries ^ proofs) | (entries ^ set(answer.entries)))
    if wrong:
        raise reader.damaged(f"entry {wrong[0]} lacks its entry, its proof, or its place in answer")
    return tuple(unread)


def _check_entries(
    reader: BundleReader, keys: list[VerifierKey], answer: Answer, named: Named
) -> int:
    checkpoint = reader.text("checkpoint")
    extra: list[Entry] = []
    interactions: set[str] = set()
    accepted: set[int] = set()
    for index in answer.entries:
        data, proof = reader.read(bundle.entry_name(index)), reader.text(bundle.proof_name(index))
        entry = _entry(reader, data, index)
        named.take(entry)
        try:
            parsed = parse_proof(proof)
            is_ours = (parsed.index, parsed.checkpoint, parsed.extra) == (index, checkpoint, b"")
            if not is_ours or parsed.encode() != proof:
                raise reader.damaged(f"the proof of entry {index} is of another one")
            verify_proof(proof, data, keys)
        except (ProofError, NoteError) as error:
            raise reader.damaged(f"the proof of entry {index}: {error.happened}") from None
        if not answer.asked.fits(entry):
            extra.append(entry)
            continue
        interactions.add(entry.interaction)
        accepted.add(entry.owner.accepted_at if entry.owner else -1)
    for entry in extra:
        is_reading = answer.bodies is not msgspec.UNSET and entry.seq == answer.bodies.read
        if not is_reading and not _belongs(answer.asked, entry, interactions, accepted):
            raise reader.damaged(f"entry {entry.seq} is no answer to what was asked")
    if answer.asked.kind == "decision" and not interactions:
        raise reader.damaged("the decision that was asked for is not in it")
    return len(answer.entries)


def _belongs(asked: bundle.Asked, entry: Entry, interactions: set[str], accepted: set[int]) -> bool:
    """Whether the answer needs an entry that does not fit the question by itself."""
    is_acceptance = entry.seq in accepted and entry.kind in ("owner.accepted", "owner.delegated")
    if asked.kind == "decision" and entry.interaction and entry.interaction in interactions:
        return True
    return asked.kind in ("decision", "owner") and is_acceptance


def _entry(reader: BundleReader, data: bytes, index: int) -> Entry:
    try:
        entry = decode_entry(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise reader.damaged(f"entry {index} is no entry: {error}") from None
    if entry.seq != index or not is_canonical(data, entry):
        raise reader.damaged(f"entry {index} is not canonical, or of another place")
    return entry
