"""Whose word on an Answerable ledger is enough, without Answerable: docs/witnesses.md, its rules.

Read by answerable_answers.py, for its `--quorum POLICY`. A policy is a file of who verifies; two
keys of one organisation count once; the times of entries lie between those of cosigned checkpoints.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import answerable_verify as neighbour
from answerable_verify import Head, Key, Wrong, demand, hashed, unbase64
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

APART_US = 300 * 10**6
KeysAt = Callable[[int], list[Key]]


class NotHere(Exception):
    """What this call asks for cannot be checked here: nothing was said about it."""


def raw(key: Key) -> bytes:
    return key.public.public_bytes_raw()


class Witness(NamedTuple):
    name: str
    type: int
    public: bytes

    @property
    def id(self) -> bytes:
        return hashed(self.name.encode(), b"\n", bytes([self.type]), self.public)[:4]


class Policy:
    """Whose word is enough: docs/witnesses.md, rules 2 and 3."""

    def __init__(self, text: str) -> None:
        self.logs, self.quorum = list[Key](), ""
        self.witnesses, self.groups = dict[str, Witness](), dict[str, tuple[int, list[str]]]()
        is_text = not any((c < " " and c not in "\t\n") or c == "\x7f" for c in text)
        demand(is_text and text.count("\n") < 1000, "a control character, or too many lines")
        for line in text.split("\n"):
            words = line.replace("\t", " ").split(" ")
            words = [word for word in words if word]
            if words and not words[0].startswith("#"):
                self._take(*words)
        demand(self.quorum, "it has no line `quorum`")
        where = dict[str, str]()
        for name, (_, members) in self.groups.items():
            for house in {self.unit(each)[1] for each in members if each in self.witnesses}:
                demand(where.setdefault(house, name) == name, f"'{house}' is in two groups")

    def _take(self, word: str, *rest: str) -> None:
        names = {"none", *self.witnesses, *self.groups}
        if word == "log" and len(rest) in (1, 2):
            self.logs.append(key := neighbour.verifier_key(rest[0]))
            demand(len({raw(each) for each in self.logs}) == len(self.logs), f"{key.name} twice")
        elif word == "witness" and len(rest) in (2, 3):
            demand(rest[0] not in names, f"the name '{rest[0]}' is taken")
            self.witnesses[rest[0]] = witness_key(rest[1])
            publics = {each.public for each in self.witnesses.values()}
            demand(len(publics) == len(self.witnesses), "a key is there twice")
        elif word == "group" and len(rest) > 2:
            self._group(rest[0], rest[1], list(rest[2:]))
            demand(rest[0] not in names, f"the name '{rest[0]}' is taken")
        else:
            is_quorum = word == "quorum" and len(rest) == 1 and not self.quorum
            demand(is_quorum and rest[0] in names, f"a line '{word}' of this form has no meaning")
            self.quorum = rest[0]

    def _group(self, name: str, count: str, members: list[str]) -> None:
        used = [each for _, group in self.groups.values() for each in group]
        for each in members:
            demand(each in self.witnesses or each in self.groups, f"'{each}' is not known")
        demand(len({*used, *members}) == len(used) + len(members), "a member is in it already")
        k = {"all": 0, "any": 1}.get(count, -1)
        if k < 0:
            demand(re.fullmatch("[1-9][0-9]{0,4}", count), f"'{count}' is no number")
            k = int(count)
            demand(k <= len({self.unit(each) for each in members}), f"{k} are not there")
        self.groups[name] = (k, members)

    def unit(self, name: str) -> tuple[str, str]:
        if name not in self.witnesses:
            return "group", name
        of = self.witnesses[name].name
        return "house", of if of.startswith("oid/") else of.partition("/")[0]

    def is_met(self, by: Collection[str], name: str = "") -> bool:
        name = name or self.quorum
        if name not in self.groups:
            return name == "none" or name in by
        k, members = self.groups[name]
        met = [each for each in members if self.is_met(by, each)]
        return len({self.unit(each) for each in met}) >= k if k else len(met) == len(members)

    def first_enough(self, words: Sequence[tuple[int, str]]) -> int:
        """The time of the word that completes a quorum; 0 where that needs no word."""
        for at in range(1, len(words) + 1):
            if self.is_met([name for _, name in words[:at]]):
                return 0 if self.quorum == "none" else words[at - 1][0]
        return 0


def witness_key(vkey: str) -> Witness:
    name, key_id, encoded = vkey.strip().split("+", 2)
    data = unbase64(encoded)
    is_key = (data[:1], len(data)) in ((b"\x04", 33), (b"\x06", 1313))
    demand(is_key and name.split() == [name], "it is no key of a witness")
    demand((key := Witness(name, data[0], data[1:])).id.hex() == key_id, "its id is not its hash")
    return key


def is_signed(key: Witness, message: bytes, signature: bytes) -> bool:
    try:
        if key.type == 4:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
            return True
        from cryptography.hazmat.primitives.asymmetric import mldsa  # noqa: PLC0415 - new in 47

        mldsa.MLDSA44PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (ImportError, UnsupportedAlgorithm):
        raise NotHere("this `cryptography` has no ML-DSA-44: install a newer one") from None
    except (InvalidSignature, ValueError):
        return False
    return True


def words_on(note: str, head: Head, policy: Policy) -> list[tuple[int, str]]:
    """(second, witness) of each cosignature by a known witness; a wrong one is an error."""
    text, _, block = note.rpartition("\n\n")
    known, found = {(w.name, w.id): n for n, w in policy.witnesses.items()}, dict[str, int]()
    for line in block[:-1].split("\n"):
        _, name, encoded = line.split(" ")
        data = unbase64(encoded)
        if (who := known.get((name, data[:4]))) is None:
            continue
        key, at = policy.witnesses[who], int.from_bytes(data[4:12], "big")
        message = f"cosignature/v1\ntime {at}\n{text}\n".encode()
        if key.type == 6:
            origin = text.partition("\n")[0].encode()
            of = bytes([len(name.encode())]) + name.encode() + data[4:12] + bytes([len(origin)])
            numbers = bytes(8) + head.size.to_bytes(8, "big") + head.root
            message = b"subtree/v1\n\0" + of + origin + numbers
        is_its = at < 2**63 and is_signed(key, message, data[12:])
        demand(is_its, f"the cosignature of '{name}' is not over this checkpoint")
        found[who] = at
    return [(at, who) for who, at in found.items()]


class Times:
    """Rule 7: between which times an entry was written."""

    def __init__(self, dated: list[tuple[int, int, int]]) -> None:
        """(size, since, until), in the order of sizes."""
        self.sizes = [size for size, _, _ in dated]
        self.since = list(accumulate((since for _, since, _ in dated), max))
        self.until = list(accumulate((until for _, _, until in reversed(dated)), min))[::-1]

    def fit(self, index: int, ts: int) -> bool:
        at = bisect_right(self.sizes, index)
        is_after = at == 0 or ts >= self.since[at - 1] * 10**6 - APART_US
        return is_after and (at == len(self.sizes) or ts <= self.until[at] * 10**6 + APART_US)


class Cosigned:
    """What lies in `cosigned/`, by the policy: the first that is wrong is kept for later."""

    def __init__(self, path: Path, keys_at: KeysAt, policy: Policy) -> None:
        self.heads, self.witnessed, self.wrong = list[Head](), 0, None
        dated, is_met = list[tuple[int, int, int]](), False
        files = [each for each in path.glob("cosigned/*") if re.fullmatch("[0-9]+", each.name)]
        for each in sorted(files, key=lambda file: int(file.name)):
            size = int(each.name)
            try:
                note = each.read_bytes().decode()
                head = neighbour.read_head(note, keys_at(int(note.split("\n")[1])))
                words = sorted(words_on(note, head, policy))
                demand(head.size == size, f"it is of {head.size} entries")
            except (ValueError, IndexError, OSError) as error:
                self.wrong = Wrong(f"cosigned/{each.name}: {error}", max(0, size - 1))
                break
            self.heads.append(head)
            if policy.is_met([who for _, who in words]):
                is_met, self.witnessed = True, size
                until, since = policy.first_enough(words), policy.first_enough(words[::-1])
                dated += [(size, since, until)] if until else []
        self.times = Times(dated)
        if not self.wrong and policy.witnesses and not is_met:
            self.wrong = Wrong("no checkpoint over it was cosigned by the quorum")
