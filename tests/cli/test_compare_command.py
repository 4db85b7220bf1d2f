"""The other side's books are held against the ledger: what either has alone is said, by key."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from answerable.cli.app import app
from typed import fails, run


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The key that the other side has for a refund, and a bundle of everything beside it."""
    monkeypatch.chdir(tmp_path)
    run("init", "shop", "--owner", "olive@acme.example", "--name", "Olive Marsh")
    monkeypatch.chdir(tmp_path / "shop")
    run("chat", "--message", "Please refund A1", "--message", "Please refund A3")
    run("ledger", "export", "-o", "../all.zip")
    rows = json.loads(run("ledger", "search", "--json", "--limit", "100"))
    entries = [json.loads(row["entry"]) for row in rows]
    refunds = {
        each["effect"]["id"] for each in entries
        if each["kind"] == "decided" and each["action"]["name"] == "refund" and "effect" in each
    }  # fmt: skip
    keys = [
        each["effect"]["key"] for each in entries
        if each["kind"] == "effect.done" and each["effect"]["id"] in refunds
    ]  # fmt: skip
    assert len(keys) == 1
    path = tmp_path / "books"
    path.write_text(f"{keys[0]}\n")
    return path


def compare(books: Path, *words: str) -> str:
    return run("ledger", "compare", "../all.zip", str(books), "--tool", "refund", *words)


def differs(books: Path, tool: str = "refund") -> str:
    words = ["ledger", "compare", "../all.zip", str(books), "--tool", tool]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1, (done.output, done.exception)
    return done.output


def test_books_that_are_the_ledgers_agree(books: Path) -> None:
    assert "the ledger 1 in that time: 1 agree, 0 differ, 0 are open" in compare(books)


def test_what_was_done_past_the_ledger_is_named(books: Path) -> None:
    books.write_text(books.read_text() + "key_of_nobody\n")
    assert "key_of_nobody: the books have it, and no entry names it" in differs(books)


def test_what_the_ledger_says_and_nobody_did_is_named_with_its_entry(books: Path) -> None:
    key = books.read_text().strip()
    books.write_text("")
    said = differs(books)
    assert f"{key} (entry " in said
    assert "the ledger says that it was done, and the books do not have it" in said


def test_what_was_done_twice_is_named(books: Path) -> None:
    books.write_text(2 * books.read_text())
    assert "the books have it 2 times" in differs(books)


def test_what_another_tool_did_is_no_refund(books: Path) -> None:
    assert "it is an effect of 'refund'" in differs(books, "chat")


def test_a_tool_that_no_entry_names_is_not_compared(books: Path) -> None:
    said = fails("ledger", "compare", "../all.zip", str(books), "--tool", "refnud")
    assert "No entry names an effect of 'refnud'; there are effects of" in str(said)


def test_a_period_that_ends_before_it_begins_is_refused(books: Path) -> None:
    period = ("--since", "2026-12-01", "--until", "2026-01-01")
    said = fails("ledger", "compare", "../all.zip", str(books), "--tool", "refund", *period)
    assert "--since is not before --until" in str(said)


def test_a_period_looks_only_for_what_ended_in_it(books: Path) -> None:
    empty = books.with_name("empty")
    empty.write_text("")
    assert "0 differ" in compare(empty, "--until", "2020-01-01")
    assert "1 differ" in differs(empty)


def test_a_bundle_of_a_part_is_not_compared(books: Path) -> None:
    row = json.loads(run("ledger", "search", "--json", "--kind", "decided", "--limit", "1"))[0]
    entry = json.loads(row["entry"])
    run("ledger", "export", entry["id"], "-o", "../one.zip")
    said = fails("ledger", "compare", "../one.zip", str(books), "--tool", "refund")
    assert "what it lacks would be taken for not recorded" in str(said)


@pytest.mark.parametrize("data", [b"x" * 5_000 + b"\n", b"\xff\xfe\x00\n"])
def test_what_is_no_list_of_keys_is_not_read(books: Path, data: bytes) -> None:
    books.write_bytes(data)
    said = fails("ledger", "compare", "../all.zip", str(books), "--tool", "refund")
    assert "is no list of keys, one to a line" in str(said)
