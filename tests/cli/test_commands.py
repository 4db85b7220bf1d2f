"""Every command, as it is typed: data on stdout, talk on stderr, exit codes that mean something."""

import json
import re
import shlex
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from homes import OWNER, SPECIALIST, SmallHome, cli, until


def read(home: SmallHome, *arguments: str) -> list[dict[str, object]]:
    """A reading command's rows; as text it must have as many lines."""
    rows = json.loads(home.cli(*arguments, "--json").check().out)
    text = home.cli(*arguments).check().out.splitlines()
    assert len(text) == len(rows) + bool(rows)
    return list(rows)


def holds(home: SmallHome) -> list[dict[str, object]]:
    """What waits for a yes or no; as text each is a block that says it all."""
    rows = json.loads(home.cli("approval", "list", "--json").check().out)
    text = home.cli("approval", "list").check().out
    for row in rows:
        for name in ("effect", "action", "exact", "owner_name", "sender", "message", "expires_at"):
            assert str(row[name]) in text, name
        shown = home.cli("approval", "show", row["effect"]).check().out
        assert shown in text
    return list(rows)


def test_reads_print_rows_or_json(home: SmallHome) -> None:
    [agent] = read(home, "agent", "list")
    assert (agent["id"], agent["owner_name"], agent["is_loaded"]) == ("support", "Olga Owner", True)
    assert {row["name"] for row in read(home, "person", "list")} == {"Olga Owner", "Sam Specialist"}
    [hold] = holds(home)
    assert (hold["amount_minor"], hold["currency"]) == (4_000, "USD")
    assert "A1" in str(hold["exact"])
    assert read(home, "effect", "unknown") == []
    assert [row["code"] for row in read(home, "desk", "list")] == ["asked"]
    assert read(home, "desk", "list", "--queue", "nobodys") == []


def test_nothing_is_said_as_talk_not_as_data(home: SmallHome) -> None:
    said = home.cli("effect", "unknown").check()
    assert (said.out, said.err) == ("", "No effect is unknown.\n")


def test_what_strangers_wrote_cannot_move_the_terminal(home: SmallHome) -> None:
    cases = {row["case"] for row in read(home, "desk", "list")}
    decided = json.loads(home.cli("decision", "who", "--random", "--json").check().out)
    assert decided["verdict"] in ("allow", "hold")
    shown = home.cli("case", "show", str(cases.pop())).check().out
    assert "kim1@example.org" in shown
    assert "\x1b" not in shown


def test_a_hold_is_granted_once_and_says_so_the_second_time(home: SmallHome) -> None:
    [hold] = holds(home)
    effect = str(hold["effect"])
    assert f"{effect} is done." in home.cli("approval", "grant", effect, "--by", OWNER).check().err
    home.cli("approval", "refuse", effect, "--by", OWNER).fails(4, "hold_ended", "it is done")
    home.cli("effect", "settle", effect, "--by", OWNER, "--done").fails(4, "effect_not_unknown")


def test_the_desk_is_worked_from_list_to_handback(home: SmallHome) -> None:
    [item] = read(home, "desk", "list")
    case = str(item["case"])
    home.cli("desk", "reply", case, "No.", "--by", SPECIALIST).fails(4, "case_not_yours")
    took = home.cli("desk", "take", case, "--by", SPECIALIST).check()
    assert f"Next: answerable desk reply {case} TEXT --by {SPECIALIST}" in took.err
    said = home.cli("desk", "reply", case, "A person here.", "--by", SPECIALIST).check()
    assert " is done." in said.err
    assert "A person here." in home.sent
    home.cli("desk", "reply", case, "x" * 70_000, "--by", SPECIALIST).fails(2, "over 65536 bytes")
    view = json.loads(home.cli("case", "show", case, "--json").check().out)
    assert view["epoch"] == 3  # the agent's, the desk's, Sam's
    home.cli("desk", "handback", case, "--by", SPECIALIST).check()


def test_an_agent_is_stopped_and_let_go(home: SmallHome) -> None:
    home.cli("agent", "pause", "support", "--by", OWNER).check()
    assert read(home, "agent", "list")[0]["is_stopped"] is True
    home.cli("agent", "resume", "support", "--by", OWNER).check()
    home.cli("stop", "set", "everything", "--by", OWNER).check()
    assert read(home, "stop", "list")[0]["scope"] == "*"
    home.cli("stop", "lift", "everything").fails(2, "Who lets it go")
    home.cli("stop", "lift", "everything", "--by", OWNER).check()
    assert read(home, "agent", "list")[0]["is_stopped"] is False
    home.cli("stop", "lift", "everything", "--by", OWNER).fails(4, "not_stopped")
    home.cli("stop", "set", "support", "--mode", "sleep", "--by", OWNER).fails(2, "no mode 'sleep'")


