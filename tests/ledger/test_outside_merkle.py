"""518 proofs that others wrote, good and bad: our tree and the stranger's say of each what they do.

Of the empty tree the vectors say, and so do we: its root is SHA-256 of nothing; it has no leaf to
prove; from it nothing is proven to be consistent, not even with itself. An empty subtree is in
every tree.
"""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from answerable.ledger.tree import (
    EMPTY_ROOT,
    CompactRange,
    ProofError,
    Span,
    verify_consistency,
    verify_inclusion,
    verify_subtree_consistency,
    verify_subtree_inclusion,
)
from second import second_verifier
from vectors import vectors

Case = dict[str, Any]
COUNTS = {"inclusion": 98, "consistency": 98, "subtreeinclusion": 204, "subtreeconsistency": 118}


def unbase64(text: str) -> bytes:
    return base64.b64decode(text)


def inclusion(case: Case, proof: list[bytes]) -> None:
    root, leaf = unbase64(case["root"]), unbase64(case["leafHash"])
    verify_inclusion(leaf, case["leafIdx"], case["treeSize"], proof, root)


def consistency(case: Case, proof: list[bytes]) -> None:
    roots = (unbase64(case["root1"]), unbase64(case["root2"]))
    verify_consistency(case["size1"], case["size2"], proof, *roots)


def subtreeinclusion(case: Case, proof: list[bytes]) -> None:
    span = Span(case["start"], case["end"])
    root, leaf = unbase64(case["root"]), unbase64(case["leafHash"])
    verify_subtree_inclusion(leaf, case["leafIdx"], span, proof, root)


def subtreeconsistency(case: Case, proof: list[bytes]) -> None:
    span = Span(case["start"], case["end"])
    roots = (unbase64(case["root1"]), unbase64(case["root2"]))
    verify_subtree_consistency(span, case["size"], proof, *roots)


def strangers_inclusion(case: Case, proof: list[bytes]) -> None:
    second = second_verifier()
    leaf, root = unbase64(case["leafHash"]), unbase64(case["root"])
    try:
        second.prove(leaf, case["leafIdx"], proof, second.Head(case["treeSize"], root))
    except second.Wrong as wrong:
        raise ProofError(str(wrong)) from None


def cases_of(kind: str) -> list[Path]:
    return sorted(vectors("ledger", "merkle", "testdata", kind).rglob("*.json"))


def test_there_are_518_of_them() -> None:
    found = vectors("ledger", "merkle").rglob("*.json")
    assert len(list(found)) == sum(COUNTS.values()) == 518


@pytest.mark.parametrize(
    ("kind", "verify"),
    [
        ("inclusion", inclusion),
        ("inclusion", strangers_inclusion),
        ("consistency", consistency),
        ("subtreeinclusion", subtreeinclusion),
        ("subtreeconsistency", subtreeconsistency),
    ],
)
def test_each_proof_is_judged_as_its_author_judged_it(
    kind: str, verify: Callable[[Case, list[bytes]], None]
) -> None:
    wrong, bad = [], 0
    files = cases_of(kind)
    for file in files:
        case = json.loads(file.read_bytes())
        proof = [unbase64(each) for each in case["proof"] or []]
        is_bad = True
        with suppress(ProofError):
            verify(case, proof)
            is_bad = False
        bad += is_bad
        if is_bad != case["wantErr"]:
            wrong.append(f"{file.name}: {case['desc']}")
    assert wrong == []
    assert len(files) == COUNTS[kind]
    assert 0 < bad < len(files)


def test_the_empty_tree_has_the_root_that_the_vectors_give_it() -> None:
    empty = (
        cases_of("subtreeconsistency")[0].parents[1]
        / "additional"
        / ("subtree-is-empty-sizes-are-equal-zero-subtree-root-valid-proof-is-empty.json")
    )
    root = unbase64(json.loads(empty.read_bytes())["root1"])
    second = second_verifier()
    tree = second.Log(second.Folder(Path()), second.Head(0, root), [])
    assert root == EMPTY_ROOT == CompactRange().root() == tree.root()
