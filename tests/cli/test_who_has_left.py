"""Who looks back asks by address, also of who has left; a typo is not certified as nothing."""

from pathlib import Path

import pytest

from typed import fails, run

OLIVE = "olive@acme.example"


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Olive answered for a refund and has left; her id."""
    monkeypatch.chdir(tmp_path)
    run("init", "shop", "--owner", OLIVE, "--name", "Olive Marsh")
    monkeypatch.chdir(tmp_path / "shop")
    run("chat", "--message", "Please refund A1")
    said = run("ledger", "about", OLIVE)
    run("person", "leave", OLIVE, "--yes")
    return next(word for word in said.split("'") if word.startswith("per_"))


def test_what_was_done_in_the_name_of_who_has_left_is_found_by_their_address(left: str) -> None:
    said = " ".join(run("ledger", "about", OLIVE).split())
    assert f"of '{left}', and nothing is left out" in said
    assert "0 entries" not in said
    run("ledger", "replay", "--owner", OLIVE)
    period = ("--since", "2026-01-01", "--until", "2100-01-01")
    run("ledger", "export", OLIVE, *period, "-o", "../olive.zip")
    assert f"owner {left}" in run("ledger", "verify", "--bundle", "../olive.zip")


def test_an_address_of_several_is_not_guessed_at(left: str) -> None:
    run("person", "add", OLIVE, "--name", "Olive Reed")
    for command in (("about",), ("replay", "--owner")):
        said = str(fails("ledger", *command, OLIVE))
        assert f"was the address of several: {left} (left), per_" in said


def test_who_was_never_here_is_nobody_to_add(left: str) -> None:
    del left
    said = str(fails("ledger", "about", "olvie@acme.example"))
    assert "Nobody is or was in the directory as 'olvie@acme.example'" in said
    assert "person add" not in said


def test_an_owner_without_a_period_is_told_what_is_missing(left: str) -> None:
    half = ("--since", "2026-01-01", "-o", "../x.zip")
    said = str(fails("ledger", "export", left, *half))
    assert "it needs a period: --since and --until" in said
    said = str(fails("ledger", "export", *half))
    assert "only what a person answers for is asked for with a period" in said


def test_a_party_that_was_never_named_is_said_to_be_so(left: str) -> None:
    del left
    said = " ".join(run("ledger", "about", "pty_nobody").split())
    assert "No entry of this log has ever named 'pty_nobody'" in said


def test_a_bundle_that_is_not_there_is_no_forged_one(left: str) -> None:
    del left
    said = fails("ledger", "verify", "--bundle", "nowhere.zip")
    assert "'nowhere.zip' is no file" in str(said)
    assert "proves nothing" not in str(said)


def test_the_key_that_was_trusted_is_said(left: str) -> None:
    del left
    assert "By the key that lies in the home" in " ".join(run("ledger", "verify").split())
    vkey = next(Path().rglob("ledger.vkey"))
    assert "By the key" not in run("ledger", "verify", "--vkey", str(vkey))


def test_an_id_of_nobody_and_a_time_that_is_none_are_not_certified_as_nothing(left: str) -> None:
    for command in (("about",), ("replay", "--owner")):
        assert "Nobody is or was" in str(fails("ledger", *command, f"{left}x"))
    turned = ("--since", "2026-12-31", "--until", "2026-01-01")
    assert "there is no time between" in str(fails("ledger", "replay", *turned))


def test_days_that_no_entry_can_have_are_named(left: str) -> None:
    for since, until, bad in (
        ("1969-12-31", "2026-01-01", "1969-12-31"), ("2026-01-01", "9999-12-31", "9999-12-31"),
    ):  # fmt: skip
        period = ("--since", since, "--until", until)
        said = str(fails("ledger", "export", left, *period, "-o", "../x.zip"))
        assert f"No entry can be of {bad}" in said