def test_what_does_not_exist_cannot_be_stopped_by_mistake(home: SmallHome) -> None:
    home.cli("stop", "set", "support/refnd", "--by", OWNER).fails(3, "scope_unknown", "refund")
    home.cli("stop", "set", "pty_nobody", "--by", OWNER).fails(3, "scope_unknown")
    home.cli("stop", "set", "support/refund", "--mode", "read-only", "--by", OWNER).check()
    home.cli("stop", "lift", "support/refund", "--mode", "read-only", "--by", OWNER).check()


def test_a_kill_of_everything_holds_without_anybody_and_is_lifted(home: SmallHome) -> None:
    home.cli("kill").fails(2, "kill AGENT --by PERSON")
    home.cli("kill", "support", "--by", OWNER).check()
    home.cli("agent", "resume", "support", "--by", OWNER).check()
    assert "stop file is pressed" in home.cli("kill", "--all").check().err
    assert [row["scope"] for row in read(home, "stop", "list")] == ["file"]
    assert "Still in force" not in home.cli("stop", "lift", "file").check().err
    assert read(home, "stop", "list") == []


def test_who_lifts_the_stop_file_is_told_what_stands_still_all_the_same(home: SmallHome) -> None:
    home.cli("kill", "--all", "--by", OWNER).check()
    said = home.cli("stop", "lift", "file").check().err
    assert "Still in force: everything (pause)." in said
    home.cli("stop", "lift", "everything", "--by", OWNER).check()


def test_a_name_that_no_agent_has_had_yet_is_asked_about(home: SmallHome) -> None:
    """Who answers may say so before the agent exists; a name written wrong looks the same."""
    asked = "No release of agent 'suport' has been at work here yet: is its name right?"
    assert asked in home.cli("owner", "accept", "suport", "--person", OWNER).check().err


def test_who_is_asked_about_and_is_not_there_is_not_found(home: SmallHome) -> None:
    home.cli("person", "leave", "nobody@acme.example").fails(3, "person_unknown")
    home.cli("owner", "accept", "support", "--person", "nobody").fails(3, "person_unknown")
    home.cli("stop", "set", "sport", "--by", OWNER).fails(3, "registered: support")
    home.cli("desk", "take", "cas_no", "--by", OWNER).fails(3, "case_not_found")
    home.cli("case", "show", "cas_no").fails(3, "case_not_found")
    home.cli("approval", "grant", "eff_no", "--by", OWNER).fails(3, "effect_not_found")
    home.cli("decision", "who", "dec_no").fails(3, "No entry 'dec_no'")
    home.cli("ledger", "prove", "99999").fails(3, "no entry 99999")
    home.cli("person", "add", OWNER, "--name", "Again").fails(4, "person_exists")
    home.cli("decision", "who").fails(2, "--random")


def test_the_checkpoint_and_a_proof_are_data(home: SmallHome) -> None:
    assert home.cli("ledger", "checkpoint").check().out.startswith("acme.example/small\n")
    assert home.cli("ledger", "prove", "0").check().out.startswith("c2sp.org/tlog-proof@v1\n")
    verified = json.loads(home.cli("ledger", "verify", "--json").check().out)
    assert verified["verified"] is True


def test_next_names_the_home_that_was_worked_on(home: SmallHome) -> None:
    told = home.cli("decision", "who", "--random").check().err
    command = told.removeprefix("Next: answerable ").strip()
    assert cli(*shlex.split(command)).check().out.startswith("c2sp.org")


def test_a_specialists_leaving_is_recorded_and_said(home: SmallHome) -> None:
    home.cli("person", "add", "max@acme.example", "--name", "Max").check()
    home.cli("person", "leave", "max@acme.example", "--yes").check()
    home.cli("desk", "take", "cas_no", "--by", "max@acme.example").fails(3, "person_unknown")


def test_an_owner_asks_delegates_and_is_shown(home: SmallHome) -> None:
    home.cli("owner", "accept", "support", "--person", SPECIALIST).fails(
        4, "owner_not_asked", "answerable owner set support per_"
    )
    home.cli("owner", "set", "support", SPECIALIST, "--by", SPECIALIST).fails(4, "not_the_owner")
    asked = home.cli("owner", "set", "support", SPECIALIST, "--by", OWNER).check().err
    assert f"Next: answerable owner accept support --person {SPECIALIST}" in asked
    typed = ("owner", "delegate", "support", "--by", OWNER)
    home.cli(*typed, "--to", SPECIALIST, "--until", "+8h").check()
    view = json.loads(home.cli("owner", "show", "support", "--json").check().out)
    assert (view["accountable_name"], view["owner_name"]) == ("Sam Specialist", "Olga Owner")
    assert view["asked_name"] == "Sam Specialist"
    said = home.cli("owner", "show", "support").check().out
    assert said == view["sentence"] + "\n"
    assert read(home, "person", "list")[1]["stands_in_for"] == ["support"]
    home.cli(*typed, "--end").check()
    assert "Olga Owner" in home.cli("owner", "show", "support").check().out
    for wrong in (("--to", SPECIALIST), ("--end", "--to", SPECIALIST), ("--until", "+8h"), ()):
        home.cli(*typed, *wrong).fails(2, "Nothing was changed.")
    home.cli(*typed, "--to", SPECIALIST, "--until", "tomorrow").fails(2, "'tomorrow' is no time")
    home.cli("owner", "show", "sport").fails(3, "agent_unknown")


