"""`ledger export` writes a file for a stranger; `ledger verify --bundle` says whether it holds."""

import shutil
from pathlib import Path

import pytest

from typed import fails, run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    run("init", "shop", "--owner", "olive@acme.example", "--name", "Olive Marsh")
    monkeypatch.chdir(tmp_path / "shop")
    run("chat", "--message", "Please refund A1")
    return tmp_path


def test_a_stranger_with_the_key_alone_is_told_that_it_holds_or_what_does_not(
    project: Path,
) -> None:
    said = run("ledger", "export", "-o", "../all.zip")
    assert "entries of a log of" in said
    key = project / "vkey"
    shutil.copy(".answerable/ledger.vkey", key)
    shutil.rmtree(".answerable")
    assert "Verified" in run("ledger", "verify", "--bundle", "../all.zip", "--vkey", str(key))
    spoiled = bytearray((project / "all.zip").read_bytes())
    spoiled[60] ^= 1
    (project / "all.zip").write_bytes(spoiled)
    error = fails("ledger", "verify", "--bundle", "../all.zip", "--vkey", str(key))
    assert "answer.json" in str(error)


def test_a_question_that_cannot_be_asked_writes_nothing(project: Path) -> None:
    fails("ledger", "export", "cas_unknown", "-o", "../no.zip")
    fails("ledger", "export", "per_unknown", "-o", "../no.zip")
    assert not (project / "no.zip").exists()
