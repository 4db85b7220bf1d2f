"""Who sends a message learns its interaction, however often it is sent and whatever came of it."""

from pathlib import Path

from answerable.compose.house import open_house
from answerable.effects import rows as effects
from answerable.pipeline.receive import find_interaction, find_waiting
from answerable.rails.port import Incoming
from answerable.testing.world import Life, Till, World
from stories import inline_world, run, support


async def new_world(tmp_path: Path) -> World:
    world = inline_world(tmp_path / "home", support(Till()))
    await world.found()
    return world


def test_a_duplicate_is_told_the_first_ones_interaction_while_that_waits_and_after(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await new_world(tmp_path)
        life = Life(open_house(world.plan()))  # nobody works: what comes in waits
        first = await life.say("hello", external_id="m1")
        assert first.interaction.startswith("int_")
        again = await life.say("hello", external_id="m1")
        assert (again.is_new, again.interaction) == (False, first.interaction)
        life.house.abandon()
        async with world.running() as life:
            await life.settled()
            assert effects.interaction_of(life.db, first.interaction) is not None
            again = await life.say("hello", external_id="m1")
            assert (again.is_new, again.interaction) == (False, first.interaction)
        async with world.running() as life:
            again = await life.say("hello", external_id="m1")
            assert (again.is_new, again.interaction) == (False, first.interaction)
            hall = life.house.hall
            assert await find_interaction(hall, "email", "m1") == first.interaction
            assert await find_interaction(hall, "email", "m2") == ""
            assert await find_interaction(hall, "sms", "m1") == ""
        assert world.mailbox.texts == ["About hello."]

    run(scenario)


def test_of_one_batch_with_a_message_twice_both_are_told_one_interaction(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await new_world(tmp_path)
        async with world.running() as life:
            one = Incoming(external_id="m1", sender="kim@example.org", text="hi", rail="email")
            acks = await life.receive([one, one])
            assert [ack.is_new for ack in acks] == [True, False]
            assert acks[0].interaction == acks[1].interaction
            await life.settled()
            assert effects.interaction_of(life.db, acks[0].interaction) is not None

    run(scenario)


def test_a_message_that_waits_can_be_read_and_one_that_is_done_does_not_wait(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await new_world(tmp_path)
        life = Life(open_house(world.plan()))
        await life.say("hello", external_id="m0", sender="lee@example.org")
        ack = await life.say("hello there", external_id="m1")
        waiting = await find_waiting(life.house.hall, ack.interaction)
        assert waiting is not None
        assert waiting.message is not None
        assert (waiting.rail, waiting.message.text) == ("email", "hello there")
        assert await find_waiting(life.house.hall, "int_nothing") is None
        life.house.abandon()
        async with world.running() as life:
            await life.settled()
            assert await find_waiting(life.house.hall, ack.interaction) is None

    run(scenario)


def test_a_message_that_was_forgotten_before_it_was_read_keeps_its_interaction(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await new_world(tmp_path)
        life = Life(open_house(world.plan()))
        ack = await life.say("hello", external_id="m1")
        keyring = life.house.hall.keyring
        inbox = keyring.identifier_hash("email", "kim@example.org")
        keyring.destroy((await keyring.address_kids([inbox])).values())
        waiting = await find_waiting(life.house.hall, ack.interaction)
        assert waiting is not None
        assert waiting.message is None
        life.house.abandon()
        async with world.running() as life:
            await life.settled()
            (gap,) = await life.entries("gap.declared")
            assert gap.trace is not None
            assert gap.trace.interaction == ack.interaction
            again = await life.say("hello", external_id="m1")
            assert (again.is_new, again.interaction) == (False, ack.interaction)

    run(scenario)
