"""What a home does when something of it is damaged or gone: it says so, and loses no more."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from answerable.adapters.engines.embedded.journal import DATABASE
from answerable.compose.house import open_house
from answerable.store.files import SecretLost
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


@pytest.mark.parametrize("name", ["signer.key", "keys.db", "home.key"])
def test_a_secret_that_is_gone_is_named_and_never_replaced(tmp_path: Path, name: str) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        away = (world.home / name).rename(tmp_path / name)
        for _ in range(2):  # the refusal leaves nothing behind that the next opening would take
            with pytest.raises(SecretLost) as error:
                open_house(world.plan())
            said = str(error.value)
            assert str(world.home / name) in said
            assert "without it" in said
            assert f"Next: put back the '{name}'" in said
            assert not (world.home / name).exists()
        away.rename(world.home / name)
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await life.settled()
            assert world.mailbox.texts == ["About hello."]
            assert (await life.verified()).problem is None

    run(scenario)


def test_an_emptied_key_store_is_a_lost_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        (world.home / "keys.db").write_bytes(b"")
        with pytest.raises(SecretLost, match=r"keys\.db"):
            open_house(world.plan())

    run(scenario)


def test_a_home_that_was_never_written_in_may_make_its_keys_again(tmp_path: Path) -> None:
    world = inline_world(tmp_path / "home", support(Till()))
    open_house(world.plan()).abandon()
    for name in ("signer.key", "keys.db", "home.key"):
        (world.home / name).unlink()
    open_house(world.plan()).abandon()
