"""All counters of a log as one hash: what a `day.closed` commits, and a proof of one of them.

A name is `s/<party>` or `o/<person>`, its key SHA-256 of that. Keys lie in 2**depth buckets by
their first bits; depth is the smallest with at most 32 names to a bucket. A bucket is the hash of
its keys in order, each with its counter in 8 bytes; above the buckets lies a full binary tree, RFC
6962's hash of two nodes. A bucket shows what a name has counted, and also that it has counted
nothing: the key is not there, and could lie nowhere else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

from answerable.ledger.tree import node_hash

NAMES_IN_A_BUCKET = 32
_DEPTH_MAX = 40  # no ledger has more names; a proof that says so is none

Rows = Sequence[tuple[bytes, int]]
"""Keys and their counters, ascending by key."""


def party_name(party: str) -> str:
    return f"s/{party}"


def person_name(person: str) -> str:
    return f"o/{person}"


def key_of(name: str) -> bytes:
    return sha256(name.encode()).digest()


def depth_of(names: int) -> int:
    """How many bits of a key choose its bucket."""
    return (max(0, names - 1) // NAMES_IN_A_BUCKET).bit_length()


def bucket_of(key: bytes, depth: int) -> int:
    return int.from_bytes(key, "big") >> (8 * len(key) - depth)


def bucket_hash(rows: Rows) -> bytes:
    return sha256(b"\x00" + b"".join(key + last.to_bytes(8, "big") for key, last in rows)).digest()


@dataclass(frozen=True, slots=True)
class Counted:
    """The bucket that a name's counter is in, or would be in, and the way from it to the root."""

    names: int  # in the whole log
    rows: Rows
    path: Sequence[bytes]  # from the bucket's sibling up

    def last(self, name: str, root: bytes) -> int | None:
        """What `name` has counted, 0 if nothing; None where this does not lead to `root`."""
        key, depth = key_of(name), depth_of(self.names)
        keys = [key for key, _ in self.rows]
        is_in_order = all(a < b for a, b in pairwise(keys))
        at = bucket_of(key, depth)
        is_of_it = all(len(k) == len(key) and bucket_of(k, depth) == at for k in keys)
        if not (is_in_order and is_of_it and len(self.path) == depth <= _DEPTH_MAX):
            return None
        node = bucket_hash(self.rows)
        for sibling in self.path:
            node = node_hash(sibling, node) if at & 1 else node_hash(node, sibling)
            at >>= 1
        return dict(self.rows).get(key, 0) if node == root else None


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of the map when counters move: rows of buckets, nodes of (level, number)."""

    names: int
    depth: int
    is_regrouped: bool  # every bucket and node is in here
    rows: Mapping[bytes, int]
    nodes: Mapping[tuple[int, int], bytes]  # level 0 is the root, level `depth` the buckets

    @property
    def root(self) -> bytes:
        return self.nodes[0, 0]


def grouped(rows: Iterable[tuple[bytes, int]], depth: int) -> dict[int, list[tuple[bytes, int]]]:
    """By bucket, in order."""
    found: dict[int, list[tuple[bytes, int]]] = {}
    for key, last in sorted(rows):
        found.setdefault(bucket_of(key, depth), []).append((key, last))
    return found
