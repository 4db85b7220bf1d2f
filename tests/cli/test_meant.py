"""What changes much says first what it will change, and changes nothing before `--yes`."""

import json
import re
from pathlib import Path

import pytest

from answerable import __version__
from homes import OWNER, SPECIALIST, SmallHome, cli, working


@pytest.fixture
def home(tmp_path: Path) -> SmallHome:
    return SmallHome(tmp_path / "home").found()


def rows(home: SmallHome, *arguments: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(home.cli(*arguments, "--json").check().out)
    return found


def test_leaving_says_what_it_ends_before_and_after(home: SmallHome) -> None:
    home.cli("person", "add", "bea@acme.example", "--name", "Bea Boss").check()
    home.cli(
        "person", "add", "dan@acme.example", "--name", "Dan", "--reports-to", "bea@acme.example"
    ).check()
    home.cli("owner", "set", "support", "dan@acme.example", "--by", OWNER).check()
    home.cli("owner", "accept", "support", "--person", "dan@acme.example").check()
    typed = ("key", "add", "--person", "dan@acme.example", "--scope", "messages")
    home.cli(*typed, "--name", "the web shop").check()
    leave = ("person", "leave", "dan@acme.example", "--by", OWNER)
    with working(home):
        home.say("refund", external_id="m1")
        home.settled()
        said = home.cli(*leave)
        said.fails(
            2, "Dan (per_", "Agent support stops", "Bea Boss is asked next", "1 hold will become",
            "1 case will go to the desk", "(the web shop)", "Nothing was changed", "--yes",
        )  # fmt: skip
        assert rows(home, "person", "list")[-1]["has_left"] is False
        assert rows(home, "key", "list")[0]["is_valid"] is True
        told = home.cli(*leave, "--yes").check().err
        assert "1 case went to the desk" in told
        assert "1 hold became a no" in told
        assert re.search(r"1 key for HTTP ended: key_\w+ \(the web shop\)", told)
        assert rows(home, "key", "list")[0]["is_valid"] is False


def test_who_reports_to_nobody_is_said_to_leave_nobody_asked(home: SmallHome) -> None:
    home.cli("person", "leave", OWNER).fails(2, "nobody is asked next")


def test_what_a_pause_sent_to_people_is_given_back_at_once_and_only_that(home: SmallHome) -> None:
    give = ("desk", "handback", "--all-of", "support", "--by", SPECIALIST)
    with working(home):
        home.say("a human please", external_id="m0", sender="asks@example.org")
        home.settled()
        home.cli("agent", "pause", "support", "--by", OWNER).check()
        for number in range(3):
            home.say("hello", external_id=f"m{number + 1}", sender=f"kim{number}@example.org")
        home.settled()
        mine = next(row["case"] for row in rows(home, "desk", "list") if row["code"] == "stopped")
        home.cli("desk", "take", str(mine), "--by", OWNER).check()
        home.cli(*give).fails(
            2, "2 cases of agent support", "'stopped'", "Left with people: 1 case with 'asked'",
            "still stopped (pause)", "not what was written meanwhile", "--yes",
        )  # fmt: skip
        resumed = home.cli("agent", "resume", "support", "--by", OWNER).check().err
        assert "answerable desk handback --all-of support" in resumed, "said where it is needed"
        assert "2 cases" in home.cli(*give, "--yes").check().err
        waits = {(row["case"] == mine, row["code"]) for row in rows(home, "desk", "list")}
        assert waits == {(True, "stopped"), (False, "asked")}
        home.say("hello again", external_id="m9", sender="kim2@example.org")
        home.settled()
        assert home.sent == ["About hello again."]
        assert home.cli(*give, "--yes").check().err.startswith("No case of agent support waits")
    home.cli("ledger", "verify").check()


def test_who_accepts_an_agent_is_told_of_its_cases_that_stay_with_people(home: SmallHome) -> None:
    with working(home):
        home.cli("person", "leave", OWNER, "--yes").check()
        home.say("hello", external_id="m1", sender="kim@example.org")
        home.settled()
        shown = home.cli("owner", "show", "support").check().err
        assert "Next: answerable owner accept support --person" in shown
        said = home.cli("owner", "accept", "support", "--person", SPECIALIST).check().err
        give = "desk handback --all-of support --because no_owner --by"
        assert "1 case went to people while nobody answered" in said
        assert f"answerable {give} {SPECIALIST}" in said
        given = home.cli(*give.split(), SPECIALIST, "--yes").check().err
        assert "Given back to agent support: 1 case." in given


def test_a_case_or_all_of_an_agent_not_both_and_not_neither(home: SmallHome) -> None:
    home.cli("desk", "handback", "--by", OWNER).fails(2, "is not said")
    home.cli("desk", "handback", "cas_1", "--all-of", "support", "--by", OWNER).fails(2)


def test_a_stop_is_lifted_by_the_scope_that_the_list_shows_whichever_mode_it_has(
    home: SmallHome,
) -> None:
    with working(home):
        for scope, mode in (("everything", "ask"), ("support/refund", "read-only")):
            home.cli("stop", "set", scope, "--mode", mode, "--by", OWNER).check()
        listed = home.cli("stop", "list").check()
        assert re.search(r"support/refund +read-only +ledger \d+ +Olga Owner", listed.out)
        for row in rows(home, "stop", "list"):  # as a program reads it
            home.cli("stop", "lift", str(row["scope"]), "--by", OWNER).check()
        assert rows(home, "stop", "list") == []
        for mode in ("ask", "pause"):
            home.cli("stop", "set", "support", "--mode", mode, "--by", OWNER).check()
        home.cli("stop", "lift", "support", "--by", OWNER).fails(2, "ask and pause", "--mode ask")
        lifts = ("stop", "lift", "support", "--by", OWNER, "--mode")
        home.cli(*lifts, "read-only").fails(4, "not_stopped", "in force on it: pause, ask")
        home.cli(*lifts, "pause").check()


def test_a_kill_says_what_it_misses(home: SmallHome) -> None:
    home.cli("kill").fails(2, "Whom to stop is not said")
    home.cli("kill", "support").fails(2, "Who stops 'support' is not said", "kill support --by")
    home.cli("kill", "support", "--all", "--by", OWNER).fails(2, "said twice")


def test_nothing_needs_a_person_is_said_only_where_that_is_so(home: SmallHome) -> None:
    with working(home):
        assert "Nothing needs a person." in home.cli("status").check().out
        home.say("refund", external_id="m1")
        home.say("a human please", external_id="m2", sender="asks@example.org")
        home.settled()
        said = home.cli("status").check()
        assert "Nothing needs a person." not in said.out
        assert "Waits for people: 1 hold, 1 case." in said.out
        assert "Next: answerable approval list" in said.err
    alone = home.cli("status").check().out
    assert "! No worker runs" in alone
    assert "Next: answerable worker" in alone


def test_the_next_command_is_not_a_worker_where_one_runs(home: SmallHome) -> None:
    accept = ("owner", "accept", "support", "--person", OWNER)
    assert "Next: answerable worker" in home.cli(*accept).check().err
    with working(home):
        assert "Next: answerable owner show support" in home.cli(*accept).check().err
        assert "Next: answerable status" in home.cli("doctor", "--fix").check().err


def test_a_home_that_is_none_has_nothing_that_could_be_meant(tmp_path: Path) -> None:
    cli("person", "leave", "x@y.z", "--home", str(tmp_path / "no")).fails(3, "not_a_home")


def test_which_version_it_is_can_be_asked_without_a_home() -> None:
    assert cli("--version").check().out == f"answerable {__version__}\n"


def test_a_key_in_a_file_verifies_and_a_wrong_file_is_named(
    home: SmallHome, tmp_path: Path
) -> None:
    key = home.path / "ledger.vkey"
    home.cli("ledger", "verify", "--vkey", str(key)).check()
    verify = ("ledger", "verify")
    home.cli(*verify, "--vkey", "no.vkey").fails(3, "'no.vkey' cannot be read")
    home.cli(*verify, "--vkey", str(home.settings)).fails(2, f"'{home.settings}' holds no verifier")
    home.cli(*verify, "--earlier", str(home.settings)).fails(3, "is no checkpoint")