def test_who_leaves_is_told_whose_agents_stopped_and_who_is_asked(tmp_path: Path) -> None:
    made = SmallHome(tmp_path / "home").found()
    made.cli("person", "add", "bea@acme.example", "--name", "Bea", "--by", OWNER).check()
    typed = ("--reports-to", "bea@acme.example")
    made.cli("person", "add", "dan@acme.example", "--name", "Dan", *typed).check()
    made.cli("owner", "set", "support", "dan@acme.example", "--by", OWNER).check()
    made.cli("owner", "accept", "support", "--person", "dan@acme.example").check()
    said = made.cli("person", "leave", "dan@acme.example", "--by", OWNER, "--yes").check().err
    [asked] = re.findall(r"Agent support stopped: (per_\w+) is asked to answer for it\.", said)
    assert f"Next: answerable owner accept support --person {asked}" in said
    made.cli("owner", "accept", "support", "--person", "bea@acme.example").check()
    assert "Bea" in made.cli("owner", "show", "support").check().out


def test_a_key_is_shown_once_listed_and_revoked(home: SmallHome) -> None:
    typed = ("key", "add", "--person", SPECIALIST, "--scope", "read", "--scope", "desk")
    made = home.cli(*typed, "--name", "a laptop", "--days", "30").check()
    secret = made.out.strip()
    assert re.fullmatch(r"ak_[\w-]{43}", secret), "the secret alone is data"
    assert secret not in made.err
    [row] = read(home, "key", "list")
    assert (row["name"], row["person_name"]) == ("a laptop", "Sam Specialist")
    assert (row["scopes"], row["is_valid"]) == (["read", "desk"], True)
    key = str(row["id"])
    home.cli("key", "revoke", key, "--by", OWNER).check()
    assert read(home, "key", "list")[0]["is_valid"] is False
    home.cli("key", "revoke", key, "--by", OWNER).fails(4, "key_revoked")
    home.cli("key", "add", "--person", SPECIALIST, "--scope", "reed").fails(2, "'reed' was given")


LISTS = (
    "person list", "agent list", "release list", "desk list", "case list", "interaction list",
    "party list", "decision list", "stop list", "key list", "approval list", "ledger search",
)  # fmt: skip


@pytest.mark.parametrize("listed", LISTS)
def test_no_list_shows_what_only_a_program_understands(home: SmallHome, listed: str) -> None:
    out = home.cli(*listed.split()).check().out
    assert not re.search(r"\b\d{14,}\b", out), "a time in microseconds"
    assert "{'" not in out, "a dictionary as it is in memory"
    assert not re.search(r"\b(is|has)_[a-z]+", out.partition("\n")[0]), "a field's name"


# Wrong calls and wrong homes


@pytest.mark.parametrize(
    "typed",
    ["fly", "desk fly", "desk take", "person add", "ledger prove x", "desk list --limit 0",
     "demo --interactions none", "demo --interactions 0", "approval list --nope"],
)  # fmt: skip
def test_a_wrong_call_is_told_in_three_sentences(typed: str) -> None:
    cli(*typed.split()).fails(2, "error (usage): ", "Nothing was done. Next: answerable")


def test_a_misspelt_command_is_answered_with_the_one_that_was_meant() -> None:
    cli("statsu").fails(2, "Did you mean 'status'? Nothing was done.")


def test_a_decision_is_found_by_the_id_of_its_effect(home: SmallHome) -> None:
    effect = str(read(home, "decision", "list")[0]["decision"]).replace("dec_", "eff_")
    said = home.cli("decision", "who", effect).check().out
    assert said == home.cli("decision", "who", effect.replace("eff_", "dec_")).check().out


def test_a_home_that_is_none(tmp_path: Path) -> None:
    cli("agent", "list", "--home", str(tmp_path / "new")).fails(3, "not_a_home")
    cli("ledger", "verify", "--home", str(tmp_path / "new")).fails(3, "has no ledger")
    assert not (tmp_path / "new").exists()
    (tmp_path / "thesis.doc").write_text("years of work")
    cli("person", "add", "a@b.example", "--name", "A", "--home", str(tmp_path)).fails(
        2, "wrong_home", "a folder with other things in it"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]
    cli("agent", "list", "--home", str(tmp_path / "thesis.doc")).fails(3, "not_a_home")


