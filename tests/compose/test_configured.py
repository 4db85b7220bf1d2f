"""What a home's folder says is read whole or refused with what is wrong with it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from answerable.base.errors import AnswerableError, NotFound, UsageError
from answerable.compose.configured import office_plan, plan
from answerable.policy.errors import PolicyInvalid
from homes import AGENT, POLICY, SmallHome


@pytest.fixture
def home(tmp_path: Path) -> Iterator[SmallHome]:
    before = list(sys.path)
    yield SmallHome(tmp_path / "home")
    sys.path[:] = before
    sys.modules.pop("small_agent", None)


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
        "RuntimeError at small_agent.py:1",
    ),
    "its syntax": (UsageError, lambda home: home.agent.write_text("def"), "SyntaxError"),
    "no handler": (
        UsageError, lambda home: home.agent.write_text(AGENT.replace("@support.on_message", "")),
        "no handler",
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
