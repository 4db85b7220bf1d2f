#!/usr/bin/env python3
"""Verify the answers of an Answerable ledger without Answerable: this file, its neighbours
answerable_verify.py and answerable_quorum.py, Python 3.11 and `cryptography`.

    answerable_answers.py FOLDER|BUNDLE|ANSWER --vkey KEY [--earlier CHECKPOINT]... [--json]
    answerable_answers.py FOLDER --vkey KEY --quorum POLICY [--json]

All that answerable_verify.py checks, and: that each `day.closed` of a log commits what was counted
before it; of a bundle, the handings-over of the key, the digests of policy sets and releases, that
each body opens to what its entry sealed and an entry says who was given it, and
`completeness.json`; of ANSWER, a complete answer, that nothing is left out; of a FOLDER, that the
quorum of POLICY, a file of your own, cosigned it (two keys of one organisation count once), and
that times fit what was cosigned. Exit 0 yes, 1 no, with the first bad index or member, 2 wrong
call. Formats: docs/bundle.md, docs/answers.md, docs/witnesses.md.
"""

import argparse
import hmac
import json
import re
import sys
from base64 import urlsafe_b64encode
from bisect import bisect_left
from collections.abc import Callable, Iterable
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import answerable_verify as neighbour
from answerable_quorum import Cosigned, KeysAt, NotHere, Policy, Times, raw
from answerable_verify import Bundle, Folder, Head, Key, Object, Wrong, demand, hashed, unbase64
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NUMBER, COMPLETE, EXACT_MAX = "(?:0|[1-9][0-9]{0,15})", "completeness.json", 2**53 - 1
COMPARED = ("completeness/", "index.html", "receipts/", "time/", "vkey", "witness/")
PLACES = re.compile(
    rf"(?!bodies/|policies/|releases/|rotations/).*|bodies/{NUMBER}\.json"
    rf"|(?:policies|releases)/[0-9a-f]{{64}}\.json|rotations/(?!0){NUMBER}(?:|\.json|\.tlog-proof)"
)


def strict(pairs: list[tuple[str, Any]]) -> Object:
    demand(len(dict(pairs)) == len(pairs), "a key is there twice")
    return dict(pairs)


def no_such(name: str) -> object:
    raise Wrong(f"{name} is no number of JSON")


JSON = json.JSONDecoder(object_pairs_hook=strict, parse_constant=no_such)


def in_one_form(data: bytes, what: str) -> Object:
    """JSON in which nothing can be written in two ways, but for the order of fields."""
    value = JSON.decode(data.decode())
    again = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    demand(isinstance(value, dict) and again == data, f"it is no {what} in its one form")
    found: Object = value
    return found


def typed(value: object, types: type | tuple[type, ...]) -> bool:
    return isinstance(value, types) and not isinstance(value, bool)


# ------------------------------------------------------------------------------- counters


def key_of(name: str) -> bytes:
    return sha256(name.encode()).digest()


