"""The Merkle tree of RFC 6962 section 2: SHA-256, 0x00 before a leaf, 0x01 before a node.

The two prefixes keep a node from ever being taken for a leaf. Proofs are made from perfect
subtrees (`get_node`), because those never change once they are full: they can be kept as tiles.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from answerable.base.errors import AnswerableError

HASH_BYTES = 32
_NODE = sha256(b"\x01")  # what the hash of a node begins with
EMPTY_ROOT = sha256(b"").digest()

GetNode = Callable[[int, int], bytes]
"""(level, index) to the hash of the perfect subtree of 2**level leaves from index * 2**level."""


class ProofError(AnswerableError):
    """A proof does not show what it claims."""

    code = "proof_wrong"
    http_status = 422


def leaf_hash(data: bytes) -> bytes:
    """The hash of an entry."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees beside each other."""
    return sha256(b"\x01" + left + right).digest()


class CompactRange:
    """A tree reduced to what it takes to go on: its perfect subtrees, largest and left first.

    At most 64 hashes whatever the size; appending costs one node hash on average.
    """

    __slots__ = ("_hashes", "_size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if len(hashes) != size.bit_count() or any(len(h) != HASH_BYTES for h in hashes):
            raise ProofError(f"{len(hashes)} hashes are not the compact range of {size} leaves.")
        self._size = size
        self._hashes = list(hashes)

    @property
    def size(self) -> int:
        return self._size

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The perfect subtrees, left first: one for each bit that is set in `size`."""
        return tuple(self._hashes)

    def copy(self) -> Self:
        """The same tree, to append to without touching this one."""
        return type(self)(self._size, self._hashes)

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash at the right."""
        hashes, rest = self._hashes, self._size
        while rest & 1:
            leaf = node_hash(hashes.pop(), leaf)
            rest >>= 1
        hashes.append(leaf)
        self._size += 1

    def append_perfect(self, level: int, node: bytes) -> None:
        """Add a perfect subtree of 2**level leaves; the size must be a multiple of that."""
        if self._size % (1 << level):
            raise ProofError(f"A tree of {self._size} has no room for a subtree of {1 << level}.")
        hashes, rest = self._hashes, self._size >> level
        while rest & 1:
            node = node_hash(hashes.pop(), node)
            rest >>= 1
        hashes.append(node)
        self._size += 1 << level

    def root(self) -> bytes:
        """The tree's root hash; SHA-256 of nothing where it is empty."""
        if not self._hashes:
            return EMPTY_ROOT
        return _fold(self._hashes)


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root of the tree over these leaves."""
    tree = CompactRange()
    for leaf in leaf_hashes:
        tree.append(leaf)
    return tree.root()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes whose number is a power of two."""
    while len(hashes) > 1:
        hashes = paired(hashes)
    return hashes[0]


def paired(hashes: Sequence[bytes]) -> list[bytes]:
    """The nodes above these; the last one has none where it is alone."""
    one_by_one, nodes = iter(hashes), list[bytes]()
    for left, right in zip(one_by_one, one_by_one, strict=False):
        node = _NODE.copy()  # a sixth faster than one that is begun anew
        node.update(left + right)
        nodes.append(node.digest())
    return nodes


def inclusion_proof(index: int, size: int, get_node: GetNode) -> list[bytes]:
    """PATH(index, D[0:size]) of RFC 6962 section 2.1.1, from the leaf's sibling upwards."""
    if not 0 <= index < size:
        raise ProofError(f"There is no leaf {index} in a tree of {size}.")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_hash(middle, end, get_node))
            end = middle
        else:
            path.append(range_hash(start, middle, get_node))
            start = middle
    path.reverse()
    return path


