"""What a home's folder says is read whole or refused with what is wrong with it."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from answerable.base.errors import AnswerableError, NotFound, UsageError
from answerable.compose.configured import SettingsMissing, office_plan, plan, policies_of
from answerable.policy.errors import PolicyInvalid
from homes import AGENT, POLICY, SmallHome


@pytest.fixture
def home(tmp_path: Path) -> SmallHome:
    return SmallHome(tmp_path / "home")


def test_an_agent_may_lie_beside_its_settings(home: SmallHome) -> None:
    found = plan(home.path)
    assert [blueprint.agent for blueprint in found.blueprints] == ["support"]
    assert found.lines["email"].agent == "support"
    assert found.origin == "acme.example/small"
    assert len(found.policy.statements) == 2


Spoil = Callable[[SmallHome], object]
WRONG: dict[str, tuple[type[AnswerableError], Spoil, str]] = {
    "unknown agent": (
        UsageError, lambda home: home.says('agent = "support"', 'agent = "suport"'),
        "names agent 'suport', which is not configured (configured: support)",
    ),
    "unknown key": (UsageError, lambda home: home.says("stall_s", "stal_s"), "stal_s"),
    "zero": (UsageError, lambda home: home.says("stall_s = 1.0", "in_flight_max = 0"), ">= 1"),
    "not TOML": (UsageError, lambda home: home.settings.write_text("agents = ["), ".toml' cannot"),
    "not UTF-8": (UsageError, lambda home: home.settings.write_bytes(b"\xff"), "not UTF-8"),
    "a folder": (UsageError, lambda home: _folder(home.settings), "Is a directory"),
    "no module": (UsageError, lambda home: home.agent.unlink(), "No module named 'small_agent'"),
    "no attribute": (UsageError, lambda home: home.says(":support", ":sport"), "'sport'"),
    "no colon": (UsageError, lambda home: home.says("agent:support", "agent"), "module:attribute"),
    "no agent": (UsageError, lambda home: home.says(":support", ":Mailbox"), "not an answerable"),
    "twice": (
        UsageError, lambda home: home.says('t:support"', 't:support", "small_agent:support"'),
        "Two agents are called 'support'",
    ),
    "its code fails": (
        UsageError, lambda home: home.agent.write_text("raise RuntimeError('hunter2')"),
        "at small_agent.py:1 in <module>. Nothing was started. Next: correct small_agent.py:1",
    ),
    "its syntax": (
        UsageError, lambda home: home.agent.write_text("\n\ndef x(:"), "correct small_agent.py:3",
    ),
    "an import of its own": (
        UsageError, lambda home: home.agent.write_text("\nimport not_there"),
        "small_agent.py:2: No module named 'not_there'. Nothing was started. Next: correct small_",
    ),
    "an empty folder of policies": (
        NotFound, lambda home: home.policy.unlink(), "No .cedar file is in '",
    ),
    "no handler": (
        UsageError, lambda home: home.agent.write_text(AGENT.replace("@support.on_message", "")),
        "no handler",
    ),
    "none of ours": (
        UsageError, lambda home: home.says("small_agent:rail", "push"), "none of ours (pull)",
    ),
    "identifier of another's": (
        UsageError, lambda home: home.says(':rail"', ':rail"\nidentifier = "email"'),
        "`identifier` is for rails of ours",
    ),
    "too patient": (
        UsageError, lambda home: home.says(':rail"', ':rail"\ndeadline_s = 60'), "deadline_s",
    ),
    "a tool too patient": (
        UsageError,
        lambda home: home.agent.write_text(
            AGENT.replace("import Agent", "import Patience, Agent").replace(
                '"idempotent")', '"idempotent", patience=Patience(settles_s=-1))'
            )
        ),
        "`settles_s` is 0 or more",
    ),
    "a limit below zero": (
        UsageError,
        lambda home: home.agent.write_text(
            AGENT.replace("import Agent", "import Limit, Agent").replace(
                '"idempotent")', '"idempotent", limit=Limit(count_per_day=-1))'
            )
        ),
        "A limit is zero or more",
    ),
    "no factory": (UsageError, lambda home: home.says(":rail", ":HERE"), "not a function"),
    "no rail": (UsageError, lambda home: home.says(":rail", ":Path"), "has no repeat"),
    "rail fails": (
        UsageError, lambda home: home.agent.write_text(AGENT.replace("return Mailbox()", "1 / 0")),
        "ZeroDivisionError at small_agent.py",
    ),
    "no policies": (
        NotFound, lambda home: home.says("[rails.email]", 'policies = "off"\n[rails.email]'), "off",
    ),
    "misspelt action": (
        PolicyInvalid, lambda home: home.policy.write_text(POLICY.replace('"reply"', '"rply"')),
        "small.cedar:2 @replies",
    ),
    "misspelt agent": (
        PolicyInvalid,
        lambda home: home.policy.write_text(POLICY + FORBID.replace("NAME", "suport")),
        "small.cedar:4 @never",
    ),
}  # fmt: skip
FORBID = '@id("never") forbid (principal == Agent::"NAME", action, resource);\n'


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_with_what_was_not_done_and_what_to_do(
    home: SmallHome, what: str
) -> None:
    kind, spoil, part = WRONG[what]
    spoil(home)
    with pytest.raises(kind) as wrong:
        plan(home.path)
    assert part in str(wrong.value)
    assert wrong.value.not_done
    assert wrong.value.next_command
    assert "hunter2" not in str(wrong.value)


def test_settings_may_lie_beside_the_home_in_its_project(home: SmallHome) -> None:
    found = plan(home.path / ".answerable")
    assert (found.home, found.origin) == (home.path / ".answerable", "acme.example/small")
    assert [blueprint.agent for blueprint in found.blueprints] == ["support"]
    assert len(found.policy.statements) == 2
    assert policies_of(home.path / ".answerable") == home.path / "policies"


def test_settings_in_the_home_come_before_those_beside_it(home: SmallHome) -> None:
    inner = home.path / ".answerable"
    inner.mkdir()
    (inner / "answerable.toml").write_text('[ledger]\norigin = "acme.example/inner"\n')
    assert office_plan(inner).origin == "acme.example/inner"
    assert plan(inner).blueprints == ()


def test_where_no_settings_are_no_agent_is_known_and_that_is_said(home: SmallHome) -> None:
    home.settings.unlink()
    with pytest.raises(SettingsMissing) as missing:
        plan(home.path)
    assert str(home.path.parent) in missing.value.next_command
    assert office_plan(home.path).blueprints == ()  # its books can be opened all the same


def test_settings_that_somebody_else_may_have_put_beside_a_home_are_not_followed(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.path.chmod(0o777)
    assert plan(home.path / ".answerable").blueprints  # they are ours
    os.chown(home.settings, 12_345, -1) if not os.geteuid() else monkeypatch.setattr(
        os, "geteuid", lambda: 12_345
    )
    with pytest.raises(UsageError, match="belongs to another user"):
        plan(home.path / ".answerable")
    home.path.chmod(0o755)
    assert plan(home.path / ".answerable").blueprints  # nobody else may write there


def test_a_rail_of_ours_goes_by_its_short_name(home: SmallHome) -> None:
    home.says('use = "small_agent:rail"', 'use = "pull"')
    rail = plan(home.path).lines["email"].rail
    assert (rail.identifier_kind, rail.repeat) == ("chat", "idempotent")
    home.says('use = "pull"', 'use = "pull"\nidentifier = "email"')
    assert plan(home.path).lines["email"].rail.identifier_kind == "email"


def test_a_rule_about_the_agent_that_there_is_loads(home: SmallHome) -> None:
    home.policy.write_text(POLICY + FORBID.replace("NAME", "support"))
    assert len(plan(home.path).policy.statements) == 3


def test_a_command_opens_the_books_however_broken_the_code_and_the_policies_are(
    home: SmallHome,
) -> None:
    home.agent.write_text("def")
    home.policy.write_text("permit")
    found = office_plan(home.path)
    assert (found.origin, list(found.blueprints)) == ("acme.example/small", [])
    assert "small_agent" not in sys.modules
