"""One place acts: no other file of the house calls a tool or a rail; each call has an end."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import answerable
from answerable.agents.domain import Patience
from answerable.base.errors import UsageError
from answerable.base.settings import CALL_SECONDS_MAX, parse_settings
from answerable.desk.service import SENDS_END_S
from answerable.pipeline.bounded import CANCEL_S
from answerable.pipeline.hall import Line
from answerable.testing.world import Mailbox

HOUSE = Path(answerable.__file__).parent
ACT = HOUSE / "pipeline" / "act.py"


def touches(source: str) -> Iterator[str]:
    """The calls of `<tool>.perform`, and of `send` and `find` on a `rail`."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        on = ast.unparse(node.func.value).rpartition(".")[2]
        if node.func.attr == "perform" or (on == "rail" and node.func.attr in ("send", "find")):
            yield f"{on}.{node.func.attr}"


def test_only_act_calls_a_tool_or_a_rail() -> None:
    assert sorted(touches(ACT.read_text())) == ["rail.find", "rail.send", "tool.perform"]
    others = [file for file in HOUSE.rglob("*.py") if file != ACT]
    assert [str(file) for file in others if any(touches(file.read_text()))] == []


@pytest.mark.parametrize(
    "line", ["await tool.perform(call)", "hall.lines['sms'].rail.send(text)", "rail.find('x')"]
)
def test_a_call_anywhere_else_would_be_seen(line: str) -> None:
    assert list(touches(f"async def x():\n    {line}\n"))


def test_a_takeover_waits_longer_than_any_send_may_take() -> None:
    assert CALL_SECONDS_MAX + CANCEL_S < SENDS_END_S


@pytest.mark.parametrize("deadline_s", [50.5, 3_600, 0, -1, float("nan"), float("inf")])
def test_a_longer_deadline_is_refused_where_it_is_said(deadline_s: float) -> None:
    with pytest.raises(ValueError, match="deadline_s"):
        Patience(deadline_s=deadline_s)
    with pytest.raises(ValueError, match="deadline_s"):
        Line(Mailbox(), "support", deadline_s)
    text = f'[rails.mail]\nuse = "pull"\nagent = "support"\ndeadline_s = {deadline_s}\n'
    with pytest.raises(UsageError, match="deadline_s"):
        parse_settings(text, "answerable.toml")


@pytest.mark.parametrize("settles_s", [-0.1, float("nan"), 90_000])
def test_a_time_to_settle_that_cannot_be_kept_is_refused(settles_s: float) -> None:
    with pytest.raises(ValueError, match="settles_s"):
        Patience(settles_s=settles_s)


@pytest.mark.parametrize("attempts_max", [0, -1, 101, 1.5])
def test_a_number_of_attempts_that_is_none_is_refused(attempts_max: float) -> None:
    with pytest.raises(ValueError, match="attempts_max"):
        Patience(attempts_max=attempts_max)  # type: ignore[arg-type]
