"""The README is true: its agent answers a message, and its Status names what is there."""

import asyncio
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer

from answerable.cli.app import app
from answerable.testing.world import World

README = Path(__file__).parents[1] / "README.md"
ACME = """
from dataclasses import dataclass
from answerable import Money

@dataclass
class Order:
    id: str
    total: Money

class shop:
    refunds = []

    @staticmethod
    async def find_order(text: str) -> Order | None:
        return Order("A1", Money(4_000, "USD")) if "A1" in text else None

    @classmethod
    async def refund(cls, order_id: str, amount: Money, *, key: str) -> str:
        cls.refunds.append((order_id, amount.amount_minor))
        return key
"""


def test_the_agent_of_the_readme_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [code] = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    (tmp_path / "acme.py").write_text(ACME, "utf-8")
    (tmp_path / "readme_agent.py").write_text(code, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    agent = import_module("readme_agent").support
    world = World(home=tmp_path / "home", agent=agent)

    async def scenario() -> None:
        await world.found()
        async with world.running() as life:
            await life.say("Please refund order A1", external_id="m1")
            await life.say("Hello?", external_id="m2", sender="bo@example.org")
            await life.settled()
            kinds = [entry.kind for entry in await life.entries("escalated")]
        assert kinds == ["escalated"]

    asyncio.run(scenario())
    assert world.mailbox.texts == ["Your refund is on its way."]
    assert sys.modules["acme"].shop.refunds == [("A1", 4_000)]


def is_command(typed: str) -> bool:
    found: object = typer.main.get_command(app)
    for word in typed.split():
        found = getattr(found, "commands", {}).get(word)
    return found is not None


def test_what_the_readme_says_to_exist_is_there_and_what_it_says_to_be_missing_is_not() -> None:
    status = README.read_text("utf-8").partition("## Status")[2]
    there, said, missing = status.partition("What does not exist yet:")
    assert said
    exist = [" ".join(typed.split()) for typed in re.findall(r"`answerable ([a-z\s-]+)`", there)]
    absent = re.findall(r"`([a-z -]+)`", missing)
    assert {"ledger export", "party erase", "witness"} <= set(exist)
    assert [typed for typed in exist if not is_command(typed)] == []
    assert absent
    assert [typed for typed in absent if is_command(typed)] == []
