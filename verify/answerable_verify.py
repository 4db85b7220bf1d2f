#!/usr/bin/env python3
"""Verify an Answerable ledger without Answerable: this file, Python 3.11 and `cryptography`.

    answerable_verify.py FOLDER --vkey KEY [--earlier CHECKPOINT]... [--proof FILE] [--json]
    answerable_verify.py --proof FILE --entry FILE --vkey KEY

FOLDER is a published log (C2SP tlog-tiles), KEY its verifier key or a file with it, from somewhere
that you trust; FOLDER/rotations leads from it to the key that signs today. Checked are signatures,
entries (canonical JSON, place, owner, counters, powers), each hash tile, the root; that the ledger
begins with what CHECKPOINT signed; that FILE proves its entry. Exit: 0 yes, 1 no, 2 wrong call.
Formats: RFC 6962 section 2 (tree), RFC 9162 section 2.1.3.2 (inclusion), RFC 8785 (JSON), RFC 8032
(Ed25519), c2sp.org/{signed-note,tlog-checkpoint,tlog-tiles,tlog-proof}.
"""

import argparse
import base64
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH = 256
INTEGER_MAX = 2**53 - 1
OWNED = {"decided", "effect.started", "effect.done", "effect.unknown", "effect.failed"}
KINDS = OWNED.union(
    ("received", "identified", "lease", "approval", "outcome", "escalated", "handback"),
    ("person.added", "person.left", "owner.accepted", "owner.changed", "owner.delegated"),
    ("key.added", "key.revoked", "release.registered", "release.staged", "policy.activated"),
    ("stop", "key.rotated", "erasure.requested", "erasure.done", "gap.declared", "day.closed"),
    ("bodies.archived", "access.read", "party.held", "party.released"),
)
# What an entry is made of. `name:type` must be there, `name?type` may: s string, i integer, N an
# integer that is not N, m strings and integers by name, [x one or more of x, a|b one of the words.
SHAPES = {
    "entry": """action?action actor?s agent?agent body?body change?m effect?effect
        evidence?[evidence id:s inputs?[evidence kind:s model?model oseq?i outcome?outcome
        owner?owner parent?s policy?[policy seq:i subject?subject trace?trace ts:i v:i""",
    "action": "amount_minor?i commit:s currency?s kind:tool|reply|escalate name:s",
    "agent": "id:s release:s",
    "body": "alg:A256GCM| kid:s sha256:s",
    "effect": "after?s attempt?1 id:s key:s repeat:idempotent|reconcilable|at_most_once",
    "evidence": "commit:s kind:s name:s",
    "model": """attempts?0 calls?0 cost_micros?0 estimated?0 input_tokens?0 models?[s
        output_tokens?0 params?m requests?[s unpriced?0 use:s""",
    "outcome": "commit?s reason?s status:s",
    "owner": "accepted_at:i person:s via?s",
    "policy": "context:s reasons?[s set:s verdict:allow|hold|deny",
    "subject": "pid:s sseq?0",
    "trace": "case?s interaction?s",
}
Object = dict[str, Any]
Check = Callable[[Any], bool]


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


def read_note(note: str, keys: list[Key]) -> tuple[str, list[str]]:
    """The text of a signed note, and the names of those of `keys` that signed it: one or more."""
    body, separator, block = note.rpartition("\n\n")
    if not separator or not block.endswith("\n") or any(c < " " and c != "\n" for c in note):
        raise Wrong("it is not a signed note")
    lines = block[:-1].split("\n")
    if len(lines) > 64:
        raise Wrong("the note has more than 64 signatures")
    try:
        signers = [_signer(line, f"{body}\n", keys) for line in lines]
    except ValueError as error:
        raise Wrong(f"the note is malformed: {error}") from None
    known = [name for name in signers if name is not None]
    if not known:
        raise Wrong(f"'{body.partition(chr(10))[0]}' is not signed by a key that was given")
    return f"{body}\n", known


def read_head(note: str, keys: list[Key]) -> Head:
    """The signed head of a checkpoint; a known key must have signed, and under the log's name."""
    body, signers = read_note(note, keys)
    try:
        origin, size, root, *more = body[:-1].split("\n")
        head = Head(int(size), unbase64(root))
    except ValueError as error:
        raise Wrong(f"the checkpoint is malformed: {error}") from None
    if not 0 <= head.size < 10**19 or str(head.size) != size or len(head.root) != 32:
        raise Wrong("the checkpoint is malformed: size or root")
    if origin not in signers or not all(more):
        raise Wrong(f"the checkpoint of '{origin}' is not signed by that log's key")
    return head


