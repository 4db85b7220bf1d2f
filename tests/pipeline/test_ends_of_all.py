"""Code that raises what is no Exception costs one turn or one effect, never the worker."""

import asyncio
from pathlib import Path

import pytest

from answerable import Agent, Context, Message, Reply
from answerable.effects.domain import Status
from answerable.sdk.words import Outcome
from answerable.testing.world import OWNER, Till
from stories import inline_world, queue_of, refund_of, run, scene


class Odd(BaseException):
    """As a library's own end of everything."""


ENDS = [Odd, KeyboardInterrupt, GeneratorExit, SystemExit]


def agent_that_raises(end: type[BaseException], where: str) -> Agent:
    agent = Agent("support", owner=OWNER, desk="orders", purpose="raise")

    async def step() -> int:
        raise end

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Outcome:
        if message.text == "hello":
            return Reply("Hello.")
        if where == "step":
            await ctx.step(step)
        if where == "gathered step":
            await asyncio.gather(ctx.step(step))
        raise end

    return agent


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("where", ["handler", "step", "gathered step"])
def test_whatever_a_turn_raises_it_costs_that_turn(
    tmp_path: Path, end: type[BaseException], where: str
) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", agent_that_raises(end, where))
        await world.found()
        async with world.running() as life:
            await life.say("bad", external_id="m1")
            await life.settled()
            await life.say("hello", external_id="m2", sender="lee@example.org")
            await life.settled()
            assert queue_of(life) == [("orders", "agent_failed")]
            assert world.mailbox.texts == ["Hello."]
            assert life.dispatcher.failure is None

    run(scenario)


@pytest.mark.parametrize("end", ENDS)
def test_whatever_a_tool_raises_it_costs_that_effect(
    tmp_path: Path, end: type[BaseException]
) -> None:
    async def scenario() -> None:
        async def ends(_key: str) -> None:
            raise end

        world = scene(tmp_path, Till(before=ends), repeat="at_most_once")
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            assert refund_of(life).status is Status.ASKED
            assert queue_of(life) == [("orders", "effect_unknown")]
            assert life.dispatcher.failure is None

    run(scenario)


def test_whatever_the_hallway_raises_the_arrival_ends_at_the_desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async def breaks(*_: object) -> None:
            raise Odd

        world = scene(tmp_path, Till())
        await world.found()
        async with world.running() as life:
            monkeypatch.setattr("answerable.pipeline.decide", breaks)
            await life.say("hello", external_id="m1")
            await life.settled()
            assert queue_of(life) == [("orders", "internal")]

    run(scenario)
