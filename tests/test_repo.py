"""What the repository promises of itself: no trace of where it was made, no dead link, one face."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import answerable

ROOT = Path(__file__).parents[1]
HEADINGS = ("## Context", "## Decision", "## Consequences", "## What enforces it")

TRACES = re.compile(
    r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+|opt/\w+|tmp/\w{1,12}/)\b"  # folders of a machine
    r"|\b(?:[\w-]+\.)*(?:pypi|pythonhosted|npmjs|yarnpkg)\.(?:org|com|io)\b"  # registries
    r"|--(?:extra-)?index-url\s+\S*//"
)
OWN_RULE = Path(__file__).resolve()
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def tracked(*patterns: str) -> list[Path]:
    """The files that git has, or, in a tree without git, none."""
    git = ["git", "ls-files", "-z", "--", *patterns]
    listed = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git repository")
    return [file for name in listed.stdout.split("\0") if name and (file := ROOT / name).is_file()]


def test_no_file_says_where_it_was_made() -> None:
    found = []
    for file in tracked():
        if file.resolve() == OWN_RULE:
            continue
        try:
            text = file.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
            for number, line in enumerate(text.splitlines(), 1)
            if TRACES.search(line)
        ]
    assert found == []


def test_every_link_between_documents_leads_somewhere() -> None:
    dead = []
    for file in tracked("*.md"):
        for target in LINK.findall(CODE_BLOCK.sub("", file.read_text("utf-8"))):
            path = target.partition("#")[0]
            if path and "://" not in path and not (file.parent / path).exists():
                dead.append(f"{file.relative_to(ROOT)} -> {target}")
    assert dead == []


def test_every_decision_has_its_four_parts_and_its_line_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    for file in decisions:
        lines = file.read_text("utf-8").splitlines()
        parts = tuple(line for line in lines if line.startswith("## "))
        assert parts == HEADINGS, file.name
        assert lines[0].startswith(f"# {file.name[:4]} "), file.name
        assert f"(decisions/{file.name})" in index, file.name
    numbers = [int(file.name[:4]) for file in decisions]
    assert len(numbers) == len(set(numbers)), "each decision has a number of its own"


def test_a_place_that_the_glossary_names_exists() -> None:
    places = re.findall(
        r"`([a-z_]+/(?:[a-z_/]+\.py)?)`", (ROOT / "docs" / "glossary.md").read_text()
    )
    house = ROOT / "src" / "answerable"
    assert places
    assert [place for place in places if not (house / place).exists()] == []


def test_the_public_words_are_these() -> None:
    assert sorted(answerable.__all__) == [
        "Agent", "Budget", "Context", "Escalation", "Limit", "Message", "ModelAway", "Money",
        "NotDone", "OutcomeUnknown", "Patience", "Proposal", "Reply", "Said", "ToolCall",
    ]  # fmt: skip
    for word in answerable.__all__:
        assert getattr(answerable, word) is not None


def test_importing_answerable_imports_no_machinery() -> None:
    code = "import answerable, json, sys; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"asyncio", "cedarpy", "cryptography", "msgspec", "rich", "sqlite3", "typer"}
    assert heavy.isdisjoint(json.loads(run.stdout))


def test_no_two_test_files_have_one_name() -> None:
    """The test folders are no packages, so pytest would import the second as the first."""
    names = sorted(file.name for file in (ROOT / "tests").rglob("test_*.py"))
    assert sorted(set(names)) == names
