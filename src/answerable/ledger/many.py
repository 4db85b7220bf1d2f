"""One proof of many leaves: the hash of each largest subtree (as RFC 6962 splits) that has none of
them, from the left.

Which subtrees lie between two leaves follows from their indexes alone. So prover and verifier go
from gap to gap and neither walks the tree: a quarter of an owner may be a hundred thousand leaves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256

from answerable.ledger.tree import HASH_BYTES, GetNode, ProofError, range_hash

_SIZE_MAX = 2**63


def many_proof(indexes: Sequence[int], size: int, get_node: GetNode) -> list[bytes]:
    """Of the leaves whose ascending indexes are given; raises ProofError."""
    _check(indexes, size)
    path: list[bytes] = []
    at = 0
    for index in indexes:
        while at < index:
            level = _level(at, index) if index - at > 1 else 0
            path.append(get_node(level, at >> level))
            at += 1 << level
        at = index + 1
    for level in _after(at, size):
        if level < 0:
            path.append(range_hash(at, size, get_node))
            break
        path.append(get_node(level, at >> level))
        at += 1 << level
    return path


def many_root(leaves: Mapping[int, bytes], size: int, proof: Sequence[bytes]) -> bytes:
    """The root that leaf hashes by their index and a `many_proof` lead to; raises ProofError."""
    indexes = sorted(leaves)
    _check(indexes, size)
    if any(len(each) != HASH_BYTES for each in proof):
        raise ProofError(f"A hash of the proof is not {HASH_BYTES} bytes long.")
    rest = iter(proof)
    try:
        root = _folded(_laid(indexes, leaves, size, rest))
    except StopIteration:
        raise ProofError("The proof of many leaves is too short.") from None
    if next(rest, None) is not None:
        raise ProofError("The proof of many leaves is too long.")
    return root


def _laid(
    indexes: Sequence[int], leaves: Mapping[int, bytes], size: int, rest: Iterator[bytes]
) -> list[tuple[int, bytes]]:
    """Level and hash of all subtrees that are known, from the left; -1 where one is not perfect."""
    laid: list[tuple[int, bytes]] = []
    at = 0
    for index in indexes:
        while at < index:
            level = _level(at, index)
            laid.append((level, next(rest)))
            at += 1 << level
        laid.append((0, leaves[index]))
        at = index + 1
    laid += [(level, next(rest)) for level in _after(at, size)]
    return laid


def _folded(laid: Iterable[tuple[int, bytes]]) -> bytes:
    """The root over subtrees that lie beside each other, in the order of RFC 6962."""
    size, hashes = 0, list[bytes]()  # as in a CompactRange: perfect ones, largest and left first
    for level, each in laid:
        node = each
        if level >= 0:
            left = size >> level
            while left & 1:
                node = sha256(b"\x01" + hashes.pop() + node).digest()
                left >>= 1
            size += 1 << level
        hashes.append(node)
    root = hashes.pop()
    while hashes:
        root = sha256(b"\x01" + hashes.pop() + root).digest()
    return root


def _level(at: int, end: int) -> int:
    """Of the largest perfect subtree that begins at `at` and ends by `end`."""
    fits = (end - at).bit_length() - 1
    aligned = (at & -at).bit_length() - 1 if at else fits
    return aligned if aligned < fits else fits  # noqa: FURB136 - `min` takes three times as long


def _after(at: int, size: int) -> Iterator[int]:
    """Levels of the subtrees from `at` to the tree's end; -1 where the last is not perfect."""
    while at < size:
        aligned = (at & -at).bit_length() - 1
        if at + (1 << aligned) > size:
            is_perfect = (size - at).bit_count() == 1
            yield (size - at).bit_length() - 1 if is_perfect else -1
            return
        yield aligned
        at += 1 << aligned


def _check(indexes: Sequence[int], size: int) -> None:
    if not indexes or not 0 <= indexes[0] <= indexes[-1] < size <= _SIZE_MAX:
        raise ProofError(f"There are no such leaves in a tree of {size}.")
