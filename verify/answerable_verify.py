#!/usr/bin/env python3
"""Verify an Answerable ledger without Answerable: this file, Python 3.11 and `cryptography`.

    answerable_verify.py FOLDER|BUNDLE --vkey KEY [--earlier CHECKPOINT]... [--proof FILE] [--json]
    answerable_verify.py --proof FILE --entry FILE --vkey KEY

FOLDER is a published log, BUNDLE an exported answer (docs/bundle.md), KEY the log's key or a file
with it, that you trust; rotations/ leads from it to today's. Checked are signatures, entries,
counters, powers, tiles, root; that the log has what CHECKPOINT signed; that FILE proves its entry;
a bundle's form and entries, the rest by answerable_answers.py: `not_checked` names what. Exit 0
yes, 1 no, 2 wrong call. Formats: RFC 6962, 9162, 8785, 8032, C2SP tlog-*.
"""

import argparse
import base64
import json
import re
import sys
import tempfile
import zipfile
from contextlib import suppress
from hashlib import sha256
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

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
GIVING = ("agent", "person", "via", "holder", "release", "policy")
NAMED = {"agent", "change", "params", "kind", "oseq", "person", "seq", "pid", "sseq", "v"}
STRING = r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\bfnrt]|u00(?:0[0-7bef]|1[0-9a-f]))[^"\\\x00-\x1f]*+)*+"'
EXACT = "9007199254740991"  # 2**53 - 1, above which not each program reads the same number
UP_TO = "|".join(rf"{EXACT[:at]}[0-{int(EXACT[at]) - 1}]\d{{{15 - at}}}"
                 for at in range(1, 16) if EXACT[at] != "0")  # fmt: skip
INTEGER = rf"(?:0|-?(?:[1-8]\d{{0,15}}|9\d{{0,14}}|{UP_TO}|{EXACT})(?!\d))"
MEMBER = re.compile(
    r"(?!.{201})(?!.*/\.\.?(?:/|\Z))(?:checkpoint|vkey|answer\.json|index\.html|MANIFEST|SEAL|entries/"
    r"(0|[1-9]\d*)\.json|proofs/(0|[1-9]\d*)\.tlog-proof|completeness\.json|(?:tile|bodies|time|witness"
    r"|completeness|policies|receipts|releases|rotations)(?:/[A-Za-z0-9._-]+)+)", re.ASCII
)  # fmt: skip
WIDTH, MEMBERS_MAX, MEMBER_BYTES_MAX, DIRECTORY_MAX, ANSWER_MAX = 256, 2**18, 2**25, 2**26, 100_000
READ = ("answer.json", "checkpoint", "entries/", "proofs/", "tile/", "MANIFEST", "SEAL")
PLACES = {"case": "trace case", "party": "subject pid", "agent": "agent id"}
Object = dict[str, Any]
PAIRS = json.JSONDecoder(object_pairs_hook=list).decode


class Wrong(ValueError, argparse.ArgumentTypeError):
    """What does not hold: this entry, the first that nobody vouches for; this member; or all."""

    def __init__(self, reason: str, index: int | None = None, member: str = "") -> None:
        self.index, self.member = index, member
        super().__init__(reason)


def demand(it_holds: object, reason: str, index: int | None = None, member: str = "") -> None:
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


def given_key(vkey: str) -> Key:
    return verifier_key(Path(vkey).read_text() if Path(vkey).is_file() else vkey)


def verifier_key(text: str) -> Key:
    demand(text.count("+") >= 2, f"'{text}' is neither a file with a key nor a key")
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
    known = list[str]()
    for dash, name, encoded in (line.split(" ") for line in block[:-1].split("\n")):
        signature = unbase64(encoded)
        is_line = dash == "—" and len(signature) > 4 and "+" not in name and name.split() == [name]
        demand(is_line, "a signature line is malformed")
        for key in (key for key in keys if (key.name, key.id) == (name, signature[:4])):
            try:
                key.public.verify(signature[4:], f"{body}\n".encode())
            except InvalidSignature:
                raise Wrong(f"the signature by '{name}' is wrong") from None
            known.append(name)
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


def hashed(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


def size_of(note: str) -> int:
    said = (*note.split("\n"), "")[1]
    return int(said) if said.isdecimal() else 0


class Chain(NamedTuple):
    """The log's keys, oldest first, and the heads whose last entry names the next; or the given."""

    keys: list[Key]
    handed: list[Head]

    def at(self, size: int) -> list[Key]:
        turn = sum(head.size < size for head in self.handed)
        return self.keys[turn : turn + 1] if self.handed else self.keys

    def read(self, note: str) -> Head:
        return read_head(note, self.at(size_of(note)))


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
    kind = "".join(SHAPES[kind].split()) if kind == "kind" else kind
    if kind == "m":
        found = rf"\{{(?:{STRING}:(?:{STRING}|{INTEGER})(?:,(?!\}})|(?=\}})))*+\}}"
    elif kind[0] in "[*":
        found = rf"\[{pattern(kind[1:])}(?:,{pattern(kind[1:])})*+\]"
        found = rf"(?:\[\]|{found})" if kind[0] == "*" else found
    elif kind[0] == "=":
        found = f'"(?:{kind[1:]})"'.replace(".", r"\.")
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
    if found is None or found["v"] != "1" or len(data) >= 2**16:
        raise ValueError("it is not in canonical form, of another version, or too long")
    for names in filter(None, (found["change"], found["params"])):
        keys = [key for key, _ in PAIRS(names)]
        if not "".join(keys).isascii() or any(each >= after for each, after in pairwise(keys)):
            raise ValueError("the keys are not in order, or not ASCII")
    return found


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.names = [f"rotations/{each.name}" for each in path.glob("rotations/[1-9]*")]

    def read(self, name: str) -> bytes:
        if name != "checkpoint" and not (self.path / name).is_file():
            return b""
        with (self.path / name).open("rb") as file:
            return file.read(MEMBER_BYTES_MAX)


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
                self._check(file)
        except (zipfile.BadZipFile, ValueError, EOFError, RuntimeError, KeyError) as error:
            of_crc = str(error)[len("Bad CRC-32 for file '") : -1] if "CRC" in str(error) else ""
            raise Wrong(f"the zip: {error}", member=getattr(error, "member", of_crc)) from None

    def _check(self, file: BinaryIO) -> None:
        """Made again out of its members, it must be the same bytes: there is only one form."""
        is_each_once = len({name.lower() for name in self.names}) == len(self.names)
        demand(is_each_once and len(self.names) <= MEMBERS_MAX, "too many members, or one twice")
        demand(self.names == [*sorted(self.names[:-2]), "MANIFEST", "SEAL"], "members out of order")
        left = file.seek(0, 2)
        for name, info in zip(self.names, self.zip.infolist(), strict=True):
            left -= info.file_size  # members that lie in each other would be more than the file
            is_its = MEMBER.fullmatch(name) and not info.compress_type and left > 0
            is_its = is_its and info.file_size <= MEMBER_BYTES_MAX
            demand(is_its, "it has no place in a bundle, is packed or too long", 0, name[:200])
        with tempfile.TemporaryFile() as again:
            with zipfile.ZipFile(again, "w") as made:
                for name in self.names:
                    info = zipfile.ZipInfo(name)
                    info.create_system, info.external_attr = 3, 0o100600 << 16
                    made.writestr(info, self.zip.read(name))
            again.seek(file.seek(0))
            while ours := again.read(2**20):
                demand(file.read(2**20) == ours, "the zip is not in the one form that it may have")
            demand(not file.read(1), "there is something after the end of the zip")

    def read(self, name: str) -> bytes:
        return self.zip.read(name) if name in self.zip.NameToInfo else b""


def tile_name(kind: str, number: int, width: int) -> str:
    name = f"{number % 1000:03d}"
    while number := number // 1000:
        name = f"x{number % 1000:03d}/{name}"
    return f"tile/{kind}/{name}" + (f".p/{width}" if width < WIDTH else "")


def is_tile(name: str, size: int) -> bool:
    """Whether a tree of that size has it: what no verifier reads must not lie beside the others."""
    kind, *rest = re.findall(r"entries|\d+", name.partition(".")[0]) or ["0"]
    number, height = int("".join(rest) or "0"), 0 if kind == "entries" else 8 * int(kind)
    left = (size >> height) - number * WIDTH
    return left > 0 and name == tile_name(kind, number, min(left, WIDTH))


def read_part(folder: Folder, kind: str, number: int, width: int) -> tuple[bytes, bool]:
    """A tile's or bundle's bytes: of that width, or the full one. True: it is exactly that wide."""
    data = b"" if width == WIDTH else folder.read(tile_name(kind, number, width))
    return (data, True) if data else (folder.read(tile_name(kind, number, WIDTH)), width == WIDTH)


def read_entries(folder: Folder, number: int, width: int) -> tuple[list[bytes], bool]:
    """The entries that can be read, and whether they are all there with nothing after them."""
    data, is_exact = read_part(folder, "entries", number, width)
    entries, at = list[bytes](), 0
    while at + 2 <= len(data) and len(entries) <= WIDTH:
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


def follow(folder: Folder, keys: list[Key]) -> Chain:
    """The log's keys since a given one, by handings-over that both have signed."""
    chain = Chain(keys, [])
    size = size_of(folder.read("checkpoint").decode())
    for at in sorted(int(n[10:]) for n in folder.names if re.fullmatch(r"rotations/[1-9]\d*", n)):
        with suppress(ValueError, KeyError, IndexError, TypeError):  # of before those keys
            note, until = folder.read(f"rotations/{at}").decode(), chain.at(at + 1)
            found = match_entry(entry_at(folder, at - 1, size))
            change = json.loads(found["change"])
            old, new = (verifier_key(change[name]) for name in ("old", "new"))
            head, *_ = [read_head(note, each) for each in (until, [old], [new])]
            is_its = (found["kind"], change["key"], head.size) == ('"key.rotated"', "signer", at)
            if is_its and old.id in {key.id for key in until}:
                before = chain.keys if chain.handed else [old]
                chain = Chain([*before, new], [*chain.handed, head])
    return chain


class Log:
    """One pass over a folder; `wrong` collects what does not hold, the lowest index counts."""

    def __init__(self, folder: Folder, head: Head, earlier: list[Head]) -> None:
        self.folder, self.head, self.agreed = folder, head, 0
        self.wrong, self.earlier = list[tuple[int, str]](), dict[int, set[bytes]]()
        for size, root in earlier:
            self.earlier.setdefault(size, set()).add(root)
        self.size, self.stack, self.next = 0, list[tuple[int, bytes]](), 0
        self.counts, self.accepted = dict[tuple[str, str], int](), dict[int, object]()
        self.policies, self.is_alike = Object(), True
        self.above, self.past = list[tuple[int, str]](), list[tuple[int, str, int]]()

    def read(self) -> None:
        self._compare_earlier()
        for first in range(0, self.head.size, WIDTH):
            width = min(WIDTH, self.head.size - first)
            entries, is_whole = read_entries(self.folder, first // WIDTH, width)
            leaves = read_hashes(self.folder, 0, first // WIDTH, width)
            if not is_whole:
                self.wrong.append((first + min(len(entries), width - 1), "its bundle is not whole"))
            if len(leaves) < width:
                self.wrong.append((first, "its tile is missing or cut"))
            try:
                for entry in entries if not self.wrong else ():
                    self._take(entry)
            except ValueError as error:
                self.wrong.append((self.next, f"it is not as an entry must be: {error}"))
            ours = [sha256(b"\x00" + entry).digest() for entry in entries]
            for index, (mine, leaf) in enumerate(zip_longest(ours, leaves), first):
                if mine != leaf and self.is_alike:
                    self.is_alike = False
                    self.wrong.append((index, "it and its hash in the tile differ"))
                self.add(mine or leaf)
            if not entries and not leaves:  # a size is only said: what is not there has no end
                self.is_alike = False
                break
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
        if found["person"] or found["agent"] or found["change"]:
            self._power(json.loads(found.string))
        self.next += 1

    def _power(self, entry: Object) -> None:
        """An act stands on what its owner took on before, its release on what was registered."""
        change, agent, kind = entry.get("change"), entry.get("agent"), entry["kind"]
        said = {} if change is None else {name: str(change.get(name, "")) for name in GIVING}
        uses = {(use["set"], use["verdict"]) for use in entry.get("policy", ())}
        case, gives = entry.get("trace", {}).get("case", ""), "" if change is None else kind
        if gives == "release.registered":
            self.policies.setdefault(said["release"], said["policy"])
        if agent:
            demand(agent["release"] in self.policies, "its release was not registered", self.next)
            others = {name for name, _ in uses} - {self.policies[agent["release"]], "answerable"}
            demand(not others, "it was decided under other policies than its release's", self.next)
        is_refused = kind == "decided" and not agent and uses == {("answerable", "deny")}
        if (owner := entry.get("owner")) and (agent or kind in OWNED) and not is_refused:
            at, what = owner["accepted_at"], agent["id"] if agent else case
            is_accepted = self.accepted.get(at) == (what, owner["person"], owner.get("via"))
            demand(is_accepted, f"its owner did not accept at {at}", self.next)
        if gives in ("owner.accepted", "owner.delegated"):
            self.accepted[self.next] = (said["agent"], said["person"], said["via"] or None)
        elif gives == "lease" and said["holder"].startswith("per_"):
            self.accepted[self.next] = (case, said["holder"], None)

    def add(self, node: bytes) -> None:
        """The next leaf; `stack` is the tree as its perfect subtrees, (leaves, hash)."""
        self.size, width = self.size + 1, 1
        while self.stack and self.stack[-1][0] == width:
            width, node = 2 * width, hashed(b"\x01", self.stack.pop()[1], node)
            level, inside = divmod(width.bit_length() - 1, 8)
            if not inside:  # a tile above level 0 has it
                number, offset = divmod(self.size // width - 1, WIDTH)
                count = min(WIDTH, self.head.size // width - number * WIDTH)
                if read_hashes(self.folder, level, number, count)[offset:][:1] != [node]:
                    self.above.append((self.size - width, "the hash over it in a tile is wrong"))
        self.stack.append((width, node))
        if self.size in self.earlier:
            self._compare_earlier()

    def root(self) -> bytes:
        root = self.stack[-1][1] if self.stack else sha256(b"").digest()
        for _, left in reversed(self.stack[:-1]):
            root = hashed(b"\x01", left, root)
        return root

    def _compare_earlier(self) -> None:
        roots = self.earlier.pop(self.size, None)
        if roots == {self.root()}:
            self.agreed = self.size
        elif roots is not None and not self.past:
            reason = f"the ledger before {self.size} is not what was signed earlier"
            self.past.append((self.agreed, reason, self.size))

    def _judge(self) -> None:
        if self.is_alike and self.root() != self.head.root:
            self.wrong.append((0, "entries and tiles fit each other, but not the signed root"))
        elif self.is_alike:
            self.wrong += self.above[:1]
        for index, reason in sorted(self.wrong)[:1]:
            demand(self.past and index >= self.past[0][2], reason, index)
        for index, reason, _ in self.past:
            raise Wrong(reason, index)
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
    found = ANSWER.fullmatch(bundle.read("answer.json").decode())
    demand(found, "it is no answer, or not in canonical form", 0, "answer.json")
    answer: Object = json.loads(bundle.read("answer.json"))
    asked, indexes, told = answer["asked"], answer["entries"], answer.get("bodies", {})
    is_all, is_right = asked["kind"] == "everything", asked.get("since", 0) <= asked.get("until", 0)
    is_right &= asked.get("since", 0) >= 0 and len(indexes) <= (0 if is_all else ANSWER_MAX)
    is_right &= all(a < b for a, b in (*pairwise(indexes), *pairwise(told.get("given", []))))
    demand(is_right, "its period, how many entries, or their order", 0, "answer.json")
    text, _ = read_note(bundle.read("SEAL").decode(), keys)
    origin, size, root, *_ = bundle.read("checkpoint").decode().split("\n")
    made = re.search(r"^made (0|[1-9]\d{0,15})$", text, re.MULTILINE | re.ASCII)
    sealed = f"answerable-bundle/v1\nlog {origin}\nsize {size}\nroot {root}\n"
    sealed += f"asked {found and found[1]}\nmade {made and made[1]}\nmembers {len(lines)} "
    sealed += f"{sha256(bundle.read('MANIFEST')).hexdigest()}\n"
    demand(text == sealed, "it is of another checkpoint, question or MANIFEST", 0, "SEAL")
    at = ["index.html", "vkey", *(f"bodies/{index}.json" for index in told.get("given", []))]
    at += [n.format(i) for i in indexes for n in ("entries/{}.json", "proofs/{}.tlog-proof")]
    there = [n for n in bundle.names if re.match("bodies/|entries/|index|proofs/|vkey", n)]
    odd = min(set(at) ^ set(there), key=lambda n: re.sub(r"\D", "", n).zfill(16), default="")
    demand(sorted(at) == there, "it is not where answer.json says", 0, odd or "answer.json")
    for name in (name for name in bundle.names if name[:5] == "tile/"):
        demand(is_all and is_tile(name, head.size), "it is no tile of this answer", 0, name)
    if not is_all:
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
        is_its = is_its and "\nextra " not in text.partition("\n\n")[0]
        demand(is_its, "it or its proof is of another one", index)
        prove(hashed(b"\x00", data), index, hashes, head)
    fitting = [entry for entry in found if fits(entry, asked)]
    said = {entry["owner"]["accepted_at"] for entry in fitting if "owner" in entry}
    interactions = {entry.get("trace", {}).get("interaction") for entry in fitting} - {None, ""}
    read = ("access.read", answer.get("bodies", {}).get("read"))
    for entry in (e for e in found if not fits(e, asked) and (e["kind"], e["seq"]) != read):
        is_needed = entry["seq"] in said and asked["kind"] in ("decision", "owner")
        is_needed = is_needed and entry["kind"] in ("owner.accepted", "owner.delegated")
        is_of = asked["kind"] == "decision" and entry.get("trace", {}).get("interaction")
        demand(is_needed or is_of in interactions, "not asked for", entry["seq"])
    demand(fitting or asked["kind"] != "decision", "the decision is not there", 0, "answer.json")


def fits(entry: Object, asked: Object) -> bool:
    kind, of, ts = asked["kind"], asked["of"], entry["ts"]
    if kind == "decision":
        return (entry["id"], entry["kind"]) == (of, "decided")
    noun, name = PLACES.get(kind, "owner person").split()
    is_then = asked.get("since", ts) <= ts < asked.get("until", ts + 1)
    return is_then and bool(entry.get(noun, {}).get(name) == of)


def run(arguments: argparse.Namespace) -> Object:
    """What was verified; raises Wrong, ValueError for what is malformed, OSError."""
    chain, report = Chain(arguments.vkey, []), Object(ok=True, not_checked=["what the entry says"])
    note = ""
    if arguments.proof is not None:
        index, hashes, note = read_proof(arguments.proof.read_bytes().decode())
    if arguments.folder is not None:
        folder = (Bundle if arguments.folder.is_file() else Folder)(arguments.folder)
        chain = follow(folder, arguments.vkey)
        head = chain.read(folder.read("checkpoint").decode())
        earlier = [chain.read(path.read_bytes().decode()) for path in arguments.earlier]
        report |= {"entries": head.size, "root": head.root.hex(), "checkpoints": len(earlier)}
        report["not_checked"], is_all = ["what closes commit", "cosigned/"], True
        if isinstance(folder, Bundle):
            answer = verify_bundle(folder, head, chain.at(head.size + 1))
            is_all = answer["asked"]["kind"] == "everything"
            beside = {re.sub("/.*", "/", n) for n in folder.names if not n.startswith(READ)}
            report |= {"asked": answer["asked"], "not_checked": sorted(beside)}
            report |= {} if is_all else {"answered": len(answer["entries"])}
        demand(is_all or not earlier, "earlier checkpoints are compared with all entries only")
        if is_all:
            shown = [each for each in [chain.read(note)] if each.size <= head.size] if note else []
            Log(folder, head, [*earlier, *chain.handed, *shown]).read()
    if arguments.proof is not None:
        given = arguments.entry
        demand(given or index < head.size, f"there is no entry {index} here")
        entry = given.read_bytes() if given else entry_at(folder, index, head.size)
        prove(hashed(b"\x00", entry), index, hashes, proven := chain.read(note))
        report |= {"proven_index": index, "proven_size": proven.size}
    return report


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify an Answerable ledger without Answerable.")
    parser.add_argument("folder", nargs="?", type=Path, help="a published log, or a bundle")
    parser.add_argument("--vkey", action="append", required=True, type=given_key, help="key")
    parser.add_argument("--earlier", action="append", default=[], type=Path, metavar="CHECKPOINT")
    parser.add_argument("--proof", type=Path, metavar="FILE", help="a tlog-proof to verify as well")
    parser.add_argument("--entry", type=Path, metavar="FILE", help="the entry that --proof proves")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    given = parser.parse_args(argv)
    if given.folder is None and (given.proof is None or given.entry is None):
        parser.error("give FOLDER, or --proof and --entry")
    try:
        report = run(given)
    except FileNotFoundError as error:
        parser.error(f"there is no '{error.filename}'")
    except (OSError, ValueError) as error:
        member, index = getattr(error, "member", ""), getattr(error, "index", None)
        where = {"first_bad_member": member} if member else {"first_bad_index": index}
        report = {"ok": False, **where, "problem": str(error)}
    print(json.dumps(report) if given.json else "\n".join(f"{k}: {v}" for k, v in report.items()))
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
