"""`party export` is typed once, says where the file is, and what to do where it is not made."""

import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from answerable.base.errors import AnswerableError, UsageError
from answerable.cli.app import app


def run(*words: str) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=True)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_a_party_of_a_project_is_given_what_is_held_about_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("init", "shop", "--owner", "olive@acme.example", "--name", "Olive Marsh")
    monkeypatch.chdir(tmp_path / "shop")
    run("chat", "--message", "Please refund A1")
    (row,) = json.loads(run("party", "list", "--json"))
    typed = ("party", "export", row["party"], "-o", "../me.zip", "--by", "olive@acme.example")
    said = run(*typed)
    assert "1 message and" in said
    assert "answerable ledger prove" in said
    assert "not whole" not in said
    with zipfile.ZipFile(tmp_path / "me.zip") as held:
        about = json.loads(held.read("about.json"))
    assert [one["text"] for one in about["messages"]] == ["Please refund A1"]
    assert "Olive Marsh" in json.dumps(about)
    again = CliRunner().invoke(app, list(typed))
    assert isinstance(again.exception, UsageError)
    nobody = CliRunner().invoke(app, [*typed[:4], "../no.zip", "--by", "eve@acme.example"])
    assert isinstance(nobody.exception, AnswerableError)
    assert not (tmp_path / "no.zip").exists()
