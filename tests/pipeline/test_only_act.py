"""One place acts: no other file of the house calls a tool or a rail; each call has an end."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import answerable
from answerable.desk.service import SENDS_END_S
from answerable.pipeline.bounded import CANCEL_S, DEADLINE_S_MAX, _deadline_s
from answerable.testing.world import Till
from stories import refund_of, run, scene

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


def test_a_takeover_waits_longer_than_any_send_may_take(tmp_path: Path) -> None:
    assert DEADLINE_S_MAX + CANCEL_S < SENDS_END_S

    async def scenario() -> None:
        world = scene(tmp_path, Till(), deadline_s=3_600)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            assert _deadline_s(life.house.hall, refund_of(life)) == DEADLINE_S_MAX

    run(scenario)
