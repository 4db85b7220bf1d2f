"""Each mistake is planted, found, and put right where nothing can be lost by it."""

import json
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from answerable.base.clock import HOUR_US, ManualClock, SystemClock
from answerable.store.disk import MB
from answerable.worker.doctor import CHECKS, Finding, Patient, examine
from homes import OWNER, SmallHome, cli, working

Plant = Callable[[SmallHome], object]


@pytest.fixture
def home(tmp_path: Path) -> SmallHome:
    made = SmallHome(tmp_path / "home").found()
    made.path.chmod(0o700)
    for name in ("answerable.db", "keys.db"):
        (made.path / name).chmod(0o600)
    made.cli("person", "list").check()  # its files are published
    made.says("[ledger]", "[server]\nport = 0\n\n[ledger]")  # whoever else runs tests here
    (made.path / "last-backup").write_text(f"{SystemClock().now()} /elsewhere\n")
    return made


def findings(home: SmallHome, *, fix: bool = False) -> dict[str, Finding]:
    return {one.check: one for one in examine(Patient(home=home.path), fix=fix)}


def test_a_home_as_it_should_be_has_nothing(home: SmallHome) -> None:
    found = findings(home)
    assert {one.state for one in found.values()} == {"ok"}, found
    assert found.keys() == CHECKS.keys()
    assert len(CHECKS) >= 10
    said = home.cli("doctor").check()
    assert said.out.count("ok ") == len(CHECKS)
    assert "Next: answerable worker" in said.err


def sql(home: SmallHome, file: str, statement: str) -> None:
    with closing(sqlite3.connect(home.path / file)) as database:
        database.execute(statement)
        database.commit()


def stale_socket(home: SmallHome) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(home.path / "worker.sock"))
    (home.path / "answerable.db.tmp").write_text("half")


def wants_more_than_there_is(home: SmallHome) -> None:
    home.says("[worker]", "[disk]\nreserve_mb = 1000000000\n\n[worker]")


def grows_fast(home: SmallHome) -> None:
    """30 MB in an hour, and 3 GB until the reserve."""
    free_mb = shutil.disk_usage(home.path).free // MB
    home.says("[worker]", f"[disk]\nreserve_mb = {max(1, free_mb - 3_000)}\n\n[worker]")
    (home.path / "grown").write_bytes(b"x" * 30 * MB)
    (home.path / "disk-use").write_text(f"{SystemClock().now() - HOUR_US} 0 0\n")


def damaged_views(home: SmallHome) -> None:
    home.cli("decision", "list").check()
    (home.path / "views.db").write_bytes(b"no database" * 1_000)


def expiring_key(home: SmallHome) -> None:
    home.cli("key", "add", "--person", OWNER, "--scope", "read", "--days", "3").check()


