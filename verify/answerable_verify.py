#!/usr/bin/env python3
"""Verify an Answerable ledger without Answerable: this file, Python 3.11 and `cryptography`.

    answerable_verify.py FOLDER|BUNDLE --vkey KEY [--earlier CHECKPOINT]... [--proof FILE] [--json]
    answerable_verify.py --proof FILE --entry FILE --vkey KEY

FOLDER is a published log, BUNDLE an exported answer (docs/bundle.md), KEY the log's verifier key or
a file with it, from somewhere that you trust; rotations/ leads from it to today's. Checked are
signatures, entries, counters, powers, tiles, root; that the log has what CHECKPOINT signed; that
FILE proves its entry; a bundle's form and entries, the rest by answerable_answers.py. Exit 0 yes, 1
no, 2 wrong call. Formats: RFC 6962, 9162, 8785, 8032, C2SP tlog-*.
"""

import argparse
import base64
import json
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH = 256
OWNED = {"decided", "effect.started", "effect.done", "effect.unknown", "effect.failed"}
# An entry, in the order in which it is written: `name:type`, or `name?type` where it may lack.
# s string, i integer, N integer but N, m both by name, [x some x, *x any number, =a|b a word.
SHAPES = {
    "entry": """action?action actor?s agent?agent body?body change?m effect?effect
        evidence?[evidence id:s inputs?[evidence kind:kind model?model oseq?i outcome?outcome
        owner?owner parent?s policy?[policy seq:i subject?subject trace?trace ts:i v:i""",
    "kind": """=access.read|approval|bodies.archived|day.closed|decided|effect.done|effect.failed|
        effect.started|effect.unknown|erasure.done|erasure.requested|escalated|gap.declared|
        handback|identified|key.added|key.revoked|key.rotated|lease|outcome|owner.accepted|
        owner.changed|owner.delegated|party.held|party.released|person.added|person.left|
        policy.activated|received|release.registered|release.staged|role.changed|stop""",
    "action": "amount_minor?i commit:s currency?s kind:=tool|reply|escalate name:s",
    "agent": "id:s release:s", "body": "alg:=A256GCM kid:s sha256:s",
    "effect": "after?s attempt?1 id:s key:s repeat:=idempotent|reconcilable|at_most_once",
    "evidence": "commit:s kind:s name:s", "given": "by:s given:*i read:i withheld:*held",
    "held": "index:i why:=not_allowed|erased|archived|damaged",
    "model": """attempts?0 calls?0 cost_micros?0 estimated?0 input_tokens?0 models?[s
        output_tokens?0 params?m requests?[s unpriced?0 use:s""",
    "outcome": "commit?s reason?s status:s", "owner": "accepted_at:i person:s via?s",
    "policy": "context:s reasons?[s set:s verdict:=allow|hold|deny",
    "subject": "pid:s sseq?0", "trace": "case?s interaction?s",
}  # fmt: skip
POWERS = {"release.registered", "owner.accepted", "owner.delegated", "lease"}
NAMED = {"agent", "change", "params", "kind", "oseq", "person", "seq", "pid", "sseq", "v"}
STRING = r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\bfnrt]|u00(?:0[0-7bef]|1[0-9a-f]))[^"\\\x00-\x1f]*+)*+"'
EXACT = "9007199254740991"  # 2**53 - 1, above which not each program reads the same number
UP_TO = "|".join(rf"{EXACT[:at]}[0-{int(EXACT[at]) - 1}]\d{{{15 - at}}}"
                 for at in range(1, 16) if EXACT[at] != "0")  # fmt: skip
INTEGER = rf"(?:0|-?(?:[1-8]\d{{0,15}}|9\d{{0,14}}|{UP_TO}|{EXACT})(?!\d))"
MEMBER = re.compile(
    r"checkpoint|vkey|answer\.json|index\.html|entries/(0|[1-9]\d*)\.json|tile/.+|MANIFEST|SEAL"
    r"|proofs/(0|[1-9]\d*)\.tlog-proof|completeness\.json"
    r"|(bodies|completeness|policies|receipts|releases|rotations|time|witness)/.+", re.ASCII
)  # fmt: skip
NAME = re.compile(r"(?!.{201})[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
MEMBERS_MAX, MEMBER_BYTES_MAX, DIRECTORY_MAX, ANSWER_MAX = 2**18, 2**25, 2**26, 100_000
Object = dict[str, Any]


class Wrong(ValueError, argparse.ArgumentTypeError):
    """Something does not hold: at this entry, the first that nobody vouches for, or this member."""

    def __init__(self, reason: str, index: int = 0, member: str = "") -> None:
        self.index, self.member = index, member
        super().__init__(reason)


def demand(it_holds: object, reason: str, index: int = 0, member: str = "") -> None:
    if not it_holds:
        raise Wrong(reason, index, member)


class Key(NamedTuple):
    name: str
    id: bytes
    public: Ed25519PublicKey


class Head(NamedTuple):
    size: int
    root: bytes


def unbase64(text: str) -> bytes:
    data = base64.b64decode(text.encode(), validate=True)
    demand(base64.b64encode(data).decode() == text, "not canonical base64")
    return data


def verifier_key(vkey: str) -> Key:
    text = Path(vkey).read_text() if Path(vkey).is_file() else vkey
    demand(text.count("+") >= 2, f"'{vkey}' is neither a file with a key nor a key")
    name, key_id, encoded = text.strip().split("+", 2)
    data = unbase64(encoded)
    demand(data[:1] == b"\x01" and len(data) == 33, "not an Ed25519 key")
    demand(hashed(name.encode(), b"\n", data)[:4].hex() == key_id, "its id is not the key's hash")
    return Key(name, bytes.fromhex(key_id), Ed25519PublicKey.from_public_bytes(data[1:]))


def read_note(note: str, keys: list[Key]) -> tuple[str, list[str]]:
    """The text of a signed note, and the names of those of `keys` that signed it: one or more."""
    body, separator, block = note.rpartition("\n\n")
    is_note = separator and block.endswith("\n") and not any(c < " " and c != "\n" for c in note)
    demand(is_note and block.count("\n") <= 100, "it is not a note with 1 to 100 signatures")
    known = [n for line in block[:-1].split("\n") if (n := _signer(line, f"{body}\n", keys))]
    demand(known, f"'{body.partition(chr(10))[0]}' is not signed by a key that was given")
    return f"{body}\n", known


def read_head(note: str, keys: list[Key]) -> Head:
    """The signed head of a checkpoint; a known key must have signed, and under the log's name."""
    body, signers = read_note(note, keys)
    origin, size, root, *more = body[:-1].split("\n")
    head = Head(int(size), unbase64(root))
    is_head = 0 <= head.size < 10**19 and str(head.size) == size and len(head.root) == 32
    demand(is_head and all(more), "the checkpoint is malformed: size, root or extensions")
    demand(origin in signers, f"the checkpoint of '{origin}' is not signed by that log's key")
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
        """Add a perfect subtree; yields (leaves, hash) of each that a tile above level 0 holds."""
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
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]


def prove(leaf: bytes, index: int, proof: list[bytes], head: Head) -> None:
    demand(0 <= index < head.size, f"there is no entry {index} among {head.size}")
    demand(all(len(each) == 32 for each in (leaf, *proof)), "a hash is not 32 bytes long", index)
    at, last, root = index, head.size - 1, leaf
    for sibling in proof:
        demand(last != 0, "the proof is too long", index)
        if at % 2 == 1 or at == last:
            root = hashed(b"\x01", sibling, root)
            while at % 2 == 0 and at != 0:
                at, last = at // 2, last // 2
        else:
            root = hashed(b"\x01", root, sibling)
        at, last = at // 2, last // 2
    demand(last == 0 and root == head.root, "the proof does not lead to the signed root", index)


def pattern(kind: str, name: str = "") -> str:
    """What a value of that type looks like in RFC 8785's form; each name in its place, and once."""
    if kind == "m":
        found = rf"\{{(?:{STRING}:(?:{STRING}|{INTEGER})(?:,(?!\}})|(?=\}})))*+\}}"
    elif kind[0] in "[*":
        found = rf"\[{pattern(kind[1:])}(?:,{pattern(kind[1:])})*+\]"
        found = rf"(?:\[\]|{found})" if kind[0] == "*" else found
    elif kind[0] == "=":
        found = f'"(?:{kind[1:]})"'.replace(".", r"\.")
    elif kind == "kind":
        return pattern("".join(SHAPES[kind].split()), "kind")
    elif kind in SHAPES:
        found = ""
        for word in SHAPES[kind].split():
            each, mark, of = re.split("([:?])", word)
            inside = pattern(of, each if kind in ("entry", "owner", "subject", "model") else "")
            found += rf'(?:"{each}":{inside}(?:,(?!\}})|(?=\}}))){mark.strip(":")}'
        found = rf"\{{{found}\}}"
    else:
        found = {"s": STRING, "i": INTEGER}.get(kind, rf"(?!{kind}[,}}]){INTEGER}")
    return f"(?P<{name}>{found})" if name in NAMED else found


ENTRY = re.compile(pattern("entry"), re.ASCII)
ANSWER = re.compile(
    r'\{"asked":(\{"kind":"everything"\}|\{"kind":"(?:decision|case|party|agent)","of":(?!"")'
    rf'{STRING}\}}|\{{"kind":"owner","of":(?!""){STRING},"since":{INTEGER},"until":{INTEGER}\}}),'
    rf'(?:"bodies":{pattern("given")},)?"entries":{pattern("*i")},"v":1\}}', re.ASCII
)  # fmt: skip


def match_entry(data: bytes) -> re.Match[str]:
    """An entry of version 1, in canonical form, with no field that is not one; or ValueError."""
    found = ENTRY.fullmatch(data.decode())
    if found is None or found["v"] != "1":
        raise ValueError("it is not in canonical form, or not of version 1")
    for names in filter(None, (found["change"], found["params"])):
        keys = [key for key, _ in json.loads(names, object_pairs_hook=list)]
        if not "".join(keys).isascii() or any(each >= after for each, after in pairwise(keys)):
            raise ValueError("the keys are not in order, or not ASCII")
    return found


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.names = [f"rotations/{each.name}" for each in path.glob("rotations/[1-9]*")]

    def read(self, name: str) -> bytes:
        path = self.path / name
        return path.read_bytes() if name == "checkpoint" or path.is_file() else b""


class Bundle(Folder):
    """The members of a zip that has the one form that it may have."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - 22))
                end = file.read()
                is_short = int.from_bytes(end[12:16], "little") <= DIRECTORY_MAX
                demand(end[:4] == b"PK\5\6" and is_short, "it does not end as a bundle")
                self.zip = zipfile.ZipFile(path)
                self.names = self.zip.namelist()
                self._check_names()
                self._check_form(file)
        except (zipfile.BadZipFile, ValueError, EOFError, RuntimeError, KeyError) as error:
            of_crc = str(error)[len("Bad CRC-32 for file '") : -1] if "CRC" in str(error) else ""
            raise Wrong(f"the zip: {error}", 0, getattr(error, "member", of_crc)) from None

    def _check_names(self) -> None:
        is_each_once = len({name.lower() for name in self.names}) == len(self.names)
        demand(is_each_once and len(self.names) <= MEMBERS_MAX, "too many members, or one twice")
        demand(self.names == [*sorted(self.names[:-2]), "MANIFEST", "SEAL"], "members out of order")
        for name, info in zip(self.names, self.zip.infolist(), strict=True):
            is_name = NAME.fullmatch(name) and not {".", ".."} & set(name.split("/"))
            is_its = is_name and MEMBER.fullmatch(name) and not info.compress_type
            is_its = is_its and info.file_size <= MEMBER_BYTES_MAX
            demand(is_its, "it has no place in a bundle, is packed or too long", 0, name[:200])

    def _check_form(self, file: BinaryIO) -> None:
        """Made again out of its members, it must be the same bytes: there is only one form."""
        with tempfile.TemporaryFile() as again:
            with zipfile.ZipFile(again, "w") as made:
                for name in self.names:
                    info = zipfile.ZipInfo(name)
                    info.create_system, info.external_attr = 3, 0o100600 << 16
                    made.writestr(info, self.zip.read(name))
            again.seek(file.seek(0))
            while ours := again.read(2**20):
                demand(file.read(2**20) == ours, "the zip is not in the one form that it may have")

    def read(self, name: str) -> bytes:
        return self.zip.read(name) if name in self.zip.NameToInfo else b""


def read_part(folder: Folder, kind: str, number: int, width: int) -> tuple[bytes, bool]:
    """A tile's or bundle's bytes: of that width, or the full one. True: it is exactly that wide."""
    name = f"{number % 1000:03d}"
    while number := number // 1000:
        name = f"x{number % 1000:03d}/{name}"
    data = b"" if width == WIDTH else folder.read(f"tile/{kind}/{name}.p/{width}")
    return (data, True) if data else (folder.read(f"tile/{kind}/{name}"), width == WIDTH)


def read_entries(folder: Folder, number: int, width: int) -> tuple[list[bytes], bool]:
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


def read_hashes(folder: Folder, level: int, number: int, width: int) -> list[bytes]:
    data, is_exact = read_part(folder, str(level), number, width)
    data = b"" if is_exact and len(data) != 32 * width else data
    return [data[at : at + 32] for at in range(0, min(len(data), 32 * width), 32)]


def entry_at(folder: Folder, index: int, size: int) -> bytes:
    number, offset = divmod(index, WIDTH)
    return read_entries(folder, number, min(WIDTH, size - number * WIDTH))[0][offset]


def follow(folder: Folder, size: int, keys: list[Key]) -> tuple[list[Key], list[Head]]:
    """The log's keys since a given one, newest last; the heads, whose last entry names the next."""
    heads: list[Head] = []
    for at in sorted(int(n[10:]) for n in folder.names if re.fullmatch(r"rotations/[1-9]\d*", n)):
        with suppress(ValueError, KeyError, IndexError, TypeError):  # of before those keys
            note = folder.read(f"rotations/{at}").decode()
            head = read_head(note, keys[-1:] if heads else keys)
            change = json.loads(match_entry(entry_at(folder, head.size - 1, size))["change"])
            old, new = verifier_key(change["old"]), verifier_key(change["new"])
            if old.id in {key.id for key in keys} and read_head(note, [new]):  # both have signed
                keys, heads = [*(key for key in keys if key.id != new.id), new], [*heads, head]
    return keys, heads


class Log:
    """One pass over a folder; `wrong` collects what does not hold, the lowest index counts."""

    def __init__(self, folder: Folder, head: Head, earlier: list[Head]) -> None:
        self.folder, self.head, self.agreed = folder, head, 0
        self.wrong, self.earlier = list[Wrong](), dict[int, set[bytes]]()
        for size, root in earlier:
            self.earlier.setdefault(size, set()).add(root)
        self.tree, self.next, self.counts = Tree(), 0, dict[tuple[str, str], int]()
        self.accepted, self.policies, self.cache = dict[int, object](), Object(), (0, 0, [b""])
        self.differ: int | None = None
        self.above: Wrong | None = None
        self.past: tuple[Wrong, int] | None = None  # it differs before this size, and where at most

    def read(self) -> None:
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
            try:
                for entry in entries if not self.wrong else ():
                    self._take(entry)
            except ValueError as error:
                self.wrong.append(Wrong(f"it is not as an entry must be: {error}", self.next))
            ours = [sha256(b"\x00" + entry).digest() for entry in entries]
            is_quiet = not any(first < size < first + WIDTH for size in self.earlier)
            if ours == leaves and width == WIDTH and is_quiet:
                self._add(perfect_root(ours), WIDTH)
            else:
                for index, (mine, leaf) in enumerate(zip_longest(ours, leaves), first):
                    if mine != leaf and self.differ is None:
                        self.differ = index
                    self._add(mine or leaf, 1)
        self._judge()

    def _take(self, data: bytes) -> None:
        found = match_entry(data)
        demand(found["seq"] == str(self.next), f"it says that it is {found['seq']}", self.next)
        is_owned = found["oseq"] or found["kind"][1:-1] in OWNED
        demand(found["person"] or not is_owned, "it names no accountable owner", self.next)
        for whose, counter in (("person", "oseq"), ("pid", "sseq")):
            if name := found[whose]:
                expected = self.counts[whose, name] = self.counts.get((whose, name), 0) + 1
                reason = f"its {counter} of {name} is {found[counter]}, not {expected}"
                demand(found[counter] == str(expected), reason, self.next)
        if found["person"] or found["agent"] or found["kind"][1:-1] in POWERS:
            self._power(json.loads(found.string))
        self.next += 1

    def _power(self, entry: Object) -> None:
        """An act stands on what its owner took on before, its release on what was registered."""
        change, agent, kind = entry.get("change", {}), entry.get("agent"), entry["kind"]
        uses = {(use["set"], use["verdict"]) for use in entry.get("policy", ())}
        what = agent["id"] if agent else entry.get("trace", {}).get("case", "")
        if kind == "release.registered":
            self.policies[change.get("release")] = change.get("policy")
        if agent:
            demand(agent["release"] in self.policies, "its release was not registered", self.next)
            others = {name for name, _ in uses} - {self.policies[agent["release"]], "answerable"}
            demand(not others, "it was decided under other policies than its release's", self.next)
        owner = entry.get("owner")
        if owner and (agent or kind in OWNED) and ("answerable", "deny") not in uses:
            at, stands_on = owner["accepted_at"], (what, owner["person"], owner.get("via"))
            is_accepted = self.accepted.get(at) == stands_on
            demand(is_accepted, f"its owner did not accept at {at}", self.next)
        if kind in ("owner.accepted", "owner.delegated"):
            self.accepted[self.next] = tuple(map(change.get, ("agent", "person", "via")))
        elif kind == "lease" and str(change.get("holder")).startswith("per_"):
            self.accepted[self.next] = (what, change["holder"], None)

    def _add(self, node: bytes, width: int) -> None:
        for each, subtree in self.tree.add(node, width):
            self._compare_above(each, subtree)
        self._compare_earlier()

    def _compare_above(self, width: int, subtree: bytes) -> None:
        level = (width.bit_length() - 1) // 8
        number, offset = divmod(self.tree.size // width - 1, WIDTH)
        if self.cache[:2] != (level, number):
            count = min(WIDTH, self.head.size // width - number * WIDTH)
            self.cache = (level, number, read_hashes(self.folder, level, number, count))
        if self.above is None and self.cache[2][offset : offset + 1] != [subtree]:
            self.above = Wrong("the hash over it in a tile is wrong", self.tree.size - width)

    def _compare_earlier(self) -> None:
        roots = self.earlier.pop(self.tree.size, None)
        if roots == {self.tree.root()}:
            self.agreed = self.tree.size
        elif roots is not None and self.past is None:
            reason = f"the ledger before {self.tree.size} is not what was signed earlier"
            self.past = (Wrong(reason, self.agreed), self.tree.size)

    def _judge(self) -> None:
        if self.differ is not None:
            self.wrong.append(Wrong("it and its hash in the tile differ", self.differ))
        elif self.tree.root() != self.head.root:
            self.wrong.append(Wrong("entries and tiles fit each other, but not the signed root"))
        elif self.above is not None:
            self.wrong.append(self.above)
        worst = min(self.wrong, key=lambda wrong: wrong.index, default=None)
        past, until = self.past or (None, self.head.size + 1)
        if found := worst if worst and worst.index < until else past:
            raise found
        last = max(self.earlier, default=0)
        demand(not last, f"what was signed earlier speaks of {last}: cut off", self.head.size)


def read_proof(text: str) -> tuple[int, list[bytes], str]:
    """Index, hashes and checkpoint of a tlog-proof file."""
    block, _, checkpoint = text.partition("\n\n")  # nobody vouches for a line `extra`
    form = r"c2sp\.org/tlog-proof@v1\n(?:extra .*\n)?index (0|[1-9]\d*)((?:\n.*)*)"
    found = re.fullmatch(form, block, re.ASCII)
    if found is None:
        raise Wrong("it is no tlog-proof: its header or its index")
    return int(found[1]), [unbase64(line) for line in found[2].split("\n")[1:]], checkpoint


def verify_bundle(bundle: Bundle, head: Head, keys: list[Key]) -> Object:
    """SEAL, MANIFEST, answer and each entry, under a head that was verified; returns the answer."""
    lines = bundle.read("MANIFEST").decode().splitlines(keepends=True)
    for name, line in zip_longest(bundle.names[:-2], lines):
        data = bundle.read(name or "")
        is_listed = line == f"{sha256(data).hexdigest()} {len(data)} {name}\n"
        first = min(filter(None, (name, (line or "").rpartition(" ")[2].strip())), default="")
        demand(is_listed, "it is not what MANIFEST says", 0, first or "MANIFEST")
    for name in ("checkpoint", "vkey", "answer.json", "index.html"):
        demand(name in bundle.names, "it is not there", 0, name)
    found = ANSWER.fullmatch(bundle.read("answer.json").decode())
    demand(found, "it is no answer, or not in canonical form", 0, "answer.json")
    answer: Object = json.loads(bundle.read("answer.json"))
    asked, indexes, told = answer["asked"], answer["entries"], answer.get("bodies", {})
    is_right = 0 <= asked.get("since", 0) <= asked.get("until", 0) and len(indexes) <= ANSWER_MAX
    is_right &= all(a < b for a, b in (*pairwise(indexes), *pairwise(told.get("given", []))))
    demand(is_right, "its period, how many entries, or their order", 0, "answer.json")
    text, _ = read_note(bundle.read("SEAL").decode(), keys)
    origin, size, root, *_ = bundle.read("checkpoint").decode().split("\n")
    made = re.search(r"^made (0|[1-9]\d{0,15})$", text, re.MULTILINE | re.ASCII)
    is_sealed = text == (
        f"answerable-bundle/v1\nlog {origin}\nsize {size}\nroot {root}\n"
        f"asked {found and found[1]}\nmade {made and made[1]}\n"
        f"members {len(lines)} {sha256(bundle.read('MANIFEST')).hexdigest()}\n"
    )
    demand(is_sealed, "it is of another checkpoint, question or MANIFEST", 0, "SEAL")
    at = [f"bodies/{index}.json" for index in told.get("given", [])]
    at += [n.format(i) for i in indexes for n in ("entries/{}.json", "proofs/{}.tlog-proof")]
    there = [name for name in bundle.names if name.startswith(("bodies/", "entries/", "proofs/"))]
    odd = min(set(at) ^ set(there), key=lambda n: re.sub(r"\D", "", n).zfill(16), default="")
    demand(sorted(at) == there, "it is not where answer.json says", 0, odd or "answer.json")
    if asked["kind"] != "everything":
        demand(not any(name[:5] == "tile/" for name in bundle.names), "not asked", 0, "tile/")
        check_entries(bundle, head, answer)
    return answer


def check_entries(bundle: Bundle, head: Head, answer: Object) -> None:
    """Each is what was asked, or what that needs, and its proof leads to the head."""
    asked, found, signed = answer["asked"], list[Object](), bundle.read("checkpoint")
    for index in answer["entries"]:
        data = bundle.read(f"entries/{index}.json")
        try:
            found.append(json.loads(match_entry(data).string))
            text = bundle.read(f"proofs/{index}.tlog-proof").decode()
            at, hashes, checkpoint = read_proof(text)
        except ValueError as error:
            raise Wrong(f"it is no entry, or no proof: {error}", index) from None
        is_its = (found[-1]["seq"], at, checkpoint.encode()) == (index, index, signed)
        demand(is_its and "\nextra " not in text, "it or its proof is of another one", index)
        prove(hashed(b"\x00", data), index, hashes, head)
    fitting = [entry for entry in found if fits(entry, asked)]
    said = {entry["owner"]["accepted_at"] for entry in fitting if "owner" in entry}
    interactions = {entry.get("trace", {}).get("interaction") for entry in fitting} - {None}
    read = ("access.read", answer.get("bodies", {}).get("read"))
    for entry in (e for e in found if not fits(e, asked) and (e["kind"], e["seq"]) != read):
        is_needed = entry["seq"] in said and asked["kind"] in ("decision", "owner")
        is_needed = is_needed and entry["kind"] in ("owner.accepted", "owner.delegated")
        is_of = asked["kind"] == "decision" and entry.get("trace", {}).get("interaction")
        demand(is_needed or is_of in interactions, "not asked for", entry["seq"])
    demand(fitting or asked["kind"] != "decision", "the decision is not there", 0, "answer.json")


def fits(entry: Object, asked: Object) -> bool:
    kind, of = asked["kind"], asked["of"]
    if kind == "decision":
        return (entry["id"], entry["kind"]) == (of, "decided")
    if kind == "owner" and not asked["since"] <= entry["ts"] < asked["until"]:
        return False
    places = {"case": "trace case", "party": "subject pid", "agent": "agent id"}
    noun, name = places.get(kind, "owner person").split()
    return bool(entry.get(noun, {}).get(name) == of)


def run(arguments: argparse.Namespace) -> Object:
    """What was verified; raises Wrong, ValueError for what is malformed, OSError."""
    keys, report = list[Key](arguments.vkey), Object(ok=True)
    if arguments.folder is not None:
        folder = (Bundle if arguments.folder.is_file() else Folder)(arguments.folder)
        text = folder.read("checkpoint").decode()
        said = (*text.split("\n"), "")[1]
        keys, handed = follow(folder, int(said) if said.isdecimal() else 0, keys)
        head = read_head(text, keys[-1:] if handed else keys)
        earlier = [read_head(path.read_bytes().decode(), keys) for path in arguments.earlier]
        report |= {"entries": head.size, "root": head.root.hex(), "checkpoints": len(earlier)}
        answer = Object(asked={"kind": "everything"})
        if isinstance(folder, Bundle):
            answer = verify_bundle(folder, head, keys)
            report |= {"asked": answer["asked"], "answered": len(answer["entries"])}
        if answer["asked"]["kind"] == "everything":
            report.pop("answered", None)  # all of `entries`
            Log(folder, head, [*earlier, *handed]).read()
        demand(not earlier or answer["asked"]["kind"] == "everything", "only with all entries")
    if arguments.proof is not None:
        index, hashes, checkpoint = read_proof(arguments.proof.read_bytes().decode())
        if arguments.entry is not None:
            entry = arguments.entry.read_bytes()
        else:
            demand(index < head.size, f"there is no entry {index} here", head.size)
            entry = entry_at(folder, index, head.size)
        prove(hashed(b"\x00", entry), index, hashes, proven := read_head(checkpoint, keys))
        report |= {"proven_index": index, "proven_size": proven.size}
    return report


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Verify an Answerable ledger without Answerable.")
    parser.add_argument("folder", nargs="?", type=Path, help="a published log, or a bundle")
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
        is_there = arguments.folder is None or arguments.folder.exists()
        parser.error(f"there is no '{error.filename if is_there else arguments.folder}'")
    except (OSError, ValueError) as error:
        member, index = getattr(error, "member", ""), getattr(error, "index", 0)
        where = {"first_bad_member": member} if member else {"first_bad_index": index}
        report = {"ok": False, **where, "problem": str(error)}
    rows = "\n".join(f"{name}: {value}" for name, value in report.items())
    print(json.dumps(report) if arguments.json else rows)
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