def consistency_proof(size1: int, size2: int, get_node: GetNode) -> list[bytes]:
    """PROOF(size1, D[0:size2]) of RFC 6962 section 2.1.2; empty where the sizes are equal."""
    if not 0 < size1 <= size2:
        raise ProofError(f"There is no proof from a tree of {size1} to one of {size2}.")
    path: list[bytes] = []
    start, end, is_whole = 0, size2, True
    while end != size1:
        middle = start + _split(end - start)
        if size1 <= middle:
            path.append(range_hash(middle, end, get_node))
            end = middle
        else:
            path.append(range_hash(start, middle, get_node))
            start, is_whole = middle, False
    if not is_whole:  # the verifier knows the whole old tree: its root
        path.append(range_hash(start, end, get_node))
    path.reverse()
    return path


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Raises ProofError unless `leaf` is at `index` under `root`."""
    _check_lengths(root)
    if root_of_inclusion(leaf, index, size, proof) != root:
        raise ProofError(f"The proof does not lead from leaf {index} to the root.")


def root_of_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """RFC 9162 section 2.1.3.2: where the proof leads from `leaf` at `index`; ProofError."""
    if not 0 <= index < size:
        raise ProofError(f"There is no leaf {index} in a tree of {size}.")
    _check_lengths(leaf, *proof)
    at, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError(f"The inclusion proof of leaf {index} is too long.")
        if at & 1 or at == last:
            computed = node_hash(sibling, computed)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            computed = node_hash(computed, sibling)
        at >>= 1
        last >>= 1
    if last != 0:
        raise ProofError(f"The inclusion proof of leaf {index} is too short.")
    return computed


def verify_consistency(
    size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes
) -> None:
    """RFC 9162 section 2.1.4.2; raises ProofError unless the older tree is the younger's start.

    From an empty tree there is nothing to prove, so `size1 == 0` is an error, not a yes.
    """
    if not 0 < size1 <= size2:
        raise ProofError(f"There is no proof from a tree of {size1} to one of {size2}.")
    verify_subtree_consistency(Span(0, size1), size2, proof, root1, root2)


@dataclass(frozen=True, slots=True)
class Span:
    """The leaves `start` up to `end`, `end` not among them."""

    start: int
    end: int

    def check(self) -> None:
        """A subtree starts where one of its size is aligned (draft-ietf-plants-merkle-tree-certs
        section 4.1); raises ProofError where this one does not."""
        width = self.end - self.start
        if self.start < 0 or width < 0 or self.start % (1 << max(width - 1, 0).bit_length()):
            raise ProofError(f"There is no subtree from {self.start} to {self.end}.")


def verify_subtree_inclusion(
    leaf: bytes, index: int, span: Span, proof: Sequence[bytes], root: bytes
) -> None:
    """Raises ProofError unless `leaf` is at `index` of the log, in the subtree under `root`."""
    span.check()
    verify_inclusion(leaf, index - span.start, span.end - span.start, proof, root)


def verify_subtree_consistency(
    span: Span, size: int, proof: Sequence[bytes], subtree: bytes, root: bytes
) -> None:
    """Raises ProofError unless the tree of `size` leaves under `root` has that `subtree`.

    Section 4.4.3 of draft-ietf-plants-merkle-tree-certs; with a start of 0 that is RFC 9162
    section 2.1.4.2. An empty subtree is in every tree, whatever its root: its hash is SHA-256 of
    nothing, and its proof is empty.
    """
    span.check()
    if span.end > size:
        raise ProofError(f"There is no leaf {span.end - 1} in a tree of {size}.")
    if span.start == span.end:
        if proof or subtree != EMPTY_ROOT:
            raise ProofError("The proof of an empty subtree has no hashes.")
        return
    if span == Span(0, size):
        if proof or subtree != root:
            raise ProofError(f"Two trees of {size} leaves have different roots.")
        return
    _check_lengths(subtree, root, *proof)
    if _walk_consistency(span, size, proof, subtree) != (subtree, root):
        what = f"the start of the tree of {size}"
        if span.start:
            what = f"in the tree of {size} at {span.start}"
        raise ProofError(f"The tree of {span.end - span.start} is not {what}.")


def _walk_consistency(
    span: Span, size: int, proof: Sequence[bytes], subtree: bytes
) -> tuple[bytes, bytes]:
    """The hash of the subtree and the root, as the proof has them."""
    first, at, last = span.start, span.end - 1, size - 1
    while first != at and (at & 1 or at == last):
        first, at, last = first >> 1, at >> 1, last >> 1
    hashes = list(proof)
    if first == at:  # the subtree is one node of the tree
        hashes.insert(0, subtree)
    if not hashes:
        raise ProofError("The consistency proof is empty.")
    older = younger = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise ProofError("The consistency proof is too long.")
        if at & 1 or at == last:
            if first < at:
                older = node_hash(sibling, older)
            younger = node_hash(sibling, younger)
            while not at & 1 and at:
                first, at, last = first >> 1, at >> 1, last >> 1
        else:
            younger = node_hash(younger, sibling)
        first, at, last = first >> 1, at >> 1, last >> 1
    if last != 0:
        raise ProofError("The consistency proof is too short.")
    return older, younger


def _check_lengths(*hashes: bytes) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ProofError(f"A hash of the proof is not {HASH_BYTES} bytes long.")


def _split(width: int) -> int:
    """The largest power of two below `width`."""
    return 1 << (width - 1).bit_length() - 1


def range_hash(start: int, end: int, get_node: GetNode) -> bytes:
    """MTH(D[start:end]) where `start` is aligned as RFC 6962 splits: from its perfect subtrees."""
    hashes: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        hashes.append(get_node(level, start >> level))
        start += 1 << level
    return _fold(hashes)


def _fold(hashes: Sequence[bytes]) -> bytes:
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root
