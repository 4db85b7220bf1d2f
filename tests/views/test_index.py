"""The index lags, may be dropped and is built again from the feed; it never leads astray."""

import asyncio
import shutil
import sqlite3
from pathlib import Path

import pytest

from answerable.base.errors import Broken
from answerable.views.index import VIEWS, EntryIndex, Place
from answerable.worker import verbs
from answerable.worker.commands import call
from offices import open_for, small_world


def rows(home: Path) -> list[Place]:
    index = EntryIndex.open(home)
    found = [place for n in range(10_000) if (place := index.at(n)) is not None]
    index.close()
    return found


def test_dropped_it_is_built_again_as_it_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with world.running() as life:
            for number in range(20):
                await life.say(f"refund {number}", external_id=f"m{number}")
            await life.settled()
        async with open_for(world):
            pass
        before = rows(world.home)
        assert len(before) > 60
        (world.home / VIEWS).unlink()
        async with open_for(world) as office:
            assert office.index.cursor == 0  # it lags until it follows
            await office.index.follow(office.house.hall.engine)
            decided = office.index.count("decided")
            assert decided == 40
            first = office.index.nth("decided", 0)
            assert first is not None
            assert first in office.index.of_interaction(first.interaction)
            assert office.index.find(first.id) == first
        assert rows(world.home)[: len(before)] == before

    asyncio.run(scenario())


@pytest.mark.parametrize("damage", [b"not a database at all, but text", b""])
def test_a_damaged_file_is_built_again(tmp_path: Path, damage: bytes) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with open_for(world):
            pass
        (world.home / VIEWS).write_bytes(damage)
        async with open_for(world) as office:
            await office.index.follow(office.house.hall.engine)
            assert office.index.at(0) is not None

    asyncio.run(scenario())


def test_a_file_of_another_version_is_built_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with open_for(world):
            pass
        db = sqlite3.connect(world.home / VIEWS)
        db.executescript("DROP TABLE cursor; CREATE TABLE cursor (x); PRAGMA user_version = 99;")
        db.close()
        async with open_for(world) as office:
            await office.index.follow(office.house.hall.engine)
            assert office.index.at(0) is not None

    asyncio.run(scenario())


def test_an_index_of_a_later_database_is_dropped_and_not_believed(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        earlier = tmp_path / "earlier"
        async with open_for(world):
            pass
        shutil.copytree(world.home, earlier)
        for where, name in ((world.home, "later"), (earlier, "other")):
            world.home = where
            async with open_for(world) as office:
                for number in range(5):
                    await call(office, verbs.PersonAdd(f"{name}{number}@a.example", "P"))
        expected = rows(earlier)
        for suffix in ("", "-wal", "-shm"):
            (earlier / (VIEWS + suffix)).unlink(missing_ok=True)
        shutil.copy(tmp_path / "home" / VIEWS, earlier / VIEWS)
        async with open_for(world) as office:
            await office.index.follow(office.house.hall.engine)
            for place in expected:
                assert office.index.find(place.id) == place

    asyncio.run(scenario())


def test_a_full_disk_is_said_and_the_next_round_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with open_for(world) as office:
            db = office.index._db
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            pages = db.execute("PRAGMA page_count").fetchone()[0]
            db.execute(f"PRAGMA max_page_count = {pages}")
            for number in range(200):
                await call(office, verbs.PersonAdd(f"p{number}@a.example", "P"))
            with pytest.raises(Broken, match="cannot be written"):
                await office.index.follow(office.house.hall.engine)
            db.execute("PRAGMA max_page_count = 100000")
            await office.index.follow(office.house.hall.engine)
            assert office.index.at(200) is not None

    asyncio.run(scenario())
