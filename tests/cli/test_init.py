"""`answerable init`: what it writes is good code, passes its own tests, and has an owner."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from answerable.store.lock import is_home
from homes import Said, cli, environment

FILES = {
    "answerable.toml", "agent.py", "policies/agent.cedar", "tests/test_agent.py", "conftest.py",
    ".gitignore",
}  # fmt: skip
QUIET = {"PYTHONDONTWRITEBYTECODE": "1", "RUFF_NO_CACHE": "true"}
YOU = ("--owner", "olive@acme.example", "--name", "Olive Marsh")


def files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and ".answerable" not in path.parts
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new") / "shop"
    said = cli("init", str(folder), *YOU, "--agent", "tea-desk").check()
    assert "You (Olive Marsh) answer for this agent: 'tea-desk'" in said.err
    assert said.err.endswith(f"Next: cd {folder} && answerable chat\n")
    return folder


def test_it_writes_a_project_and_founds_its_home(project: Path) -> None:
    assert files(project) == FILES
    assert is_home(project / ".answerable")
    assert "tea-desk" in (project / "policies" / "agent.cedar").read_text()
    assert 'origin = "acme.example/tea-desk"' in (project / "answerable.toml").read_text()


@pytest.mark.parametrize(
    "check",
    [
        ("ruff", "check", "--isolated", "."),
        ("ruff", "format", "--isolated", "--check", "."),
        ("mypy", "--strict", "--cache-dir", os.devnull, "."),
        ("pytest", "-q", "-p", "no:cacheprovider"),
        ("answerable.cli", "policy", "check", "policies"),
    ],
    ids=lambda check: " ".join(check[:2]),
)
def test_what_it_writes_passes(project: Path, check: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *check], cwd=project, capture_output=True, text=True, check=False,
        env=environment(**QUIET),
    )  # fmt: skip
    Said(done).check()


def test_its_tests_would_notice_a_policy_that_allows_everything(
    project: Path, tmp_path: Path
) -> None:
    worse = tmp_path / "worse"
    for name in FILES:
        (worse / name).parent.mkdir(parents=True, exist_ok=True)
        text = (project / name).read_text()
        (worse / name).write_text(text.replace('@hold("refunds")\n', ""))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=worse,
        capture_output=True, text=True, check=False, env=environment(**QUIET),
    )  # fmt: skip
    assert done.returncode == 1
    assert "test_silence_is_never_a_yes" in done.stdout


def test_the_folder_of_the_project_is_as_good_as_its_home(project: Path) -> None:
    assert "Olive Marsh" in cli("person", "list", "--home", str(project)).check().out
    assert files(project) == FILES  # no second home was made beside the settings


@pytest.mark.parametrize("there", sorted(FILES))
def test_nothing_is_written_over(tmp_path: Path, there: str) -> None:
    path = tmp_path / there
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    cli("init", str(tmp_path), *YOU).fails(2, there, "Nothing was written.")
    assert files(tmp_path) == {there}
    assert path.read_text() == "mine"


WRONG = {
    "no address": (("--owner", "olive", "--name", "Olive"), "no email address"),
    "quotes": (("--owner", '"x"@acme.example', "--name", "O"), "email address"),
    "an agent's name": ((*YOU, "--agent", "tea desk"), "no agent's name"),
    "no name": (("--owner", YOU[1], "--name", " "), "name is empty"),
    "a name that hides": (("--owner", YOU[1], "--name", "O\x1b[31m"), "what cannot be seen"),
    "too long a name": (("--owner", YOU[1], "--name", "O" * 201), "longer than 200 characters"),
    "no owner": (("--name", "Olive"), "'--owner' is missing"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_call_writes_nothing(tmp_path: Path, what: str) -> None:
    arguments, part = WRONG[what]
    cli("init", str(tmp_path / "new"), *arguments).fails(2, part)
    assert not (tmp_path / "new").exists()


def test_where_the_home_cannot_be_founded_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("answerable.cli.project.HOME", "home.file")
    (tmp_path / "home.file").write_text("")
    monkeypatch.setattr("answerable.cli.project._check", lambda *_: None)
    cli("init", str(tmp_path), *YOU).fails(2, "is a file")
    assert files(tmp_path) == {"home.file"}
