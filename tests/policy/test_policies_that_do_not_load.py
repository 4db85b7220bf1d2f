"""A policy that does not parse, or says what cannot be meant, is never in force."""

from pathlib import Path

import pytest

from answerable.base.errors import NotFound, UsageError
from answerable.policy import load as loading
from answerable.policy.errors import PolicyInvalid
from answerable.policy.load import load, load_folder
from answerable.policy.schema import Vocabulary

HEAD = '@id("a") permit (principal, action, resource)'


def problems(text: str, vocabulary: Vocabulary | None = None) -> list[str]:
    with pytest.raises(PolicyInvalid) as caught:
        load({"p.cedar": text}, vocabulary or Vocabulary())
    return [str(problem) for problem in caught.value.problems]


ONE_RULE = f"{HEAD};"
TWO_RULES_ONE_BROKEN = """
@id("a") permit (principal, action, resource);

@id("b")
forbid (principal, action, resource)
when {
  context.grade > 2
  && && true
};"""
UNKNOWN_ACTION = '@id("a") permit (principal, action == Action::"preform", resource);'
TEMPLATE = '@id("a") permit (principal == ?principal, action, resource);'
HELD_FORBID = '@id("a")\n@hold("x") forbid (principal, action, resource);'
UNGUARDED = (
    "p.cedar:2 @a: unable to guarantee safety of access to optional attribute `amount` in context"
)
MISTAKES = {
    f"// why\n{HEAD}\nwhen {{\n  context.grad > 2 }};": (
        "p.cedar:4 @a: attribute `grad` in context not found; did you mean `grade`?",
        "    4 | context.grad > 2 };",
    ),
    UNKNOWN_ACTION: (
        'p.cedar:1 @a: unrecognized action `Action::"preform"`; did you mean `perform`?',
        f"    1 | {UNKNOWN_ACTION}",
    ),
    f"{HEAD} when {{\n  context.amount.minor < 3 }};": (
        UNGUARDED,
        "    2 | context.amount.minor < 3 };",
    ),
    f'{HEAD}\nwhen {{ context.grade < "3" }};': (
        "p.cedar:1 @a: unexpected type: expected Long but saw String",
        f"    1 | {HEAD}",
    ),
    TWO_RULES_ONE_BROKEN: (
        "p.cedar:8 @b: unexpected token `&&`",
        "    8 | && && true",
    ),
    "permit (principal, action, resource);": (
        'p.cedar:1: no `@id("...")`: every rule needs a name to be held to',
        "    1 | permit (principal, action, resource);",
    ),
    f"{ONE_RULE}\n{ONE_RULE}": (
        "p.cedar:2 @a: `@id` is taken by p.cedar:1",
        f"    2 | {ONE_RULE}",
    ),
    f'@holt("desk")\n{ONE_RULE}': (
        "p.cedar:1 @a: unknown annotation `@holt`; did you mean `hold`?",
        '    1 | @holt("desk")',
    ),
    HELD_FORBID: (
        "p.cedar:2 @a: `@hold` belongs on a permit; a forbid refuses outright",
        '    2 | @hold("x") forbid (principal, action, resource);',
    ),
    f"@hold {ONE_RULE}": (
        "p.cedar:1 @a: `@hold` names the queue or role that is asked",
        f"    1 | @hold {ONE_RULE}",
    ),
    TEMPLATE: (
        "p.cedar:1 @a: templates are not used here: write the rule out",
        f"    1 | {TEMPLATE}",
    ),
    HEAD: (
        "p.cedar:1 @a: the statement does not end: a `;` or a bracket is missing",
        f"    1 | {HEAD}",
    ),
    f"{ONE_RULE}\u202e": ("p.cedar:1: hidden character U+202E",),
    f"{ONE_RULE}\ud800": ("p.cedar:1: hidden character U+D800",),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_each_mistake_is_told_with_its_place(text: str) -> None:
    assert problems(text) == ["\n".join(MISTAKES[text])]


def test_a_has_that_can_never_be_true_does_not_load() -> None:
    text = '@id("a") forbid (principal, action, resource) when { %s has %s };'
    facts = Vocabulary(facts={"is_vip": bool})
    for where, name in [
        ("context", "amuont"),
        ("context", "is_vip"),
        ("context.facts", "is_vlp"),
        ("principal", "name"),
        ("(if context.grade > 1 then context else context)", "amount"),
    ]:
        assert "never true" in problems(text % (where, name), facts)[0]
    assert load({"p.cedar": text % ("context.facts", "is_vip")}, facts)


def test_a_misspelt_tool_does_not_load_where_the_tools_are_known() -> None:
    text = '@id("a") forbid (principal, action, resource == Tool::"refnud");'
    assert load({"p.cedar": text})
    assert "`refnud`" in problems(text, Vocabulary(tools=frozenset({"refund"})))[0].replace(
        '"', "`"
    )


def test_every_problem_of_every_file_is_told_at_once() -> None:
    with pytest.raises(PolicyInvalid) as caught:
        load({"b.cedar": "permit", "a.cedar": "forbid", "ok.cedar": f"{HEAD};"})
    assert [problem.file for problem in caught.value.problems] == ["a.cedar", "b.cedar"]
    text = str(caught.value)
    assert text.startswith("The policies do not load: 2 problems.\na.cedar:1: ")
    assert text.endswith("Nothing was loaded. Next: answerable policy check FOLDER")


def test_ids_are_unique_across_files() -> None:
    with pytest.raises(PolicyInvalid, match=r"b\.cedar:1 @a: `@id` is taken by a\.cedar:1"):
        load({"b.cedar": f"{HEAD};", "a.cedar": f"{HEAD};"})


def test_text_that_would_exhaust_us_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for left, right in ("()", "[]", ("{a:", "}"), ("!(", ")")):  # these end Cedar's process
        deep = left * 900 + "true" + right * 900
        assert "at most 32 deep" in problems(f"{HEAD} when {{ {deep} }};")[0]
    for chain in (" && true", " || true", " && context.grade == 1"):
        assert "at most 200 operators" in problems(f"{HEAD} when {{ true{chain * 201} }};")[0]
    assert "at most 16384 bytes" in problems(f"{HEAD} when {{ {'!' * 20_000}true }};")[0]
    assert "bytes" in problems("// " + "x" * loading.BYTES_MAX)[0]
    monkeypatch.setattr(loading, "STATEMENTS_MAX", 1)
    assert "at most 1 statements" in problems(f"{HEAD};{HEAD};")[0]
    monkeypatch.setattr(loading, "FILES_MAX", 1)
    with pytest.raises(PolicyInvalid, match="at most 1 files"):
        load({"a.cedar": "", "b.cedar": ""})


def test_a_long_condition_loads() -> None:
    many = " || ".join(f"context.grade == {n}" for n in range(100))
    assert load({"p.cedar": f'{HEAD} when {{ "((((" != "" && ({many}) }};'})
    assert load({"p.cedar": f"{HEAD} when {{ {'(' * 31}true{')' * 31} }};"})


def test_a_file_name_cannot_forge_a_reason() -> None:
    with pytest.raises(PolicyInvalid, match="a file name has"):
        load({"x.cedar:1 @a\n": ""})


def test_a_folder_loads_its_cedar_files_only(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_text(f"{HEAD};")
    (tmp_path / "notes.txt").write_text("not a policy")
    assert [one.ref for one in load_folder(tmp_path).statements] == ["a.cedar:1 @a"]
    (tmp_path / "b.cedar").write_bytes(b"// \xff")
    with pytest.raises(PolicyInvalid, match=r"b\.cedar: not UTF-8 at byte 3"):
        load_folder(tmp_path)
    with pytest.raises(NotFound):
        load_folder(tmp_path / "missing")


def test_a_vocabulary_has_plain_names_and_flat_types() -> None:
    with pytest.raises(UsageError):
        Vocabulary(facts={"__entity": str})
    with pytest.raises(UsageError):
        Vocabulary(facts={"x": float})  # type: ignore[dict-item]
    with pytest.raises(UsageError):
        Vocabulary(tools=frozenset({'x"]; entity Y'}))


def test_the_digest_follows_the_text_and_not_the_order_of_files() -> None:
    one, two = f"{HEAD};", '@id("b") permit (principal, action, resource);'
    first = load({"a.cedar": one, "b.cedar": two})
    assert load({"b.cedar": two, "a.cedar": one}).digest == first.digest
    assert load({"a.cedar": one + "\r\n", "b.cedar": two}).digest != first.digest
    assert load({"a.cedar": one, "c.cedar": two}).digest != first.digest
    unix, windows = load({"a.cedar": one + "\n"}), load({"a.cedar": one + "\r\n"})
    assert unix.digest == windows.digest
    facts = Vocabulary(facts={"is_vip": bool})
    assert load({"a.cedar": one, "b.cedar": two}, facts).digest != first.digest


def test_semicolons_and_comments_inside_text_do_not_cut_a_statement() -> None:
    text = (
        '// a; b "\n@id("a") // not; "here\npermit (principal, action, resource)\n'
        'when { context.stage != "x;y // \\" z" };\n// done;\n@id("b") forbid (principal, action,\n'
        " resource) when { context.grade > 9 } ; // end"
    )
    found = load({"p.cedar": text}).statements
    assert [(one.id, one.line) for one in found] == [("a", 2), ("b", 6)]