def test_a_home_of_a_newer_program(tmp_path: Path) -> None:
    made = SmallHome(tmp_path / "home").found()
    db = sqlite3.connect(made.path / "answerable.db")
    db.execute("PRAGMA user_version = 9999")
    db.close()
    made.cli("agent", "list").fails(1, "newer_schema", "9999", "install the newer Answerable")
    made.cli("worker").fails(1, "newer_schema")


@pytest.mark.parametrize("file", ["answerable.db", "keys.db"])
def test_a_damaged_file(tmp_path: Path, file: str) -> None:
    made = SmallHome(tmp_path / "home").found()
    for rest in made.path.glob(f"{file}-*"):
        rest.unlink()
    (made.path / file).write_bytes(b"nothing of a database" * 1_000)
    made.cli("agent", "list").fails(1, "corrupt_page", file)
    made.cli("worker").fails(1, "corrupt_page", file)


def test_a_lost_home_key(tmp_path: Path) -> None:
    made = SmallHome(tmp_path / "home").found()
    (made.path / "home.key").write_bytes(b"k" * 32)
    made.cli("person", "list").fails(1, "home's key")
    (made.path / "home.key").chmod(0o644)
    made.cli("person", "list").fails(1, "chmod 600")


def test_policies_are_checked_before_a_worker_meets_them(tmp_path: Path) -> None:
    made = SmallHome(tmp_path / "home")
    assert "2 rules load" in cli("policy", "check", str(made.path)).check().err
    assert "2 rules load" in cli("policy", "check", str(made.path / "policies")).check().err
    made.policy.write_text(made.policy.read_text().replace('"perform"', '"preform"'))
    said = cli("policy", "check", str(made.path)).fails(2, "policy_invalid", "small.cedar:3 @tools")
    assert "Nothing was loaded." in said.err
    free = '@id("free") permit (principal == Agent::"any", action, resource == Tool::"any");'
    made.policy.write_text(free)
    cli("policy", "check", str(made.path)).fails(2, "policy_invalid", "there is no agent `any`")
    cli("policy", "check", str(tmp_path / "no")).fails(3, "no policy folder")
    made.policy.write_text("")
    assert "everything is denied" in cli("policy", "check", str(made.path)).check().err


def test_founding_a_home_from_nothing(tmp_path: Path) -> None:
    made = SmallHome(tmp_path / "home")
    shutil.rmtree(made.path / "policies")  # not needed yet
    made.founding()
    [agent_less] = [line for line in made.cli("person", "list").check().out.splitlines()
                    if "Olga" in line]  # fmt: skip
    assert "support" in agent_less
    assert made.cli("agent", "list").check().err == "No agent is registered in this home.\n"


def test_a_command_that_nobody_reads_to_its_end_ends_quietly(tmp_path: Path) -> None:
    import subprocess  # noqa: PLC0415

    from homes import environment  # noqa: PLC0415

    made = SmallHome(tmp_path / "home").found()
    typed = f"{sys.executable} -m answerable.cli person list --home {made.path} | true"
    done = subprocess.run(
        ["bash", "-c", typed], capture_output=True, text=True, check=False, env=environment()
    )
    assert done.stderr == ""


# The day's input


def test_a_wrong_line_of_real_input_is_named_and_nothing_is_sent(tmp_path: Path) -> None:
    source = tmp_path / "day.jsonl"
    lines = [{"external_id": "1", "from": "a@b.example", "text": "hi"}, {"external_id": "2"}]
    source.write_text("".join(json.dumps(line) + "\n" for line in lines) + "{\n")
    home = tmp_path / "day"
    said = cli("demo", "--from", str(source), "--home", str(home)).fails(2, "Nothing was sent.")
    assert "line 2: missing field `from`" in said.err
    assert "line 3: not JSON" in said.err
    source.write_text(json.dumps(lines[0] | {"text": "x" * 300_000}) + "\n")
    cli("demo", "--from", str(source), "--home", str(home)).fails(2, "line 1: text has 300000")
    cli("demo", "--from", str(tmp_path / "no"), "--home", str(home)).fails(3, "There is no file")
    assert not home.exists()


def test_an_oversized_message_is_refused_with_its_batch(home: SmallHome) -> None:
    from answerable.worker.client import RemoteError  # noqa: PLC0415

    with pytest.raises(RemoteError, match="over 262144 bytes") as told:
        home.say("x" * 300_000, external_id="big")
    assert told.value.exit_code == 2
    until(lambda: home.settled().waiting == 0)
