"""Code that is run again knows words that nobody said they read: what it prints goes nowhere."""

import asyncio
import logging
import sys
from pathlib import Path

import pytest

from answerable import Agent, Context, Message, Reply
from answerable.testing.world import OWNER, World
from answerable.worker.replay.homes import replay_one


def talkative() -> Agent:
    agent = Agent("support", owner=OWNER, desk="orders", purpose="talk")

    @agent.on_message
    async def answer(_: Context, message: Message) -> Reply:
        sys.stdout.write(message.text)
        sys.stderr.write(message.text)
        logging.getLogger("shop").critical("it said %s", message.text)
        return Reply("Heard.")

    return agent


def test_what_an_agent_prints_and_logs_is_not_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        world = World(home=tmp_path / "home", agent=talkative())
        await world.found()
        async with world.running() as life:
            await life.say("kanarie", external_id="m1")
            await life.settled()
            [entry] = await life.entries("decided")
        assert "kanarie" in "".join(capfd.readouterr())
        caplog.clear()
        blueprints = {"support": world.agent.blueprint()}
        found = await replay_one(world.home, entry.id, blueprints)
        assert found.turn.status == "same", found
        assert "kanarie" not in "".join(capfd.readouterr()) + caplog.text

    asyncio.run(scenario())
    logging.getLogger("shop").critical("and the log goes on")
    assert "goes on" in caplog.text
