"""`case`, `interaction`, `party`, as they are typed: rows, a conversation, seven stages."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from homes import SPECIALIST, SmallHome, working


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallHome]:
    """A home at work: a conversation, a case with people, a hold."""
    made = SmallHome(tmp_path_factory.mktemp("cases") / "home").found()
    with working(made):
        for number, (sender, text) in enumerate(
            (("kim", "hello\n\x1b[31mred"), ("kim", "human"), ("lee", "refund"))
        ):
            made.say(text, external_id=f"m{number}", sender=f"{sender}@example.org")
            made.settled()
        yield made


def rows(home: SmallHome, *typed: str) -> list[dict[str, object]]:
    """A list's rows; as text it has a head and a line for each, and says what to do next."""
    found = json.loads(home.cli(*typed, "--json").check().out)
    said = home.cli(*typed).check()
    assert len(said.out.splitlines()) == len(found) + bool(found)
    assert ("Next: answerable " in said.err) == bool(found)
    return list(found)


def test_a_case_reads_like_a_conversation(home: SmallHome) -> None:
    listed = rows(home, "case", "list")
    assert len(listed) == 2
    [with_people] = rows(home, "case", "list", "--holder", "people")
    assert rows(home, "case", "list", "--agent", "nobody") == []
    case = str(with_people["case"])
    said = home.cli("case", "show", case).check()
    lines = said.out.splitlines()
    assert lines[0].startswith(f"{case}: party pty_")
    assert lines[1] == "held by queue:orders (epoch 2)"
    assert lines[2] == "waits in queue orders, asked: wants a person"
    hello, answer, human = (lines.index(f"    {one}") for one in ("hello", "About hello", "human"))
    assert hello < answer < human, "oldest first"
    assert "  we answered:" in lines[hello:answer]
    assert "\x1b" not in said.out
    assert "Next: answerable interaction show int_" in said.err
    assert len(json.loads(home.cli("case", "show", case, "--json").check().out)["messages"]) == 2


def test_an_interaction_is_shown_in_seven_stages_with_how_long_each_took(home: SmallHome) -> None:
    [held, *_] = rows(home, "interaction", "list", "--disposition", "open")
    interaction = str(held["interaction"])
    said = home.cli("interaction", "show", interaction, "--wait", "0.1").check()
    lines = said.out.splitlines()
    stages = ("receive", "resolve", "route", "run", "decide", "act", "record")
    heads = [line.split() for line in lines if line.split()[:1] and line.split()[0] in stages]
    assert [head[0] for head in heads] == list(stages)
    assert all(head[2] in ("us", "ms") for head in heads), heads
    assert "  - proposed: refund of 40.00 USD" in lines
    assert any(line.startswith("  - refund of 40.00 USD waits for a person") for line in lines)
    assert "owner Olga Owner" in said.out
    assert "Next: answerable decision explain dec_" in said.err
    found = json.loads(home.cli("interaction", "find", "email", "m2", "--json").check().out)
    assert found["interaction"] == interaction
    assert len(rows(home, "interaction", "list", "--limit", "2")) == 2
    home.cli("interaction", "find", "email", "m9").fails(3, "No message 'm9' was accepted")
    home.cli("interaction", "show", "int_no").fails(3, "No interaction 'int_no'")


def test_a_party_is_shown_with_what_it_is_reached_by(home: SmallHome) -> None:
    parties = rows(home, "party", "list")
    assert sorted(row["interactions"] for row in parties) == [1, 2]  # type: ignore[type-var]
    lee = next(str(row["party"]) for row in parties if row["interactions"] == 1)
    home.cli("stop", "set", f"party:{lee}", "--by", SPECIALIST).check()
    said = home.cli("party", "show", lee).check()
    assert "  email lee@example.org" in said.out.splitlines()
    assert "  this party: pause" in said.out.splitlines()
    assert "Next: answerable case show cas_" in said.err
    home.cli("party", "show", "pty_no").fails(3, "No party 'pty_no'")


def test_a_home_that_nobody_works_for_can_be_looked_at(tmp_path: Path) -> None:
    made = SmallHome(tmp_path / "home").found()
    with working(made):
        made.say("hello", external_id="m1")
        made.settled()
    [row] = rows(made, "interaction", "list")
    interaction = str(row["interaction"])
    said = made.cli("interaction", "show", interaction, "--wait", "9", "--json").check()
    view = json.loads(said.out)
    assert view["replies"] == ["About hello."]
    [party] = rows(made, "party", "list")
    assert "email kim@example.org" in made.cli("party", "show", str(party["party"])).check().out
