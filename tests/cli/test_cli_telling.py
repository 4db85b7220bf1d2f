"""What a home tells of itself: decisions, the ledger, policies, agents, settings, how it stands."""

import json
import shlex
from pathlib import Path

from homes import OWNER, SmallHome, cli


def test_decisions_are_listed_shown_and_explained(home: SmallHome) -> None:
    rows = json.loads(home.cli("decision", "list", "--limit", "2", "--json").check().out)
    assert len(home.cli("decision", "list").check().out.splitlines()) > len(rows) == 2
    one = str(rows[0]["decision"])
    shown = json.loads(home.cli("decision", "show", one, "--json").check().out)
    assert shown["decision"] == one
    text = home.cli("decision", "show", one).check()
    assert shown["owner_name"] in text.out
    assert f"answerable decision explain {one}" in text.err
    story = home.cli("decision", "explain", one).check()
    assert "was accountable" in story.out
    assert "\x1b" not in story.out
    effect = home.cli("effect", "show", shown["effect"]).check().out
    assert shown["interaction"] in effect
    home.cli("decision", "show", "dec_no").fails(3, "answerable decision list")
    home.cli("effect", "show", "eff_no").fails(3, "effect_not_found")


def test_the_ledger_is_searched(home: SmallHome) -> None:
    found = json.loads(home.cli("ledger", "search", "--kind", "decided", "--json").check().out)
    assert {one["kind"] for one in found} == {"decided"}
    said = home.cli("ledger", "search", "--limit", "2").check()
    assert len(said.out.splitlines()) == 2
    again = said.err.strip().removeprefix("Next: answerable ")
    assert len(cli(*shlex.split(again)).check().out.splitlines()) > 2
    assert "No entry is like that" in home.cli("ledger", "search", "cas_no").check().err


def test_policies_are_explained_and_others_are_tried(home: SmallHome, tmp_path: Path) -> None:
    rules = json.loads(home.cli("policy", "explain", "--json").check().out)
    assert [rule["effect"] for rule in rules] == ["permit", "hold"]
    assert '@hold("desk")' in home.cli("policy", "explain").check().out
    other = tmp_path / "other.cedar"
    other.write_text('@id("none") forbid (principal, action, resource);')
    tried = json.loads(home.cli("policy", "dry-run", str(other), "--json").check().out)
    assert {one["would_be"] for one in tried["changed"]} == {"deny"}
    assert len(tried["changed"]) == tried["judged"]
    same = home.cli("policy", "dry-run", str(home.path / "policies")).check()
    assert "No verdict would change." in same.err
    other.write_text("permit")
    home.cli("policy", "dry-run", str(other)).fails(2, "policy_invalid")


def test_policies_are_read_from_their_folder_where_no_worker_runs(tmp_path: Path) -> None:
    free = SmallHome(tmp_path / "home").found()
    rules = json.loads(free.cli("policy", "explain", "--json").check().out)
    assert [rule["ref"] for rule in rules] == ["small.cedar:2 @replies", "small.cedar:3 @tools"]


def test_an_agent_and_its_releases_are_shown(home: SmallHome) -> None:
    shown = home.cli("agent", "show", "support").check().out
    assert "Olga Owner (per_" in shown
    assert "may refund (refund): idempotent" in shown
    view = json.loads(home.cli("agent", "show", "support", "--json").check().out)
    assert view["today"]["interactions"] == 3
    home.cli("agent", "show", "sport").fails(3, "registered: support")
    [row] = json.loads(home.cli("release", "list", "--json").check().out)
    assert str(row["id"]) in home.cli("release", "list").check().out
    one = str(row["id"])
    assert str(row["index"]) in home.cli("release", "show", one).check().out
    compared = json.loads(home.cli("release", "diff", one, one, "--json").check().out)
    assert set(compared["parts"].values()) == {"same"}
    assert home.cli("release", "diff", one, one).check().out.count("same") == 6
    home.cli("release", "show", "rel_no").fails(3, "answerable release list")


def test_the_settings_in_force_are_shown(home: SmallHome) -> None:
    rows = json.loads(home.cli("config", "show", "--json").check().out)
    by_name = {row["name"]: row for row in rows}
    assert by_name["worker.stall_s"] == {
        "name": "worker.stall_s", "value": "1.0", "is_default": False
    }  # fmt: skip
    lines = home.cli("config", "show").check().out.splitlines()
    assert ["policies", "policies", "(default)"] in [line.split() for line in lines]


def test_status_says_what_waits_and_what_is_wrong(home: SmallHome) -> None:
    view = json.loads(home.cli("status", "--json").check().out)
    assert view["today"]["interactions"] >= 3
    said = home.cli("status").check().out
    assert "acme.example/small: " in said
    assert "agent support: Olga Owner answers for it" in said
    home.cli("stop", "set", "support", "--by", OWNER).check()
    said = home.cli("status").check().out
    assert "! Agent 'support' is stopped: pause." in said
    assert "Next: answerable stop list --home" in said
    home.cli("stop", "lift", "support", "--by", OWNER).check()


def test_a_checkpoint_and_a_proof_can_be_read_as_json(home: SmallHome) -> None:
    head = json.loads(home.cli("ledger", "checkpoint", "--json").check().out)
    assert head["checkpoint"].startswith("acme.example/small\n")
    proof = json.loads(home.cli("ledger", "prove", "0", "--json").check().out)
    assert proof["proof"].startswith("c2sp.org/tlog-proof@v1\nindex 0\n")
    checked = cli("policy", "check", str(home.path / "policies"), "--json").check()
    assert json.loads(checked.out)["rules"] == 2
