"""What a home does when something of it is damaged or gone: it says so, and loses no more."""

import sqlite3
from contextlib import closing
from pathlib import Path

from answerable.adapters.engines.embedded.journal import DATABASE
from answerable.compose.house import open_house
from answerable.testing.world import Life, Till, World
from stories import inline_world, run, support


async def with_one_waiting(world: World) -> None:
    """A home in which a message was accepted and no worker has taken it yet."""
    await world.found()
    life = Life(open_house(world.plan()))
    await life.say("hello", external_id="m1")
    life.house.abandon()


async def lives_on(world: World, why: str) -> None:
    """The unreadable message is declared a gap; the next one is answered."""
    async with world.running() as life:
        await life.settled()
        (gap,) = await life.entries("gap.declared")
        assert gap.change is not None
        assert gap.change["why"] == why
        assert life.dispatcher.failure is None
        assert life.house.journal.backlog == 0
        await life.say("hello", external_id="m2", sender="lee@example.org")
        await life.settled()
        assert world.mailbox.texts == ["About hello."]
        assert (await life.verified()).problem is None


def test_a_message_whose_bytes_were_damaged_costs_only_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await with_one_waiting(world)
        with closing(sqlite3.connect(world.home / DATABASE)) as database:
            query = "SELECT data FROM arrival WHERE kind = 'message'"
            (data,) = database.execute(query).fetchone()
            flipped = data[:-1] + bytes([data[-1] ^ 1])
            database.execute("UPDATE arrival SET data = ? WHERE kind = 'message'", (flipped,))
            database.commit()
        await lives_on(world, "body_unreadable")

    run(scenario)


def test_a_message_whose_key_was_damaged_costs_only_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await with_one_waiting(world)
        with closing(sqlite3.connect(world.home / "keys.db")) as database:
            address = "(SELECT kid FROM address)"
            database.execute(f"UPDATE key SET wrapped = ? WHERE kid IN {address}", (b"x" * 40,))
            database.commit()
        await lives_on(world, "key_unreadable")

    run(scenario)
