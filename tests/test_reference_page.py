"""`docs/reference.md` names all that there is, as it is in the code."""

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator

import pytest

import answerable
from answerable import testing
from answerable.policy import reasons
from answerable.policy.load import load
from answerable.policy.schema import ACTIONS, Vocabulary, base_text
from answerable.policy.statements import ANNOTATIONS
from answerable.sdk.agent import Details
from documents import DOCS, blocks

PAGE = (DOCS / "reference.md").read_text("utf-8")
_ATTRIBUTE = re.compile(r"^  (\w+)(\??): (\w+),", re.MULTILINE)
Function = Callable[..., object]


def section(heading: str) -> str:
    """What stands under a heading, up to the next one of any depth."""
    found = re.search(
        rf"^#+ {re.escape(heading)}$\n(.*?)(?=^#+ |\Z)", PAGE, re.MULTILINE | re.DOTALL
    )
    assert found, f"the page has no heading {heading!r}"
    return found.group(1)


def listed(heading: str) -> list[str]:
    return re.findall(r"^- `([^`]+)`", section(heading), re.MULTILINE)


def rows(heading: str) -> list[list[str]]:
    lines = re.findall(r"^\| (`.*) \|$", section(heading), re.MULTILINE)
    return [[cell.strip("`") for cell in line.split(" | ")] for line in lines]


def signed(name: str, function: Function) -> str:
    """`name(parameters) -> result` as it is written, but for defaults that are short: those as they
    are."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef)
    written = tree.args
    written.args = [one for one in written.args if one.arg != "self"]
    given = inspect.signature(function).parameters
    for one, default in zip(written.kwonlyargs, written.kw_defaults, strict=True):
        value = given[one.arg].default
        if default is not None and isinstance(value, int | str | None) and len(repr(value)) < 40:
            written.kw_defaults[written.kwonlyargs.index(one)] = ast.Constant(value)
    result = ast.unparse(tree.returns) if tree.returns else "None"
    shown = f"{name}({ast.unparse(written)})"
    shown = re.sub(r"(?<! )=(?! )", " = ", shown)
    return shown if result == "None" else f"{shown} -> {result}"


def members(word: type) -> Iterator[str]:
    """The fields of a noun as they are written, the attributes of anything else; then its verbs."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(word))).body
    assert isinstance(tree, ast.ClassDef)
    if not issubclass(word, Exception):
        for node in tree.body:
            if isinstance(node, ast.AnnAssign):
                yield ast.unparse(node).partition(" = field")[0]
    for each in word.__mro__:
        if each.__module__.startswith("answerable.") and "__init__" in vars(each):
            yield from attributes(each)
    for name, value in vars(word).items():
        if name.startswith("_"):
            continue
        if isinstance(value, property):
            yield name
        elif inspect.isfunction(value):
            yield ("await " if inspect.iscoroutinefunction(value) else "") + signed(name, value)


def attributes(word: type) -> Iterator[str]:
    """What `__init__` sets for all to see."""
    if dataclasses.is_dataclass(word):
        return
    own = re.compile(r"self\.([a-z]\w*)(?=: | = |, self\.)")
    yield from own.findall(inspect.getsource(vars(word)["__init__"]))


WORDS = {
    name: getattr(room, name)
    for room in (answerable, testing)
    for name in room.__all__
    if name != "SceneSync"
}


@pytest.mark.parametrize("name", WORDS)
def test_each_word_is_there_with_all_that_it_has(name: str) -> None:
    word = WORDS[name]
    if not inspect.isclass(word):
        assert f"`{signed(name, word)}`" in section(f"`{name}`")
        return
    known = set(members(word))
    if word is answerable.Agent:
        known |= set(Details.__annotations__)
    assert sorted(set(listed(f"`{name}`"))) == sorted(known)


def test_no_word_is_there_that_is_none() -> None:
    assert sorted(re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE)) == sorted(WORDS)


def test_a_plain_test_has_the_verbs_of_a_scene() -> None:
    def named(word: type) -> set[str]:
        return {re.findall(r"\w+", one.removeprefix("await "))[0] for one in members(word)}

    assert named(testing.SceneSync) == named(testing.Scene) - {"close"}


def test_each_fact_that_a_policy_can_use_is_there_with_its_type_and_no_other() -> None:
    bodies = {
        name: base_text().partition(f"type {name} = {{")[2].partition("\n}")[0]
        for name in ("Situation", "Money")
    }
    known = [
        (f"context.{'amount.' if name == 'Money' else ''}{attribute}", kind, bool(optional))
        for name, body in bodies.items()
        for attribute, optional, kind in _ATTRIBUTE.findall(body)
    ]
    said = [(row[0], row[1], row[2] != "always") for row in rows("What a rule can look at")]
    in_amount = {one[0] for one in known if one[0].startswith("context.amount.")}
    assert sorted((name, kind) for name, kind, _ in said) == sorted((n, k) for n, k, _ in known)
    for name, _, may_miss in said:
        is_optional = next(optional for known_name, _, optional in known if known_name == name)
        assert may_miss == (is_optional or name in in_amount), name


def test_its_rules_load() -> None:
    names = Vocabulary(agents=frozenset({"support"}), tools=frozenset({"refund"}))
    assert load({"page.cedar": "\n".join(blocks("reference.md", "cedar"))}, names).statements


def test_the_head_of_a_rule_is_as_the_schema_says() -> None:
    said = {row[0]: (row[1], row[2]) for row in rows("The head of a rule")}
    applies = re.findall(
        r'action "(\w+)" appliesTo \{ principal: \[(\w+)\], resource: \[(\w+)\]', base_text()
    )
    assert {action for action, *_ in applies} == set(ACTIONS)
    assert said == {f'Action::"{action}"': (who, what) for action, who, what in applies}
    assert listed("Annotations") == [f'@{one}("…")' for one in ANNOTATIONS]


def test_each_reason_of_ours_is_there() -> None:
    known = {
        value
        for name, value in vars(reasons).items()
        if name.isupper() and not name.startswith("_")
    }
    assert set(listed("Reasons of our own")) == known