def depth_of(names: int) -> int:
    return (max(0, names - 1) // 32).bit_length()


def bucket_of(key: bytes, depth: int) -> int:
    return int.from_bytes(key, "big") >> (256 - depth)


def bucket_hash(rows: Iterable[tuple[bytes, int]]) -> bytes:
    return hashed(b"\x00", *(key + last.to_bytes(8, "big") for key, last in rows))


class Counted:
    """All counters in buckets, with the hash of each; only those that moved are hashed again."""

    def __init__(self) -> None:
        self.depth, self.last = 0, dict[bytes, int]()
        self.buckets, self.hashes = [dict[bytes, int]()], [bucket_hash(())]

    def move(self, moved: dict[bytes, int]) -> None:
        self.last |= moved
        if depth_of(len(self.last)) != self.depth:
            self.depth, moved = depth_of(len(self.last)), self.last
            self.buckets = [{} for _ in range(1 << self.depth)]
            self.hashes = [bucket_hash(())] * len(self.buckets)
        for key, last in moved.items():
            self.buckets[bucket_of(key, self.depth)][key] = last
        for number in {bucket_of(key, self.depth) for key in moved}:
            self.hashes[number] = bucket_hash(sorted(self.buckets[number].items()))

    def root(self) -> bytes:
        level = self.hashes
        while len(level) > 1:
            level = [hashed(b"\x01", *level[at : at + 2]) for at in range(0, len(level), 2)]
        return level[0]


class Log(neighbour.Log):
    """As the neighbour reads a log; and each close against what was counted before it."""

    times: Times | None = None

    def __init__(self, folder: Folder, head: Head, earlier: list[Head]) -> None:
        super().__init__(folder, head, earlier)
        self.counted, self.closed = Counted(), dict[tuple[str, str], tuple[bytes, int]]()
        self.latest, self.skew, self.day, self.closes = -EXACT_MAX, 0, "", 0
        self.outside: Wrong | None = None  # an entry's time; said where all else holds

    def _take(self, data: bytes) -> None:
        index = self.next
        if b'"kind":"day.closed"' in data:
            self._close(json.loads(neighbour.match_entry(data).string))
        super()._take(data)
        ts = int(data[data.rindex(b'"ts":') + 5 : data.rindex(b',"v":')])
        self.latest = max(self.latest, ts)
        self.skew = max(self.skew, self.latest - ts)
        if self.times and not self.outside and not self.times.fit(index, ts):
            self.outside = Wrong("its time is not between those of cosigned checkpoints", index)

    def _close(self, entry: Object) -> None:
        if entry["kind"] != "day.closed":
            return
        moved: dict[bytes, int] = {}
        for name, last in self.counts.items():
            key, before = self.closed.get(name, (b"", 0))
            if last != before:
                whose = "o/" if name[0] == "person" else "s/"
                key = key or key_of(whose + json.loads(name[1]))
                self.closed[name], moved[key] = (key, last), last
        self.counted.move(moved)
        said, made = entry.get("change", {}), self.counted
        should = {"names": len(made.last), "root": made.root().hex(), "skew": self.skew}
        for what, value in should.items():
            reason = f"it closes with {what} {said.get(what)}, and the entries make {value}"
            demand(said.get(what) == value, reason, self.next)
        since, day = str(said.get("since", "")), str(said.get("day", ""))
        if since or day:
            demand(self.day < since <= day, f"it closes {since} to {day}", self.next)
            self.day = day
        self.closes += 1


# ------------------------------------------------------------------------------- complete answers

SHAPE = {
    "format": str, "question": dict, "checkpoint": str, "close": int, "names": int,
    "bucket": list, "path": list, "entries": list, "hashes": list,
}  # fmt: skip
QUESTION = {"party": str, "owner": str, "since": int, "until": int}


def shaped(value: Object, shape: dict[str, type]) -> bool:
    fits = all(typed(each, of) for each, of in zip(value.values(), shape.values(), strict=False))
    return list(value) == list(shape) and fits


def many_root(leaves: dict[int, bytes], size: int, hashes: list[bytes]) -> bytes:
    """docs/answers.md, step 2."""
    at, rest = sorted(leaves), iter(hashes)

    def node(start: int, end: int) -> bytes:
        if bisect_left(at, start) == bisect_left(at, end):
            return next(rest)
        if end - start == 1:
            return leaves[start]
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        left = node(start, middle)
        return hashed(b"\x01", left, node(middle, end))

    try:
        root = node(0, size)
    except StopIteration:
        raise Wrong("there are too few hashes") from None
    demand(next(rest, None) is None, "there are too many hashes")
    return root


class Complete(NamedTuple):
    question: Object
    entries: list[int]  # indexes of those that were asked for
    close: int


def check_complete(data: bytes, keys_at: KeysAt) -> Complete:
    """A complete answer by docs/answers.md; raises ValueError where it shows nothing."""
    answer = in_one_form(data.removesuffix(b"\n"), "complete answer")
    demand(shaped(answer, SHAPE) and shaped(answer["question"], QUESTION), "its fields")
    asked = answer["question"]
    demand(answer["format"] == "answerable.complete@v1", "its format")
    demand(bool(asked["party"]) != bool(asked["owner"]), "it must ask about a party or a person")
    demand(0 <= asked["since"] <= asked["until"] <= EXACT_MAX, "its period ends before it begins")
    entries, leaves = dict[int, Object](), dict[int, bytes]()
    note = answer["checkpoint"]
    head = neighbour.read_head(note, keys_at(neighbour.size_of(note)))
    for text in answer["entries"]:
        entry = json.loads(neighbour.match_entry(text.encode()).string)
        index = entry["seq"]
        demand(index not in entries and 0 <= index < head.size, f"entry {index} has no place")
        entries[index], leaves[index] = entry, hashed(b"\x00", text.encode())
    hashes = [unbase64(each) for each in answer["hashes"]]
    demand(entries and all(len(each) == 32 for each in hashes), "its entries, or a hash")
    is_proven = many_root(leaves, head.size, hashes) == head.root
    demand(is_proven, "its entries and hashes do not lead to the signed root")
    close = entries.pop(answer["close"], Object(kind=""))
    demand(close["kind"] == "day.closed", f"entry {answer['close']} is not there as a close")
    check_run(asked, [entries[index] for index in sorted(entries)], close, counter(answer, close))
    found = (e for e in entries.values() if asked["since"] <= e["ts"] < asked["until"])
    return Complete(asked, sorted(e["seq"] for e in found), answer["close"])


def counter(answer: Object, close: Object) -> int:
    """At which number the close says that they end."""
    said, asked, names = close.get("change", {}), answer["question"], answer["names"]
    key = key_of(f"s/{asked['party']}" if asked["party"] else f"o/{asked['owner']}")
    depth, rows = depth_of(names), list[tuple[bytes, int]]()
    for hexed, last in answer["bucket"]:
        is_row = re.fullmatch("[0-9a-f]{64}", hexed) and typed(last, int) and 0 <= last < 2**64
        demand(is_row, "a row of its bucket is malformed")
        rows.append((bytes.fromhex(hexed), last))
    path, at = [unbase64(each) for each in answer["path"]], bucket_of(key, depth)
    is_its = all(a < b for (a, _), (b, _) in pairwise(rows)) and len(path) == depth
    is_its = is_its and all(bucket_of(each, depth) == at for each, _ in rows)
    demand(is_its and said.get("names") == names, "its bucket is of another place or close")
    node = bucket_hash(rows)
    for sibling in path:
        node = hashed(b"\x01", sibling, node) if at % 2 else hashed(b"\x01", node, sibling)
        at //= 2
    demand(node.hex() == said.get("root"), "its bucket is not what the close commits")
    return dict(rows).get(key, 0)


def check_run(asked: Object, run: list[Object], close: Object, last: int) -> None:
    noun, name, whose = ("subject", "pid", asked["party"])
    if asked["owner"]:
        noun, name, whose = ("owner", "person", asked["owner"])
    skew, numbers = close.get("change", {}).get("skew"), list[int]()
    demand(typed(skew, int) and skew >= 0, "its close says no skew")
    for entry in run:
        of = entry["subject"] if noun == "subject" in entry else entry
        number: int = of.get("sseq" if noun == "subject" else "oseq", 0)
        is_theirs = entry.get(noun, {}).get(name) == whose and number
        demand(is_theirs and entry["seq"] < close["seq"], f"entry {entry['seq']} is none of them")
        demand(not numbers or number == numbers[-1] + 1, f"one before {entry['seq']} is left out")
        numbers.append(number)
    if not run:
        demand(last == 0, f"all {last} of them are left out")
        return
    is_first = numbers[0] == 1 or run[0]["ts"] + skew < asked["since"]
    demand(is_first, f"number {numbers[0] - 1} of them is left out, which may be asked for")
    is_last = numbers[-1] == last or run[-1]["ts"] - skew >= asked["until"]
    demand(numbers[-1] <= last and is_last, f"they end at {numbers[-1]}, and {last} were counted")


# ------------------------------------------------------------------------------- bundles


def keys_of(bundle: Bundle, known: list[Key]) -> tuple[KeysAt, list[Head]]:
    """Who signs at which size, by the handings-over that lie in the bundle; and their heads."""
    handed, heads = list[tuple[int, Key, Key]](), list[Head]()
    for size in sorted(
        {int(re.split("[/.]", n)[1]) for n in bundle.names if n[:10] == "rotations/"}
    ):
        name = f"rotations/{size}"
        data, proof = bundle.read(f"{name}.json"), bundle.read(f"{name}.tlog-proof")
        try:
            entry = json.loads(neighbour.match_entry(data).string)
            index, hashes, note = neighbour.read_proof(proof.decode())
            said, is_its = entry.get("change", {}), (entry["kind"], entry["seq"], index)
            demand(is_its == ("key.rotated", size - 1, size - 1), "it is of another place")
            demand(said.get("key") == "signer", "it hands over another key")
            old, new = (neighbour.verifier_key(str(said.get(each))) for each in ("old", "new"))
            for key in (old, new):
                head = neighbour.read_head(note, [key])
                demand(head.size == size, "its checkpoint is of another size")
                neighbour.prove(hashed(b"\x00", data), index, hashes, head)
            demand(not handed or same(handed[-1][2], old), "it does not go on from the one before")
            demand(bundle.read(name) in (b"", note.encode()), "the head beside it is another one")
        except ValueError as error:
            raise Wrong(str(error), 0, f"{name}.tlog-proof") from None
        handed.append((size, old, new))
        heads.append(head)
    is_ours = any(same(key, each) for key in known for _, *pair in handed for each in pair)

    def at(size: int) -> list[Key]:
        turns = [old for until, old, _ in handed if size <= until]
        return ([*turns, handed[-1][2]][:1]) if is_ours else known

    return at, heads if is_ours else []


def same(one: Key, other: Key) -> bool:
    return (one.name, one.id, raw(one)) == (other.name, other.id, raw(other))


def policy_set_digest(data: bytes) -> str:
    said = JSON.decode(data.decode())
    files = said["files"]
    parts = [said["schema"], *(part for pair in sorted(files.items()) for part in pair)]
    texts = [part.encode("utf-8", "surrogatepass") for part in parts]
    measured = b"".join(b"%d\n%s" % (len(text), text) for text in texts)
    return hashed(b"answerable-policy-set/1\n", measured).hex()


def expand(key: bytes, info: str) -> bytes:
    demand(len(key) == 32, "a key has 32 bytes")
    return hmac.digest(key, info.encode() + b"\x01", "sha256")


def check_body(data: bytes, entry: Object) -> tuple[bool, bool]:
    """Whether the key is bound to the entry, and whether the words are."""
    said, sealed = in_one_form(data, "body"), entry.get("body", {})
    fields = {"alg", "ciphertext", "id", "index", "kid"}
    narrow = fields | {"content_key"}
    is_form = set(said) in (fields | {"key"}, narrow, narrow | {"commit_key"})
    is_form = is_form and all(typed(said[n], int if n == "index" else str) for n in said)
    demand(is_form and list(said) == sorted(said), "it has other fields than a body")
    is_its = (said["index"], said["id"]) == (entry["seq"], entry["id"])
    demand(is_its, "it is of another entry")
    is_its = (said["alg"], said["kid"]) == (sealed.get("alg"), sealed.get("kid"))
    demand(is_its, "it is under another key than its entry names")
    box = unbase64(said["ciphertext"])
    demand(sha256(box).hexdigest() == sealed["sha256"], "it is not the ciphertext of its entry")
    commit_key = b""
    if "key" in said:
        whole = unbase64(said["key"])
        kid = urlsafe_b64encode(expand(whole, "answerable/kid")[:24]).decode()
        demand(kid == said["kid"], "its key is not the one that its entry names")
        content_key = expand(whole, f"answerable/body/{said['id']}")
        commit_key = expand(whole, "answerable/commit")
    else:
        content_key = unbase64(said["content_key"])
        commit_key = unbase64(said["commit_key"]) if "commit_key" in said else b""
        demand(len(content_key) == 32 and len(commit_key) in (0, 32), "a key has 32 bytes")
        demand(not commit_key or entry["kind"] == "decided", "its entry commits to nothing")
    try:
        words = AESGCM(content_key).decrypt(box[:12], box[12:], said["id"].encode())
    except (InvalidTag, ValueError):
        raise Wrong("its key does not open it") from None
    if commit_key and entry["kind"] == "decided":
        check_words(words.decode(), entry, commit_key)
    return "key" in said, bool(commit_key) and {"action", "policy"} <= entry.keys()


def check_words(words: str, entry: Object, key: bytes) -> None:
    """What was decided, by the commitments in the entry itself."""

    def commit(name: str, text: str) -> str:
        label = name.encode()
        return hmac.digest(
            key, len(label).to_bytes(4, "big") + label + text.encode(), "sha256"
        ).hex()

    parts, at = dict[str, str](), 0
    for name, before in (("action", '{"action":'), ("request", ',"request":')):
        demand(words.startswith(before, at), "it does not read as a decision")
        _, end = JSON.raw_decode(words, at + len(before))
        parts[name], at = words[at + len(before) : end], end
    demand(words[at:] == "}", "it goes on where a decision ends")
    if "action" in entry:
        is_its = entry["action"]["commit"] == commit("action", parts["action"])
        demand(is_its, "its action is not the one that its entry commits to")
    if "policy" in entry:
        asked = parts["action" if parts["request"] == "null" else "request"]
        is_its = entry["policy"][-1]["context"] == commit("request", asked)
        demand(is_its, "its request is not the one that its entry commits to")


def check_bodies(bundle: Bundle, answer: Object, entry_at: Callable[[int], Object]) -> Object:
    told, bound, committed = answer.get("bodies"), 0, 0
    if told is None:
        return Object()
    asked, read = answer["asked"], told["read"]
    try:
        entry = entry_at(read)
    except (ValueError, LookupError) as error:
        raise Wrong(f"the entry of who read: {error}", 0, "answer.json") from None
    words = " ".join(str(asked[n]) for n in ("kind", "of", "since", "until") if n in asked)
    said = entry.get("change", {})
    is_theirs = (entry["kind"], entry.get("actor")) == ("access.read", told["by"])
    is_theirs = is_theirs and said.get("asked") == words
    demand(is_theirs, "it does not say that they were given to read", read)
    count = said.get("bodies", 0)
    demand(typed(count, int) and count >= len(told["given"]), "it says that fewer were given", read)
    for index in told["given"]:
        name = f"bodies/{index}.json"
        try:
            by_key, by_entry = check_body(bundle.read(name), entry_at(index))
        except (ValueError, LookupError, RecursionError) as error:
            raise Wrong(str(error), 0, name) from None
        bound, committed = bound + by_key, committed + by_entry
    return {"bodies": len(told["given"]), "bound_by_key": bound, "committed": committed}


def named_by(bundle: Bundle, answer: Object, size: int) -> tuple[set[str], dict[str, str]]:
    """Policy sets, and releases with the digest that an entry says, or none."""
    if answer["asked"]["kind"] == "everything":  # each act there is under what its release names
        widths = (min(256, size - at) for at in range(0, size, 256))
        whole = (neighbour.read_entries(bundle, n, width)[0] for n, width in enumerate(widths))
        lying = [data for part in whole for data in part if b'"kind":"release.' in data]
    else:
        lying = [bundle.read(f"entries/{index}.json") for index in answer["entries"]]
    sets, releases = set[str](), dict[str, str]()
    for entry in map(json.loads, lying):
        sets |= {use["set"] for use in entry.get("policy", ())} - {"answerable"}
        if "agent" in entry:
            releases.setdefault(entry["agent"]["release"], "")
        if entry["kind"] in ("release.registered", "release.staged"):
            said = entry.get("change", {})
            sets.add(str(said.get("policy", "")))
            releases[str(said.get("release", ""))] = str(said.get("digest", ""))
    return sets, releases


def check_beside(bundle: Bundle, answer: Object, keys_at: KeysAt, size: int) -> Object:
    """What lies beside entries that were verified."""
    sets, releases = named_by(bundle, answer, size)
    for name in bundle.names:
        kind, _, digest = name.removesuffix(".json").partition("/")
        if kind in ("policies", "releases"):
            is_named = releases.get(f"rel_{digest[:24]}") in ("", digest)
            is_named = digest in sets if kind == "policies" else is_named
            demand(is_named, "none of its entries names it", 0, name)
            try:
                data = bundle.read(name)
                found = sha256(data).hexdigest()
                found = policy_set_digest(data) if kind == "policies" else found
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
                raise Wrong(f"it is no policy set: {error}", 0, name) from None
            demand(found == digest, "it is not what its digest is of", 0, name)

    def entry_at(index: int) -> Object:
        is_all = answer["asked"]["kind"] == "everything"
        demand(0 <= index < size, f"there is no entry {index}")
        data = neighbour.entry_at(bundle, index, size) if is_all else b""
        found = json.loads(data or bundle.read(f"entries/{index}.json") or b"null")
        demand(found, f"entry {index} is not in the bundle")
        entry: Object = found
        return entry

    report = check_bodies(bundle, answer, entry_at)
    if COMPLETE not in bundle.names:
        return report | {"complete": answer["asked"]["kind"] == "everything"}
    try:
        complete = check_complete(bundle.read(COMPLETE), keys_at)
        demand(complete.question == question_of(answer["asked"]), "it answers another question")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Wrong(str(error), 0, COMPLETE) from None
    left_out = sorted(set(complete.entries) - set(answer["entries"]))
    demand(not left_out, "it is left out of the answer", min(left_out, default=0))
    return report | {"complete": True, "close": complete.close}


def question_of(asked: Object) -> Object | None:
    if asked["kind"] not in ("party", "owner"):
        return None
    named = {"party": "", "owner": "", asked["kind"]: asked["of"]}
    return named | {"since": asked.get("since", 0), "until": asked.get("until", EXACT_MAX)}


# ------------------------------------------------------------------------------- the command


def read_log(folder: Folder, head: Head, earlier: list[Head], cosigned: Cosigned | None) -> Object:
    log = Log(folder, head, [*earlier, *(cosigned.heads if cosigned else ())])
    log.times = cosigned.times if cosigned else None
    log.read()
    for wrong in (cosigned.wrong if cosigned else None, log.outside):
        if wrong:
            raise wrong
    witnessed = {"witnessed": cosigned.witnessed} if cosigned else {}
    return {"closes": log.closes} | witnessed


def run_folder(path: Path, arguments: argparse.Namespace) -> Object:
    folder, policy = Folder(path), arguments.quorum
    chain = neighbour.follow(folder, policy.logs if policy and policy.logs else arguments.vkey)
    head = chain.read(folder.read("checkpoint").decode())
    earlier = [chain.read(each.read_bytes().decode()) for each in arguments.earlier]
    cosigned = Cosigned(path, chain.at, policy) if policy else None
    found = read_log(folder, head, [*earlier, *chain.handed], cosigned)
    report = {"entries": head.size, "root": head.root.hex(), "checkpoints": len(earlier)}
    return report | found | {"not_checked": ["time stamps"] if policy else ["cosigned/"]}


def run_bundle(path: Path, arguments: argparse.Namespace) -> Object:
    bundle = Bundle(path)
    for name in bundle.names:
        demand(PLACES.fullmatch(name), "it has no place in a bundle", 0, name)
    keys_at, handed = keys_of(bundle, arguments.vkey)
    text = bundle.read("checkpoint").decode()
    head = neighbour.read_head(text, keys_at(neighbour.size_of(text)))
    answer = neighbour.verify_bundle(bundle, head, keys_at(head.size + 1))
    is_all = answer["asked"]["kind"] == "everything"
    demand(
        is_all or not arguments.earlier, "earlier checkpoints are compared with all entries only"
    )
    texts = [each.read_bytes().decode() for each in arguments.earlier]
    earlier = [neighbour.read_head(each, keys_at(neighbour.size_of(each))) for each in texts]
    beside = {re.sub("/.*", "/", name) for name in bundle.names if name.startswith(COMPARED)}
    report = {"entries": head.size, "root": head.root.hex(), "checkpoints": len(earlier)}
    report |= {"asked": answer["asked"], "not_checked": sorted(beside)}
    if is_all:
        report |= read_log(bundle, head, [*earlier, *handed], None)
    else:
        report |= {"answered": len(answer["entries"])}
    return report | check_beside(bundle, answer, keys_at, head.size)


def run(arguments: argparse.Namespace) -> Object:
    """What was verified; raises Wrong, ValueError for what is malformed, OSError."""
    path: Path = arguments.path
    if path.is_dir():
        return Object(ok=True) | run_folder(path, arguments)
    if arguments.quorum:
        raise NotHere("--quorum is of a folder, which has `cosigned`")
    with path.open("rb") as file:
        is_zip = file.read(1) != b"{"
    if is_zip:
        return Object(ok=True) | run_bundle(path, arguments)
    if arguments.earlier:
        raise NotHere("--earlier is of all entries, and an answer has some of them")
    try:
        complete = check_complete(path.read_bytes(), lambda _: arguments.vkey)
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Wrong(f"it is no complete answer: {error}") from None
    return {"ok": True, "question": complete.question, "close": complete.close,
            "entries": complete.entries, "not_checked": ["what the close commits"]}  # fmt: skip


def policy_file(path: str) -> Policy:
    return Policy(Path(path).read_bytes().decode())


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Verify answers of an Answerable ledger.")
    parser.add_argument("path", type=Path, help="published log, bundle, or complete answer")
    parser.add_argument("--vkey", action="append", default=[], type=neighbour.given_key)
    parser.add_argument("--earlier", action="append", default=[], type=Path, metavar="CHECKPOINT")
    parser.add_argument("--quorum", type=policy_file, metavar="POLICY", help="whose word is enough")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    arguments = parser.parse_args(argv)
    if not arguments.vkey and not (arguments.quorum and arguments.quorum.logs):
        parser.error("give the log's key: --vkey KEY")
    try:
        report = run(arguments)
    except FileNotFoundError as error:
        parser.error(f"there is no '{error.filename}'")
    except NotHere as error:
        parser.error(str(error))
    except (OSError, ValueError, RecursionError) as error:
        member, index = getattr(error, "member", ""), getattr(error, "index", None)
        where = {"first_bad_member": member} if member else {"first_bad_index": index}
        report = {"ok": False, **where, "problem": str(error)}
    rows = "\n".join(f"{name}: {value}" for name, value in report.items())
    print(json.dumps(report) if arguments.json else rows)
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
