"""The tree is RFC 6962's: outside vectors, and a naive implementation of the RFC's own words."""

import base64
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.ledger.tree import (
    EMPTY_ROOT,
    CompactRange,
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from vectors import vectors

SIZES = st.integers(min_value=1, max_value=130)


def leaves_of(size: int) -> list[bytes]:
    return [leaf_hash(f"entry {index}".encode()) for index in range(size)]


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH, as RFC 6962 section 2.1 says it."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


class Nodes:
    """Perfect subtrees of some leaves; asking for one that is not full is a mistake."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._leaves = leaves

    def __call__(self, level: int, index: int) -> bytes:
        width = 1 << level
        subtree = self._leaves[index * width : (index + 1) * width]
        assert len(subtree) == width
        return naive_root(subtree)


@given(st.integers(min_value=0, max_value=300))
def test_a_compact_range_has_the_root_of_its_leaves(size: int) -> None:
    leaves = leaves_of(size)
    tree = CompactRange()
    for leaf in leaves:
        tree.append(leaf)
    assert tree.size == size
    assert tree.root() == root_of(leaves) == naive_root(leaves)
    assert CompactRange(size, tree.hashes).root() == tree.root()


@given(SIZES, SIZES)
def test_a_tree_goes_on_from_its_compact_range(before: int, more: int) -> None:
    leaves = leaves_of(before + more)
    tree = CompactRange()
    for leaf in leaves[:before]:
        tree.append(leaf)
    again = CompactRange(tree.size, tree.hashes)
    copy = tree.copy()
    for leaf in leaves[before:]:
        again.append(leaf)
        copy.append(leaf)
    assert again.root() == copy.root() == naive_root(leaves)
    assert tree.root() == naive_root(leaves[:before])


def test_hashes_that_do_not_fit_the_size_are_refused() -> None:
    with pytest.raises(ProofError, match="compact range of 3"):
        CompactRange(3, [EMPTY_ROOT])
    with pytest.raises(ProofError):
        CompactRange(1, [b"short"])


@given(SIZES, st.data())
def test_every_leaf_can_be_proven_and_no_other_in_its_place(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    proof = inclusion_proof(index, size, Nodes(leaves))
    root = naive_root(leaves)
    verify_inclusion(leaves[index], index, size, proof, root)
    with pytest.raises(ProofError):
        verify_inclusion(leaf_hash(b"another"), index, size, proof, root)
    with pytest.raises(ProofError):
        verify_inclusion(leaves[index], index, size, [*proof, root], root)
    if size > 1:
        other = (index + 1) % size
        with pytest.raises(ProofError):
            verify_inclusion(leaves[index], other, size, proof, root)


@given(SIZES, st.data())
def test_a_younger_tree_proves_that_it_kept_the_older_one(size2: int, data: st.DataObject) -> None:
    leaves = leaves_of(size2)
    size1 = data.draw(st.integers(min_value=1, max_value=size2))
    proof = consistency_proof(size1, size2, Nodes(leaves))
    root1, root2 = naive_root(leaves[:size1]), naive_root(leaves)
    verify_consistency(size1, size2, proof, root1, root2)
    with pytest.raises(ProofError):
        verify_consistency(size1, size2, proof, leaf_hash(b"another history"), root2)
    with pytest.raises(ProofError):
        verify_consistency(size1, size2, proof, root1, leaf_hash(b"another present"))


def test_there_is_no_proof_of_what_is_not_in_the_tree() -> None:
    nodes = Nodes(leaves_of(4))
    with pytest.raises(ProofError):
        inclusion_proof(4, 4, nodes)
    with pytest.raises(ProofError):
        consistency_proof(5, 4, nodes)
    with pytest.raises(ProofError):
        consistency_proof(0, 4, nodes)


def _decode(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def test_inclusion_agrees_with_the_outside_vectors() -> None:
    files = sorted(vectors("ledger", "merkle", "testdata", "inclusion").rglob("*.json"))
    assert len(files) > 80
    for file in files:
        case = json.loads(file.read_bytes())
        proof = [_decode(h) for h in case["proof"] or []]
        arguments = (case["leafIdx"], case["treeSize"], proof, _decode(case["root"]))
        if case["wantErr"]:
            with pytest.raises(ProofError):
                verify_inclusion(_decode(case["leafHash"]), *arguments)
        else:
            verify_inclusion(_decode(case["leafHash"]), *arguments)


def test_consistency_agrees_with_the_outside_vectors() -> None:
    files = sorted(vectors("ledger", "merkle", "testdata", "consistency").rglob("*.json"))
    assert len(files) > 90
    for file in files:
        case = json.loads(file.read_bytes())
        proof = [_decode(h) for h in case["proof"] or []]
        roots = (_decode(case["root1"]), _decode(case["root2"]))
        if case["wantErr"]:
            with pytest.raises(ProofError):
                verify_consistency(case["size1"], case["size2"], proof, *roots)
        else:
            verify_consistency(case["size1"], case["size2"], proof, *roots)
