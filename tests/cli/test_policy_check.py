"""`policy check` sees a name that nothing of the project has: a rule on it would never fire."""

import json
import shutil
from pathlib import Path

import pytest

from projects import Project


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project") / "shop")


@pytest.mark.parametrize(
    ("where", "right", "wrong", "says"),
    [
        ("policies", 'Tool::"refund"', 'Tool::"refnud"', "tool `refnud`; did you mean `refund`?"),
        (".answerable", '"support"', '"suport"', "agent `suport`; did you mean `support`?"),
        (".", 'Tool::"refund"', 'Tool::"pay"', "there is no tool `pay`; there is `refund`"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_nearest(
    founded: Project, where: str, right: str, wrong: str, says: str
) -> None:
    founded.types("policy", "check", where).check()
    founded.change(founded.policy, right, wrong)
    try:
        said = founded.types("policy", "check", where)
        said.fails(2, says)
        assert "agent.cedar:" in said.err
    finally:
        founded.change(founded.policy, wrong, right)


def test_where_the_agents_do_not_load_the_rest_is_checked_and_that_is_said(tmp_path: Path) -> None:
    project = Project(tmp_path / "shop")
    broken, does = "from answerable", "from answerble"
    for after, why in (
        (f"print('loading')\n{does}", "'agent:agent' does not lead to an agent"),
        (f"raise SystemExit(0)\n{does}", "A module of the project ends the program"),
    ):
        project.change(project.agent, broken, after)
        said = project.types("policy", "check", "policies", "--json").check()
        assert json.loads(said.out)["rules"] > 0
        assert f"were not checked. {why}" in said.err
        broken = after


def test_a_folder_of_no_project_may_name_anything(founded: Project, tmp_path: Path) -> None:
    folder = tmp_path / "alone" / "policies"
    shutil.copytree(founded.policy.parent, folder)
    (folder / "more.cedar").write_text(
        '@id("x")\nforbid (principal, action, resource == Tool::"any");\n'
    )
    said = founded.types("policy", "check", str(folder)).check()
    assert "not checked" not in said.err
