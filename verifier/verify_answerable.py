#!/usr/bin/env python3
"""Verify an Answerable ledger without Answerable: this file, Python 3.11 and `cryptography`.

    verify_answerable.py FOLDER --vkey KEY [--earlier CHECKPOINT]... [--proof FILE] [--json]
    verify_answerable.py --proof FILE --entry FILE --vkey KEY

FOLDER is a published log (C2SP tlog-tiles), KEY its verifier key or a file with it, from somewhere
that you trust; FOLDER/rotations leads from it to the key that signs today. Checked are signatures,
entries (canonical JSON, place, owner, counters), every hash tile, the root; that the ledger begins
with what CHECKPOINT signed; that FILE proves its entry. Exit status: 0 yes, 1 no, 2 wrong call.
Formats: RFC 6962 section 2 (tree), RFC 9162 section 2.1.3.2 (inclusion), RFC 8785 (JSON), RFC 8032
(Ed25519), c2sp.org/{signed-note,tlog-checkpoint,tlog-tiles,tlog-proof}.
"""

import argparse
import base64
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH = 256
OWNED = {"decided", "effect.started", "effect.done", "effect.unknown", "effect.failed"}
Object = dict[str, Any]


class Wrong(Exception):
    """Something does not hold. `index` is the first entry that nobody vouches for."""

    def __init__(self, reason: str, index: int = 0) -> None:
        self.index = index
        super().__init__(reason)


class Key(NamedTuple):
    name: str
    id: bytes
    public: Ed25519PublicKey


class Head(NamedTuple):
    size: int
    root: bytes


