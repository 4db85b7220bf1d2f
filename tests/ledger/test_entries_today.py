"""Decision 0009 says which kinds and fields are written today; the code is held to it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from answerable.ledger.domain import KINDS, Entry

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "src" / "answerable"
RECORD = ROOT / "docs" / "decisions" / "0009-entries-as-they-are-written-today.md"
NOT_FILLED = {("Draft", "inputs"), ("Draft", "evidence"), ("Outcome", "commit")}
FORM = HOUSE / "ledger" / "domain.py"
TELLING = HOUSE / "ledger" / "telling.py"


def listed(heading: str) -> set[str]:
    """The kinds in the paragraph of the decision that begins so."""
    text = RECORD.read_text("utf-8")
    paragraph = text[text.index(heading) :].partition("\n\n")[0].partition(".\n")[0]
    return set(re.findall(r"`([a-z.]+)`", paragraph))


def nodes() -> Iterator[ast.AST]:
    """Of all our code, but for the form itself and what tells of any of it."""
    for file in sorted(HOUSE.rglob("*.py")):
        if file not in (FORM, TELLING):
            yield from ast.walk(ast.parse(file.read_text("utf-8")))


def words() -> set[str]:
    return {
        node.value
        for node in nodes()
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_the_kinds_that_are_written_are_those_that_the_decision_lists() -> None:
    written, reserved = listed("Kinds that are written"), listed("Kinds that are reserved")
    spoken = words()
    assert written | reserved == KINDS
    assert written & reserved == set()
    assert written - spoken == set()
    assert reserved & spoken == set()


def test_kinds_of_the_design_that_are_absent_do_not_decode() -> None:
    absent = listed("Kinds of the design that do not decode")
    assert absent == {"signal", "retraining"}
    assert absent & KINDS == set()


def test_fields_that_the_decision_calls_empty_are_filled_by_nobody() -> None:
    filled = {
        (node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id, keyword.arg)
        for node in nodes()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
        for keyword in node.keywords
    }
    assert filled & NOT_FILLED == set()
    text = RECORD.read_text("utf-8")
    for _, field in NOT_FILLED:
        assert re.search(rf"`(\w+\.)?{field}`", text), field
    assert "model" in Entry.__struct_fields__