def _signer(line: str, text: str, keys: list[Key]) -> str | None:
    dash, name, encoded = line.split(" ")
    signature = unbase64(encoded)
    if dash != "—" or len(signature) <= 4 or "+" in name or not name or name.split() != [name]:
        raise ValueError("signature line")
    for key in keys:
        if (key.name, key.id) == (name, signature[:4]):
            try:
                key.public.verify(signature[4:], text.encode())
            except InvalidSignature:
                raise Wrong(f"the signature by '{name}' is wrong") from None
            return name
    return None


def hashed(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


class Tree:
    """A tree as its perfect subtrees, (leaves, hash), largest first."""

    def __init__(self) -> None:
        self.size, self.stack = 0, list[tuple[int, bytes]]()

    def add(self, node: bytes, width: int = 1) -> Iterator[tuple[int, bytes]]:
        """Add a leaf, or a perfect subtree of that width where the tree has room for one; yields
        (leaves, hash) of each subtree that a tile above level 0 holds."""
        self.size += width
        while True:
            if width > 1 and width.bit_length() % 8 == 1:
                yield width, node
            if not self.stack or self.stack[-1][0] != width:
                break
            width, node = 2 * width, hashed(b"\x01", self.stack.pop()[1], node)
        self.stack.append((width, node))

    def root(self) -> bytes:
        root = self.stack[-1][1] if self.stack else sha256(b"").digest()
        for _, left in reversed(self.stack[:-1]):
            root = hashed(b"\x01", left, root)
        return root


def perfect_root(hashes: list[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]


def root_from_proof(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    if not 0 <= index < size:
        raise Wrong(f"there is no entry {index} among {size}")
    if any(len(each) != 32 for each in (leaf, *proof)):
        raise Wrong("a hash of the proof is not 32 bytes long", index)
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
        self.index, self.owners, self.parties = 0, dict[str, int](), dict[str, int]()
        self.accepted, self.policies = dict[int, object](), Object()

    def take(self, entries: list[bytes]) -> None:
        """The next entries; raises Wrong for the first that is not as it must be."""
        for entry in read_at_once(entries) or map(read_entry, entries):
            problem = self._problem(entry, self.index)
            if problem is not None:
                raise Wrong(problem, self.index)
            self.index += 1

    def _problem(self, entry: Object, index: int) -> str | None:
        if entry["seq"] != index:
            return f"it says that it is entry {entry['seq']}"
        owner, subject, oseq = entry.get("owner"), entry.get("subject"), entry.get("oseq")
        if owner is not None:
            person = owner["person"]
            expected = self.owners[person] = self.owners.get(person, 0) + 1
            if oseq != expected:
                return f"its counter of the owner '{person}' is {oseq}, not {expected}"
        elif oseq is not None or entry["kind"] in OWNED:
            return "it names no accountable owner"
        if subject is not None:
            party, sseq = subject["pid"], subject.get("sseq")
            expected = self.parties[party] = self.parties.get(party, 0) + 1
            if sseq != expected:
                return f"its counter of the party '{party}' is {sseq}, not {expected}"
        return self._power(entry, entry["kind"], owner or {})

    def _power(self, entry: Object, kind: str, owner: Object) -> str | None:
        """An act stands on what its owner took on before, its release on what was registered."""
        change, agent = entry.get("change", {}), entry.get("agent")
        uses = [(use["set"], use["verdict"]) for use in entry.get("policy", ())]
        what = agent["id"] if agent else entry.get("trace", {}).get("case", "")
        if kind == "release.registered":
            self.policies[change.get("release")] = change.get("policy")
        if agent and agent["release"] not in self.policies:
            return f"its release '{agent['release']}' was not registered before it"
        if agent and {name for name, _ in uses} - {self.policies[agent["release"]], "answerable"}:
            return "it was decided under policies that are not its release's"
        if owner and (agent or kind in OWNED) and ("answerable", "deny") not in uses:
            at, stands_on = owner["accepted_at"], (what, owner["person"], owner.get("via"))
            if self.accepted.get(at) != stands_on:
                return f"its owner '{owner['person']}' did not accept it at {at}"
        if kind in ("owner.accepted", "owner.delegated"):
            self.accepted[self.index] = tuple(map(change.get, ("agent", "person", "via")))
        elif kind == "lease" and str(change.get("holder")).startswith("per_"):
            self.accepted[self.index] = (what, change["holder"], None)
        return None


def read_entry(data: bytes) -> Object:
    """An entry of version 1, in canonical form, with no field that is not one; or ValueError."""
    return checked(canonical(data))


def checked(entry: Object) -> Object:
    if not fits_entry(entry) or entry["v"] != 1 or entry["kind"] not in KINDS:
        raise ValueError("a field, its type, its kind or its version")
    return entry


def read_at_once(entries: list[bytes]) -> list[Object]:
    """All of them in one reading, which is faster; nothing where they must be read one by one.

    As many `,null,` as were put in between stand between values of the list that is read: so no
    entry goes over such a border, nor has one in it, and each is what stands between two.
    """
    try:
        text = "[" + ",null,".join(map(bytes.decode, entries)) + "]"
        values: list[Any] = DECODER.raw_decode(text)[0]
        if text.count(",null,") != len(entries) - 1 or ENCODE(values) != text:
            return []
        if len(values) != 2 * len(entries) - 1 or any(each is not None for each in values[1::2]):
            return []
        return [checked(each) for each in values[::2]]
    except (ValueError, RecursionError):
        return []


def canonical(data: bytes) -> Object:
    """The object that `data` is the RFC 8785 form of: ASCII keys in order, no floats, no spaces.

    A key written twice, an escape that need not be, a space: written again, it is not the same.
    """
    value: Object = DECODER.raw_decode(data.decode())[0]
    if ENCODE(value).encode() != data or not isinstance(value, dict):
        raise ValueError("it is not in canonical form")
    return value


def no_number(text: str) -> object:
    raise ValueError(f"{text[:40]} is not an integer")


DECODER = json.JSONDecoder(parse_float=no_number, parse_constant=no_number)
ENCODE = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), check_circular=False
).encode  # in the order in which the keys were read: `is_sorted` looks at that


def is_sorted(value: Object) -> bool:
    names = list(value)
    return names == sorted(names) and all(map(str.isascii, names))


def is_integer(value: object) -> bool:
    return type(value) is int and -INTEGER_MAX <= value <= INTEGER_MAX


def is_string(value: object) -> bool:
    return type(value) is str


def is_map(value: Any) -> bool:
    is_plain = type(value) is dict and is_sorted(value)
    return is_plain and all(is_string(each) or is_integer(each) for each in value.values())


SIMPLE: dict[str, Check] = {"s": is_string, "i": is_integer, "m": is_map}


def is_type(word: str) -> Check:
    """The check that a type of SHAPES stands for."""
    if word in SIMPLE:
        return SIMPLE[word]
    if word.isdecimal():
        return lambda value: is_integer(value) and value != int(word)
    if word.startswith("["):
        each = is_type(word[1:])
        return lambda value: type(value) is list and bool(value) and all(map(each, value))
    if "|" in word:
        words = frozenset(word.split("|"))
        return lambda value: type(value) is str and value != "" and value in words
    return is_shape(SHAPES[word])


def is_shape(shape: str) -> Check:
    fields = [(word, *re.split("[:?]", word)) for word in shape.split()]
    checks = {name: is_type(kind) for _, name, kind in fields}
    needed = {name for word, name, _ in fields if ":" in word}
    known = dict[tuple[object, ...], list[tuple[str, Check]]]()

    def rest(value: Object) -> list[tuple[str, Check]] | None:
        """What names and types do not settle; None where they are wrong."""
        if not needed <= value.keys() <= checks.keys() or not is_sorted(value):
            return None
        strings = {name for name in value if checks[name] is is_string}
        if not all(map(is_string, map(value.get, strings))):
            return None
        return [(name, checks[name]) for name in value if name not in strings]

    def check(value: Any) -> bool:
        if type(value) is not dict:
            return False
        names_and_types = (*value, *map(type, value.values()))
        row = known.get(names_and_types)
        if row is None:
            if (row := rest(value)) is None:
                return False
            known[names_and_types] = row
        for name, found in row:  # noqa: SIM110 - `all` takes half as long again
            if not found(value[name]):
                return False
        return True

    return check


fits_entry = is_shape(SHAPES["entry"])


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
            change = read_entry(entry_at(folder, head.size - 1, size))["change"]
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
            self._check(entries)
            ours = [sha256(b"\x00" + entry).digest() for entry in entries]
            if ours == leaves and width == WIDTH and self._is_quiet(first):
                root = perfect_root(ours)
                self._add(root, root, WIDTH)
            else:
                for index, (mine, leaf) in enumerate(zip_longest(ours, leaves), first):
                    if mine != leaf and self.differ is None:
                        self.differ = index
                    self._add(mine or hashed(b"\x00"), leaf, 1)
        self._judge()

    def _check(self, entries: list[bytes]) -> None:
        if self.wrong:
            return
        try:
            self.entries.take(entries)
        except Wrong as wrong:
            self.wrong.append(wrong)
        except (ValueError, RecursionError) as error:
            self.wrong.append(Wrong(f"it is not an entry: {error}", self.entries.index))

    def _is_quiet(self, first: int) -> bool:
        """No earlier checkpoint was signed in the middle of this bundle."""
        return not any(first < size < first + WIDTH for size in self.earlier)

    def _add(self, ours: bytes, theirs: bytes, width: int) -> None:
        for each, subtree in self.by_entry.add(ours, width):
            self._compare_above(each, subtree)
        for _ in self.by_tile.add(theirs, width):
            pass
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