PROBLEMS: dict[str, tuple[str, Plant, str]] = {
    "an unknown setting": (
        "settings", lambda h: h.says("[ledger]", "[lodger]"),
        "unknown field `lodger` (close to it is `ledger`)"),
    "settings that are no TOML": ("settings", lambda h: h.settings.write_text("a ="), "Next"),
    "a module that is not there": (
        "agents", lambda h: h.says("small_agent:support", "no_agent:support"), "no_agent"),
    "a name that is no agent": (
        "agents", lambda h: h.says("small_agent:support", "small_agent:json"), "not an answerable"),
    "a rail of an unknown agent": (
        "rails", lambda h: h.says('agent = "support"', 'agent = "sport"'), "names agent 'sport'"),
    "a rail that is none": (
        "rails", lambda h: h.says("small_agent:rail", "small_agent:HERE"), "makes no rail"),
    "no policy folder": (
        "policies", lambda h: shutil.rmtree(h.path / "policies"), "no policy folder"),
    "no policy in the folder": ("policies", lambda h: h.policy.unlink(), "everything is denied"),
    "a policy that is invalid": (
        "policies", lambda h: h.policy.write_text("permit (all);"), "small.cedar"),
    "an owner who left": (
        "owners", lambda h: h.cli("person", "leave", OWNER, "--yes").check(), "Nobody answers"),
    "a newer database": (
        "version", lambda h: sql(h, "answerable.db", "PRAGMA user_version = 99"), "schema 99"),
    "no home key": ("keys", lambda h: (h.path / "home.key").unlink(), "home.key' is gone"),
    "another home's key": (
        "keys", lambda h: (h.path / "home.key").write_bytes(b"k" * 32), "does not open keys.db"),
    "no signer": ("keys", lambda h: (h.path / "signer.key").unlink(), "signer.key' is gone"),
    "another name of the log": (
        "keys", lambda h: h.says("acme.example/small", "acme.example/other"), "signing key of"),
    "less space than the reserve": ("disk", wants_more_than_there_is, "less than the reserve"),
}  # fmt: skip
WARNINGS: dict[str, tuple[str, Plant, str]] = {
    "a stop file": ("stop file", lambda h: (h.path / "STOP").touch(), "no agent does anything"),
    "no backup": ("backup", lambda h: (h.path / "last-backup").unlink(), "No backup was made"),
    "an old backup": (
        "backup", lambda h: (h.path / "last-backup").write_text("1767225600000000 /b\n"), "days old"
    ),
    "a disk that fills": ("disk", grows_fast, "is full in"),
    "a key that expires": ("keys for HTTP", expiring_key, "opens nothing any more from"),
}  # fmt: skip
FIXED: dict[str, tuple[str, Plant, str]] = {
    "a home that all may read": ("permissions", lambda h: h.path.chmod(0o755), "may get at"),
    "a key that a group may read": (
        "permissions", lambda h: (h.path / "home.key").chmod(0o640), "home.key"),
    "a socket and halves of files": ("leftovers", stale_socket, "worker.sock"),
    "half of a rotation": (
        "leftovers", lambda h: (h.path / "home.key.next").write_bytes(b"n" * 32), "home.key.next"),
    "a damaged index": ("views", damaged_views, "is damaged"),
    "an index of another version": (
        "views", lambda h: sql(h, "views.db", "PRAGMA user_version = 1"), "of version 1"),
    "no published files": (
        "published files", lambda h: shutil.rmtree(h.path / "ledger"), "missing or damaged"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", PROBLEMS)
def test_a_problem_is_found_with_what_to_do_and_is_not_touched(
    home: SmallHome, mistake: str
) -> None:
    check, plant, said = PROBLEMS[mistake]
    plant(home)
    found = findings(home)[check]
    assert found.state == "problem"
    assert said in f"{found.said} Next: {found.next_command}"
    assert found.next_command
    command = home.cli("doctor", "--fix", "--json")
    assert command.code == 1
    states = {one["check"]: one["state"] for one in json.loads(command.out)}
    assert states[check] == "problem"


def test_what_several_checks_stumble_over_is_said_once(home: SmallHome) -> None:
    home.says("[ledger]", "[lodger]")
    found = findings(home)
    assert [one.check for one in found.values() if one.said] == ["settings"]
    assert found["keys"].state == "skipped"


@pytest.mark.parametrize("mistake", WARNINGS)
def test_a_warning_is_no_failure(home: SmallHome, mistake: str) -> None:
    check, plant, said = WARNINGS[mistake]
    plant(home)
    found = findings(home)[check]
    assert (found.state, found.is_fixable) == ("warning", False)
    assert said in found.said
    assert home.cli("doctor").check()


@pytest.mark.parametrize("mistake", FIXED)
def test_what_can_be_put_right_without_loss_is(home: SmallHome, mistake: str) -> None:
    check, plant, said = FIXED[mistake]
    plant(home)
    before = findings(home)[check]
    assert before.is_fixable
    assert said in before.said
    assert findings(home)[check].state == before.state, "looking changes nothing"
    assert "answerable doctor --fix" in home.cli("doctor").err
    assert findings(home, fix=True)[check].state == "fixed"
    assert findings(home)[check].state == "ok"
    assert "Verified" in home.cli("ledger", "verify").check().out
    assert "Olga Owner" in home.cli("person", "list").check().out


def test_a_clock_behind_the_last_entry_is_found(home: SmallHome) -> None:
    patient = Patient(home=home.path, clock=ManualClock())
    [found] = [one for one in examine(patient) if one.check == "clock"]
    assert found.state == "problem"
    assert "2026-01-01" in found.said


def test_programs_that_are_too_old_are_found(home: SmallHome) -> None:
    for patient, said in (
        (Patient(home=home.path, python=(3, 10)), "Python 3.10 is older than 3.11"),
        (Patient(home=home.path, sqlite=(3, 31, 1)), "SQLite 3.31.1 is older than 3.37"),
    ):
        [found] = [one for one in examine(patient) if one.check == "programs"]
        assert (found.state, found.said.rstrip(".")[-len(said):]) == ("problem", said)  # fmt: skip


def test_an_older_database_under_newer_published_files_is_not_put_right(home: SmallHome) -> None:
    early = home.path.with_name("early")
    shutil.copytree(home.path, early)
    home.cli("person", "add", "n@acme.example", "--name", "N").check()
    shutil.copy(early / "answerable.db", home.path / "answerable.db")
    found = findings(home, fix=True)["published files"]
    assert found.state == "problem"
    assert "older database was put back" in found.said


def test_a_port_that_another_has_is_found(home: SmallHome) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        home.says("port = 0", f"port = {listening.getsockname()[1]}")
        found = findings(home)["port"]
        assert found.state == "warning"
        assert "Address already in use" in found.said
        assert "serve --port" in found.next_command
    assert findings(home)["port"].state == "ok"


def test_nothing_is_taken_from_under_a_worker(home: SmallHome) -> None:
    with working(home):
        sql(home, "views.db", "PRAGMA user_version = 1")
        found = findings(home, fix=True)
        assert found["leftovers"].state == "ok"
        assert found["views"].state == "warning"
        assert not found["views"].is_fixable
        assert (home.path / "views.db").exists()


def test_what_is_no_home_has_no_doctor(tmp_path: Path) -> None:
    cli("doctor", "--home", str(tmp_path / "no")).fails(3, "not_a_home")


THINKS = """
from answerable import Agent

support = Agent("support", owner="olga@acme.example", desk="orders", purpose="answer",
                model={"use": "openai:gpt-5-mini"})


@support.on_message
async def answer(ctx, message):
    return await ctx.think("Answer.", facts=message.text)


def rail(home):
    from small_rail import rail
    return rail(home)
"""


def test_a_worker_that_could_not_start_for_want_of_its_model_is_found_before(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.move(home.agent, home.path / "small_rail.py")
    home.agent.write_text(THINKS)
    monkeypatch.delitem(sys.modules, "small_agent", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    found = findings(home)["models"]
    assert found.state == "problem"
    assert "its key is not in the environment" in found.said
    assert "export OPENAI_API_KEY=" in found.next_command
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    assert findings(home)["models"].state == "ok"
    monkeypatch.delitem(sys.modules, "answerable.adapters.models.pydantic_ai", raising=False)
    monkeypatch.setitem(sys.modules, "pydantic_ai", None)
    assert "packages for models are not installed" in findings(home)["models"].said
    monkeypatch.delitem(sys.modules, "small_agent", raising=False)
