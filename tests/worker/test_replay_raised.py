"""A step that raised is told to people, and raises again where the turn is run again."""

import asyncio
from pathlib import Path

import pytest

from answerable import Agent, Context, Message, Reply
from answerable.ledger.sealing import STEP_KIND, kid_of
from answerable.testing.scripted import ScriptedModel, calls
from answerable.testing.world import OWNER, Life, World
from answerable.worker import commands, verbs
from answerable.worker.replay.found import Replayed
from answerable.worker.replay.homes import replay_one
from answerable.worker.verbs.proofs import Story
from offices import open_for
from thoughts import Shop, thinker, world_of


async def decision(life: Life) -> str:
    [entry] = await life.entries("decided")
    return entry.id


async def again(world: World, decided: str, agent: Agent | None = None) -> Replayed:
    blueprint = (agent or world.agent).blueprint()
    return await replay_one(world.home, decided, {"support": blueprint})


class NoSuchOrder(Exception):
    pass


def looking(*, raises: Exception) -> Agent:
    """Looks an order up, which raises, and goes on as its class says."""
    agent = Agent("support", owner=OWNER, desk="orders", purpose="look")

    async def look(order: str) -> int:
        raise raises

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Reply:
        try:
            await ctx.step(look, message.text)
        except NoSuchOrder as error:
            return Reply(f"There is no {error.args[0]}.")
        except OSError as error:
            return Reply(f"Later: {error.errno}.")
        except ValueError as error:
            return Reply(f"Else: {error}")
        return Reply("Found.")

    return agent


@pytest.mark.parametrize(
    ("raises", "said"),
    [
        (NoSuchOrder("kanarie"), "There is no kanarie."),
        (OSError(110, "kanarie"), "Later: 110."),
        (ValueError("kanarie"), "Else: kanarie"),
    ],
)
def test_a_step_that_raised_is_told_and_raises_again_at_the_same_place(
    tmp_path: Path, raises: Exception, said: str
) -> None:
    async def scenario() -> None:
        world = World(home=tmp_path / "home", agent=looking(raises=raises))
        await world.found()
        async with world.running() as life:
            await life.say("A1", external_id="m1")
            await life.settled()
            assert world.mailbox.texts == [said]
            one = await decision(life)
        found = await again(world, one, looking(raises=ConnectionError("asked outside")))
        assert (found.turn.status, found.turn.steps) == ("same", 1), found
        async with open_for(world) as office:
            story = await commands.call(office, verbs.DecisionExplain(one))
            assert isinstance(story, Story)
            [step] = [each for each in story.sentences if each.startswith("Step 1")]
            assert f"it raised {type(raises).__qualname__}" in step
            assert "kanarie" in step
            hall = office.house.hall
            [record] = [each async for each in hall.engine.read(0) if each.kind == STEP_KIND]
            assert b"kanarie" not in record.data + (record.body or b"")
            hall.keyring.destroy([kid_of(record)])
            story = await commands.call(office, verbs.DecisionExplain(one))
            assert isinstance(story, Story)
            assert not any("kanarie" in each for each in story.sentences)

    asyncio.run(scenario())


def test_why_a_look_up_failed_is_told_to_people_and_not_to_the_model(tmp_path: Path) -> None:
    async def scenario() -> None:
        model = ScriptedModel([calls("find_order", order_id="gone"), "It is not there."])
        world = await world_of(tmp_path / "home", thinker(Shop()), model)
        async with world.running() as life:
            await life.say("where is gone?", external_id="m1")
            await life.settled()
            assert "failed (LookupError)" in repr(model.asked[-1].turns[-1])
            one = await decision(life)
        assert (await again(world, one)).turn.status == "same"
        async with open_for(world) as office:
            story = await commands.call(office, verbs.DecisionExplain(one))
            assert isinstance(story, Story)
            assert any('"failed":"LookupError","said":"gone"' in each for each in story.sentences)

    asyncio.run(scenario())
