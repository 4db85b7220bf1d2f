"""`ledger about` and `ledger check-answer` as they are typed: everything of somebody, and a check
that believes nothing which was altered."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from homes import OWNER, SmallHome, working


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallHome]:
    """A home at work: two parties, one of which asks for a refund that waits for people."""
    made = SmallHome(tmp_path_factory.mktemp("about") / "home").found()
    with working(made):
        for number, (sender, text) in enumerate((("kim", "hello"), ("lee", "refund"))):
            made.say(text, external_id=f"m{number}", sender=f"{sender}@example.org")
            made.settled()
        yield made


def party_of(home: SmallHome, sender: str) -> str:
    newest_first = json.loads(home.cli("party", "list", "--json").check().out)
    return str(newest_first[("lee", "kim").index(sender)]["party"])


def test_everything_of_a_party_is_a_line_each_and_a_sentence_that_says_so(home: SmallHome) -> None:
    kim, lee = party_of(home, "kim"), party_of(home, "lee")
    said = home.cli("ledger", "about", kim).check()
    kinds = [line.split()[2] for line in said.out.splitlines()]
    assert kinds[0] == "identified"
    assert kinds[-1] == "outcome"
    assert {"received", "decided", "effect.done"} <= set(kinds)
    assert lee not in said.out
    words = " ".join(said.err.split())
    assert f"{len(kinds)} entries of '{kim}', and nothing is left out, as of 20" in words
    assert f"which counts {len(kinds)} of them in all" in words


def test_json_is_the_answer_itself_as_a_file_has_it(home: SmallHome, tmp_path: Path) -> None:
    file, again = tmp_path / "answer.json", tmp_path / "again.json"
    kim = party_of(home, "kim")
    printed = home.cli("ledger", "about", kim, "--json").check().out
    said = home.cli("ledger", "about", kim, "--output", str(file)).check()
    assert said.out == "", "who wants a file is told how many, and how to check it"
    assert "nothing is left out" in said.err
    assert f"Next: answerable ledger check-answer {file}" in said.err
    assert json.loads(printed)["entries"] == json.loads(file.read_text())["entries"]
    again.write_text(printed)
    for one in (file, again):
        checked = home.cli("ledger", "check-answer", str(one)).check()
        assert "nothing is left out" in checked.err
        found = json.loads(home.cli("ledger", "check-answer", str(one), "--json").check().out)
        assert found["entries"] == found["of"] == len(checked.out.splitlines()) > 0
    before = file.read_bytes()
    home.cli("ledger", "about", kim, "-o", str(file)).fails(2, "is there already")
    assert file.read_bytes() == before


def test_a_person_is_asked_about_by_address_and_between_two_times(home: SmallHome) -> None:
    all_ = json.loads(home.cli("ledger", "about", OWNER, "--json").check().out)
    assert all_["question"]["owner"].startswith("per_")
    during = home.cli("ledger", "about", OWNER, "--since", "2001-01-01").check()
    assert len(during.out.splitlines()) == len(all_["entries"]) - 1, "all but the close"
    before = home.cli("ledger", "about", OWNER, "--until", "2001-01-01").check()
    assert before.out == ""
    assert "0 entries of 'per_" in before.err
    assert "until 2001-01-01" in before.err


def test_who_is_not_there_has_nothing_and_that_is_shown(home: SmallHome, tmp_path: Path) -> None:
    file = tmp_path / "nothing.json"
    said = home.cli("ledger", "about", "pty_nobody", "-o", str(file)).check()
    assert "0 entries of 'pty_nobody', and nothing is left out" in " ".join(said.err.split())
    assert home.cli("ledger", "check-answer", str(file)).check().out == ""
    home.cli("ledger", "about", "nobody@acme.example").fails(3, "nobody@acme.example")


@pytest.mark.parametrize(
    "typed",
    [
        ("--since", "yesterday"),
        ("--until", "2026-13-01"),
        ("--since", "2026-07-01", "--until", "2026-04-01"),
        ("--since", "2026-07-01", "--until", "2026-07-01"),
    ],
)
def test_times_that_mean_nothing_are_a_wrong_call(
    home: SmallHome, typed: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "answer.json"
    said = home.cli("ledger", "about", OWNER, *typed, "-o", str(file))
    assert said.code == 2, said.err
    assert not file.exists()


def test_an_answer_that_was_altered_ends_with_1_and_says_what_is_wrong(
    home: SmallHome, tmp_path: Path
) -> None:
    file = tmp_path / "answer.json"
    home.cli("ledger", "about", party_of(home, "lee"), "-o", str(file)).check()
    whole = json.loads(file.read_text())
    entries, file = whole["entries"], tmp_path / "altered.json"
    held = next(entry for entry in entries if '"hold"' in entry)
    for altered, why in (
        ({"entries": [entry for entry in entries if entry != held]}, "The proof of many leaves"),
        ({"entries": [entry.replace('"hold"', '"deny"') for entry in entries]}, "signed root"),
        ({"question": whole["question"] | {"party": party_of(home, "kim")}}, "is number 0 of them"),
        ({"names": whole["names"] + 1}, "its bucket is not the one that the close commits"),
        ({"format": "answerable.complete@v0"}, "its format is"),
    ):
        file.write_text(json.dumps(whole | altered, separators=(",", ":"), ensure_ascii=False))
        home.cli("ledger", "check-answer", str(file)).fails(1, "answer_wrong", why)
    file.write_bytes(b"\xff{")
    home.cli("ledger", "check-answer", str(file)).fails(1, "it cannot be read")


def test_a_check_that_is_typed_wrong_is_no_word_about_the_answer(
    home: SmallHome, tmp_path: Path
) -> None:
    assert home.cli("ledger", "check-answer").code == 2
    assert home.cli("ledger", "about").code == 2
    home.cli("ledger", "check-answer", str(tmp_path / "none.json")).fails(3, "cannot be read")
    file = tmp_path / "answer.json"
    home.cli("ledger", "about", party_of(home, "kim"), "-o", str(file)).check()
    home.cli("ledger", "check-answer", str(file), "--vkey", "no-key").fails(3, "no-key")
