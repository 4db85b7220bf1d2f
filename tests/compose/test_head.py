"""The log goes on from what was signed, whatever the rows of state say."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from answerable.compose.head import SealDamaged
from answerable.testing.world import Till, World
from stories import inline_world, run, support


async def some_history(tmp_path: Path) -> World:
    world = inline_world(tmp_path / "home", support(Till()))
    await world.found()
    async with world.running() as life:
        await life.say("hello", external_id="m1")
        await life.settled()
    return world


def change(world: World, sql: str) -> None:
    with closing(sqlite3.connect(world.home / "answerable.db")) as database, database:
        database.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM log_head",
        "UPDATE log_head SET seal = (SELECT data FROM record WHERE kind = 'checkpoint' LIMIT 1)",
        'UPDATE log_head SET seal = replace(CAST(seal AS TEXT), \'"range":["\', \'"range":["00\')',
    ],
)
def test_a_changed_row_of_state_is_made_again_from_the_feed(tmp_path: Path, sql: str) -> None:
    async def scenario() -> None:
        world = await some_history(tmp_path)
        change(world, sql)
        async with world.running() as life:
            await life.say("hello again", external_id="m2")
            await life.settled()
            assert (await life.verified()).problem is None
        assert world.mailbox.texts == ["About hello.", "About hello again."]

    run(scenario)


def test_nothing_is_signed_on_top_of_a_seal_that_was_changed(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await some_history(tmp_path)
        last = "(SELECT max(position) FROM record WHERE kind = 'checkpoint')"
        wrong = 'CAST(replace(CAST(data AS TEXT), \'"range":["\', \'"range":["00\') AS BLOB)'
        change(world, f"UPDATE record SET data = {wrong} WHERE position = {last}")
        with pytest.raises(SealDamaged, match="ledger verify"):
            async with world.running():
                pass

    run(scenario)