def unbase64(text: str) -> bytes:
    data = base64.b64decode(text.encode(), validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not canonical base64")
    return data


def verifier_key(vkey: str) -> Key:
    text = Path(vkey).read_text() if Path(vkey).is_file() else vkey
    name, key_id, encoded = text.strip().split("+", 2)
    data = unbase64(encoded)
    if data[:1] != b"\x01" or len(data) != 33:
        raise ValueError("not an Ed25519 key")
    if sha256(name.encode() + b"\n" + data).digest()[:4].hex() != key_id:
        raise ValueError("its id is not the hash of the key")
    return Key(name, bytes.fromhex(key_id), Ed25519PublicKey.from_public_bytes(data[1:]))


def read_head(note: str, keys: list[Key]) -> Head:
    """The signed head of a checkpoint; a known key must have signed, and under the log's name."""
    body, separator, block = note.rpartition("\n\n")
    if not separator or not block.endswith("\n") or any(c < " " and c != "\n" for c in note):
        raise Wrong("the checkpoint is not a signed note")
    try:
        signers = [_signer(line, f"{body}\n", keys) for line in block[:-1].split("\n")]
        origin, size, root, *_ = body.split("\n")
        head = Head(int(size), unbase64(root))
    except ValueError as error:
        raise Wrong(f"the checkpoint is malformed: {error}") from None
    if str(head.size) != size or head.size < 0 or len(head.root) != 32:
        raise Wrong("the checkpoint is malformed: size or root")
    if origin not in signers:
        raise Wrong(f"the checkpoint of '{origin}' is not signed by a key that was given")
    return head


def _signer(line: str, text: str, keys: list[Key]) -> str | None:
    dash, name, encoded = line.split(" ")
    signature = unbase64(encoded)
    if dash != "—" or len(signature) <= 4:
        raise ValueError("signature line")
    for key in keys:
        if (key.name, key.id) == (name, signature[:4]):
            try:
                key.public.verify(signature[4:], text.encode())
            except InvalidSignature:
                raise Wrong(f"the checkpoint's signature by '{name}' is wrong") from None
            return name
    return None


def hashed(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


class Tree:
    """A tree as its perfect subtrees, (leaves, hash), largest first."""

    def __init__(self) -> None:
        self.size, self.stack = 0, list[tuple[int, bytes]]()

    def add(self, leaf: bytes) -> Iterator[tuple[int, bytes]]:
        """Add a leaf; yields (leaves, hash) of each subtree that a tile above level 0 holds."""
        self.size += 1
        self.stack.append((1, leaf))
        while len(self.stack) > 1 and self.stack[-1][0] == self.stack[-2][0]:
            (width, right), (_, left) = self.stack.pop(), self.stack.pop()
            self.stack.append((2 * width, hashed(b"\x01", left, right)))
            if (2 * width).bit_length() % 8 == 1:
                yield self.stack[-1]

    def root(self) -> bytes:
        root = self.stack[-1][1] if self.stack else sha256(b"").digest()
        for _, left in reversed(self.stack[:-1]):
            root = hashed(b"\x01", left, root)
        return root


def root_from_proof(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    if not 0 <= index < size:
        raise Wrong(f"there is no entry {index} among {size}")
    at, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise Wrong("the proof is too long", index)
        if at % 2 == 1 or at == last:
            root = hashed(b"\x01", sibling, root)
            while at % 2 == 0 and at != 0:
                at, last = at // 2, last // 2
        else:
            root = hashed(b"\x01", root, sibling)
        at, last = at // 2, last // 2
    if last != 0:
        raise Wrong("the proof is too short", index)
    return root


class Entries:
    """What each entry must be by itself and after those before it."""

    def __init__(self) -> None:
        self.index, self.counts = 0, dict[tuple[str, object], int]()

    def take(self, data: bytes) -> None:
        index, self.index = self.index, self.index + 1
        try:
            problem = self._problem(canonical(data), index)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            problem = f"it is not an entry: {error}"
        if problem is not None:
            raise Wrong(problem, index)

    def _problem(self, entry: Object, index: int) -> str | None:
        if entry["seq"] != index or entry["v"] != 1:
            return f"it says that it is entry {entry['seq']}, v{entry['v']}"
        owner, subject = entry.get("owner"), entry.get("subject")
        if owner is None and (entry["kind"] in OWNED or "oseq" in entry):
            return "it names no accountable owner"
        by_owner = owner and self._count("owner", owner["person"], entry.get("oseq"))
        return by_owner or (subject and self._count("party", subject["pid"], subject.get("sseq")))

    def _count(self, what: str, whose: object, said: object) -> str | None:
        expected = self.counts[what, whose] = self.counts.get((what, whose), 0) + 1
        wrong = f"its counter of the {what} '{whose}' is {said}, not {expected}"
        return None if said == expected else wrong


def canonical(data: bytes) -> Object:
    """The object that `data` is the RFC 8785 form of: no floats, ASCII keys, exact integers."""
    entry: Object = json.loads(data.decode())
    again = json.dumps(entry, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    if again.encode() != data or not isinstance(entry, dict) or not _is_plain(entry):
        raise ValueError("it is not in canonical form")
    return entry


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(key.isascii() and _is_plain(each) for key, each in value.items())
    if isinstance(value, list):
        return all(_is_plain(each) for each in value)
    return isinstance(value, str) or (type(value) is int and abs(value) < 2**53)


def read_part(folder: Path, kind: str, number: int, width: int) -> tuple[bytes, bool]:
    """A tile's or bundle's bytes: of that width, or the full one. True: it is exactly that wide."""
    parts = [f"{number % 1000:03d}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03d}")
    path = folder.joinpath("tile", kind, *parts)
    partial = path.with_name(f"{path.name}.p") / str(width)
    if width < WIDTH and partial.is_file():
        return partial.read_bytes(), True
    return (path.read_bytes() if path.is_file() else b""), width == WIDTH


def read_entries(folder: Path, number: int, width: int) -> tuple[list[bytes], bool]:
    """The entries that can be read, and whether they are all there with nothing after them."""
    data, is_exact = read_part(folder, "entries", number, width)
    entries, at = [], 0
    while at + 2 <= len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data):
            break
        entries.append(data[at + 2 : end])
        at = end
    is_full = len(entries) == width or (len(entries) > width and not is_exact)
    return entries[:width], is_full and at == len(data)


def read_hashes(folder: Path, level: int, number: int, width: int) -> list[bytes]:
    data, is_exact = read_part(folder, str(level), number, width)
    data = b"" if is_exact and len(data) != 32 * width else data
    return [data[at : at + 32] for at in range(0, min(len(data), 32 * width), 32)]


def entry_at(folder: Path, index: int, size: int) -> bytes:
    number, offset = divmod(index, WIDTH)
    return read_entries(folder, number, min(WIDTH, size - number * WIDTH))[0][offset]


def follow(folder: Path, size: int, keys: list[Key]) -> tuple[list[Key], list[Head]]:
    """The log's keys since a given one, newest last; the heads, whose last entry names the next."""
    heads: list[Head] = []
    for path in sorted(folder.glob("rotations/[1-9]*"), key=lambda path: int(path.name)):
        with suppress(Wrong, ValueError, KeyError, IndexError, TypeError):  # of before those keys
            head = read_head(path.read_bytes().decode(), keys[-1:] if heads else keys)
            change = canonical(entry_at(folder, head.size - 1, size))["change"]
            old, new = verifier_key(change["old"]), verifier_key(change["new"])
            if old.id in {key.id for key in keys}:
                keys, heads = [*(key for key in keys if key.id != new.id), new], [*heads, head]
    return keys, heads


class Log:
    """One pass over a folder; `wrong` collects what does not hold, the lowest index counts."""

    def __init__(self, folder: Path, head: Head, earlier: list[Head]) -> None:
        self.folder, self.head, self.agreed = folder, head, 0
        self.earlier: dict[int, set[bytes]] = {}
        for size, root in earlier:
            self.earlier.setdefault(size, set()).add(root)
        self.entries, self.by_entry, self.by_tile = Entries(), Tree(), Tree()
        self.wrong: list[Wrong] = []
        self.differ: int | None = None
        self.above: Wrong | None = None
        self.cache: dict[int, tuple[int, list[bytes]]] = {}

    def read(self) -> None:
        """Read everything; raises Wrong with the first bad index."""
        self._compare_earlier()
        for first in range(0, self.head.size, WIDTH):
            width = min(WIDTH, self.head.size - first)
            entries, is_whole = read_entries(self.folder, first // WIDTH, width)
            leaves = read_hashes(self.folder, 0, first // WIDTH, width)
            if not is_whole:
                at = min(len(entries), width - 1)
                self.wrong.append(Wrong("its bundle is missing, cut or too long", first + at))
            if len(leaves) < width:
                self.wrong.append(Wrong("its tile is missing or cut", first))
                leaves = [bytes(32)] * width
            for index, (entry, leaf) in enumerate(zip_longest(entries, leaves), first):
                self._take(index, entry, leaf)
        self._judge()

    def _take(self, index: int, entry: bytes | None, leaf: bytes) -> None:
        ours = b"" if entry is None else hashed(b"\x00", entry)
        if entry is not None and not self.wrong:
            try:
                self.entries.take(entry)
            except Wrong as wrong:
                self.wrong.append(wrong)
        if ours != leaf and self.differ is None:
            self.differ = index
        for width, subtree in self.by_entry.add(ours):
            self._compare_above(width, subtree)
        list(self.by_tile.add(leaf))
        self._compare_earlier()

    def _compare_above(self, width: int, subtree: bytes) -> None:
        """A hash in a tile above level 0 is the root of a full tile below."""
        level = (width.bit_length() - 1) // 8
        number, offset = divmod(self.by_entry.size // width - 1, WIDTH)
        if self.cache.get(level, (-1, []))[0] != number:
            count = min(WIDTH, self.head.size // width - number * WIDTH)
            self.cache[level] = (number, read_hashes(self.folder, level, number, count))
        hashes = self.cache[level][1]
        if self.above is None and (offset >= len(hashes) or hashes[offset] != subtree):
            at = self.by_entry.size - width
            self.above = Wrong(f"the hash over it in a tile of level {level} is wrong", at)

    def _compare_earlier(self) -> None:
        size = self.by_entry.size
        roots = self.earlier.pop(size, None)
        if roots is None or self.differ is not None:
            return
        if roots == {self.by_entry.root()}:
            self.agreed = size
        else:
            reason = f"the ledger differs before {size} from what was signed earlier"
            self.wrong.append(Wrong(reason, self.agreed))

    def _judge(self) -> None:
        if self.differ is not None:
            reason = "it and its tile differ, and neither was signed"
            if self.by_entry.root() == self.head.root:
                reason = "it is what was signed, but its hash in the tile is not"
            elif self.by_tile.root() == self.head.root:
                reason = "it is not what was signed"
            self.wrong.append(Wrong(reason, self.differ))
        elif self.by_entry.root() != self.head.root:
            self.wrong.append(Wrong("entries and tiles fit each other, but not the signed root"))
        elif self.above is not None:
            self.wrong.append(self.above)
        if self.wrong:
            raise min(self.wrong, key=lambda wrong: wrong.index)
        if self.earlier:
            reason = f"a checkpoint signed earlier speaks of {max(self.earlier)} entries: cut off"
            raise Wrong(reason, self.head.size)


def read_proof(text: str) -> tuple[int, list[bytes], str]:
    """Index, hashes and checkpoint of a tlog-proof file."""
    block, _, checkpoint = text.partition("\n\n")
    header, *lines = block.split("\n")
    if lines and lines[0].startswith("extra "):
        lines.pop(0)  # nobody vouches for it
    try:
        named = lines.pop(0)
        index, hashes = int(named.removeprefix("index ")), [unbase64(line) for line in lines]
    except (ValueError, IndexError) as error:
        raise Wrong(f"the proof is malformed: {error}") from None
    if (header, named) != ("c2sp.org/tlog-proof@v1", f"index {index}"):
        raise Wrong("the proof is malformed: header or index")
    return index, hashes, checkpoint


def run(arguments: argparse.Namespace) -> Object:
    """What was verified; raises Wrong, or OSError and UnicodeDecodeError for what is not there."""
    keys, report = list[Key](arguments.vkey), Object(ok=True)
    if arguments.folder is not None:
        text = (arguments.folder / "checkpoint").read_bytes().decode()
        said = (*text.split("\n"), "")[1]
        keys, handed = follow(arguments.folder, int(said) if said.isdecimal() else 0, keys)
        head = read_head(text, keys[-1:] if handed else keys)
        earlier = [read_head(path.read_bytes().decode(), keys) for path in arguments.earlier]
        Log(arguments.folder, head, [*earlier, *handed]).read()
        report |= {"entries": head.size, "root": head.root.hex(), "earlier": len(earlier)}
    if arguments.proof is not None:
        index, hashes, checkpoint = read_proof(arguments.proof.read_bytes().decode())
        if arguments.entry is not None:
            entry = arguments.entry.read_bytes()
        elif index >= head.size:
            raise Wrong(f"the proof is of entry {index}, which the folder has not", head.size)
        else:
            entry = entry_at(arguments.folder, index, head.size)
        proven = read_head(checkpoint, keys)
        if root_from_proof(hashed(b"\x00", entry), index, proven.size, hashes) != proven.root:
            raise Wrong("the proof does not lead from this entry to the signed root", index)
        report |= {"proven_index": index, "proven_size": proven.size}
    return report


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Verify an Answerable ledger without Answerable.")
    parser.add_argument("folder", nargs="?", type=Path, help="published or exported log")
    parser.add_argument("--vkey", action="append", required=True, type=verifier_key, help="key")
    parser.add_argument("--earlier", action="append", default=[], type=Path, metavar="CHECKPOINT")
    parser.add_argument("--proof", type=Path, metavar="FILE", help="a tlog-proof to verify as well")
    parser.add_argument("--entry", type=Path, metavar="FILE", help="the entry that --proof proves")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    arguments = parser.parse_args(argv)
    if arguments.folder is None and (arguments.proof is None or arguments.entry is None):
        parser.error("give FOLDER, or --proof and --entry")
    try:
        report = run(arguments)
    except FileNotFoundError as error:
        parser.error(f"there is no '{error.filename}'")
    except (Wrong, OSError, UnicodeDecodeError) as error:
        report = {"ok": False, "first_bad_index": getattr(error, "index", 0), "problem": str(error)}
    rows = (f"{name}: {value}" for name, value in report.items())
    sys.stdout.write((json.dumps(report) if arguments.json else "\n".join(rows)) + "\n")
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
