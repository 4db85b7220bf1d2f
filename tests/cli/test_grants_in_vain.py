"""A yes that could not act now is not taken; one that met a stop on its way says so plainly."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from answerable.cli.desk import _told
from answerable.worker.verbs.desk import Answered
from homes import OWNER, SPECIALIST, SmallHome, working


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallHome]:
    """A home at work, in which a refund waits for a yes."""
    made = SmallHome(tmp_path_factory.mktemp("vain") / "home").found()
    with working(made):
        made.say("refund", external_id="m1")
        made.settled()
        yield made


def held(home: SmallHome) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(home.cli("approval", "list", "--json").check().out)
    return rows


STOPS = (
    ("everything", "pause", "everything"),
    ("support", "pause", "agent support"),
    ("support/refund", "read-only", "tool support/refund"),
)


@pytest.mark.parametrize(("scope", "mode", "named"), STOPS)
def test_a_grant_under_a_stop_is_refused_and_the_hold_waits_on(
    home: SmallHome, scope: str, mode: str, named: str
) -> None:
    [row] = held(home)
    assert row["in_the_way"] == ""
    home.cli("stop", "set", scope, "--mode", mode, "--by", OWNER).check()
    lift = f"answerable stop lift {scope} --mode {mode} --by PERSON"
    refused = home.cli("approval", "grant", row["effect"], "--by", SPECIALIST)
    refused.fails(4, "cannot_act_now", f"a stop ({mode}) is on {named}", "waits as before", lift)
    assert [one["effect"] for one in held(home)] == [row["effect"]]
    listed = home.cli("approval", "list").check()
    assert f"a stop ({mode}) is on {named}" in listed.out
    assert lift in listed.err, "what comes first is said before a yes is given"
    home.cli("stop", "lift", scope, "--mode", mode, "--by", OWNER).check()
    home.cli("approval", "grant", row["effect"], "--by", SPECIALIST).check()
    assert home.sent == ["Refunded."]


def test_the_stop_file_is_named_too_and_a_no_is_taken_under_any_stop(home: SmallHome) -> None:
    [row] = held(home)
    home.cli("kill", "--all").check()
    grant = ("approval", "grant", row["effect"], "--by", SPECIALIST)
    home.cli(*grant).fails(4, "cannot_act_now", "stop file", "answerable stop lift file")
    home.cli("approval", "refuse", row["effect"], "--by", SPECIALIST).check()
    assert held(home) == []


def test_asking_for_everything_is_no_stop_of_what_a_person_says_yes_to(home: SmallHome) -> None:
    [row] = held(home)
    home.cli("stop", "set", "everything", "--mode", "ask", "--by", OWNER).check()
    assert held(home)[0]["in_the_way"] == ""
    home.cli("approval", "grant", row["effect"], "--by", SPECIALIST).check()


def test_after_a_restart_with_another_release_the_hold_waits_for_its_own(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    made = SmallHome(tmp_path_factory.mktemp("gone") / "home").found()
    with working(made):
        made.say("refund", external_id="m1")
        made.settled()
    [row] = held(made)
    assert row["in_the_way"] == "", "a command on a home without a worker has no release loaded"
    written = made.agent.read_text()
    made.agent.write_text(written.replace("About", "On"))
    grant = ("approval", "grant", row["effect"], "--by", SPECIALIST)
    with working(made):
        made.cli(*grant).fails(4, "cannot_act_now", "other code never acts on it")
    made.cli(*grant).fails(4, "cannot_act_now")  # and the same where no worker runs
    made.agent.write_text(written)
    with working(made):
        made.cli(*grant).check()
        assert made.sent == ["Refunded."]


def test_a_yes_that_meets_a_stop_on_its_way_says_so_and_does_not_end_well(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    made = SmallHome(tmp_path_factory.mktemp("race") / "home").found()
    with working(made):
        made.say("refund", external_id="m1")
        made.settled()
    [row] = held(made)
    waits = made.cli("approval", "grant", row["effect"], "--by", SPECIALIST)
    assert waits.code == 5
    assert "Next: answerable worker" in waits.err
    made.cli("kill", "--all").check()  # after the yes, before a worker could act on it
    with working(made):
        made.settled()
        again = made.cli("approval", "grant", row["effect"], "--by", SPECIALIST)
        again.fails(4, "hold_ended", "it is refused")
        assert "refused: stopped" in made.cli("effect", "show", row["effect"]).check().out
    assert made.sent == []


@pytest.mark.parametrize(("status", "code"), [("refused", 4), ("failed", 1), ("asked", 5)])
def test_a_yes_that_did_not_come_to_what_it_said_ends_otherwise_than_well(
    tmp_path: Path, status: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        _told(Answered("eff_1", status, "refund: stopped"), tmp_path, is_over=True, wanted="done")
    assert ended.value.exit_code == code
    assert f"eff_1 is {status}: refund: stopped." in capsys.readouterr().err
