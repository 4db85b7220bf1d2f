"""The home's key is replaced: everything is read as before, and the old key opens nothing."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from answerable.base.chance import SeededChance
from answerable.base.errors import Broken
from answerable.compose.house import open_house
from answerable.store.keys import KeyDestroyed, KeyStore, home_key
from answerable.store.keys_wrong import KeyUnreadable
from answerable.store.rotation import HOME_KEY_NEXT, rotate_home_key, settle_home_key
from answerable.testing.world import Till, World
from deaths import Dead, dying_at
from homes import OWNER, SmallHome, working
from stories import inline_world, run, support

POINTS = ("rotation.after_next", "rotation.after_rewrap", "rotation.after_rename")


async def rotated(world: World, dies_at: str = "") -> None:
    house = open_house(world.plan())
    try:
        with dying_at(dies_at):
            await rotate_home_key(world.home, house.keys, SeededChance(77))
    finally:
        house.abandon()


async def lives_on(world: World, external_id: str) -> None:
    """The known party is known, its message of before is known, a new one is answered."""
    async with world.running() as life:
        before = life.db.execute("SELECT count(*) FROM party").fetchone()
        assert not (await life.say("hello", external_id="m1")).is_new
        assert (await life.say("more", external_id=external_id)).is_new
        await life.settled()
        assert life.db.execute("SELECT count(*) FROM party").fetchone() == before
        assert life.house.hall.people.find("owner@acme.example")
        assert (await life.verified()).problem is None


def every_byte_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("keys.db*"))


async def with_a_party(home: Path) -> World:
    world = inline_world(home, support(Till()))
    await world.found()
    async with world.running() as life:
        await life.say("hello", external_id="m1")
        await life.settled()
    return world


def test_names_and_bodies_are_what_they_were_and_the_old_key_opens_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await with_a_party(tmp_path / "home")
        old = (world.home / "home.key").read_bytes()
        for number in range(2):
            await rotated(world)
            await lives_on(world, f"n{number}")
        assert (world.home / "home.key").read_bytes() != old
        assert (world.home / "home.key").stat().st_mode & 0o077 == 0
        with pytest.raises(Broken, match="does not open the key store"):
            KeyStore.open(world.home / "keys.db", old)
        assert "About hello." in world.mailbox.texts

    run(scenario)


@pytest.mark.parametrize("point", POINTS)
def test_a_death_at_any_step_leaves_a_home_that_opens(tmp_path: Path, point: str) -> None:
    async def scenario() -> None:
        world = await with_a_party(tmp_path / "home")
        old = (world.home / "home.key").read_bytes()
        with pytest.raises(Dead):
            await rotated(world, dies_at=point)
        await lives_on(world, "n1")
        assert not (world.home / HOME_KEY_NEXT).exists()
        is_old = (world.home / "home.key").read_bytes() == old
        assert is_old == (point == "rotation.after_next")
        await rotated(world)
        await lives_on(world, "n2")

    run(scenario)


def test_a_death_in_the_middle_of_wrapping_leaves_the_old_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        world = await with_a_party(tmp_path / "home")
        wraps = 0

        def wrap(key: bytes, inner: bytes) -> bytes:
            nonlocal wraps
            wraps += 1
            if wraps == 3:
                raise Dead
            from cryptography.hazmat.primitives.keywrap import aes_key_wrap  # noqa: PLC0415

            return aes_key_wrap(key, inner)

        with monkeypatch.context() as patch:
            patch.setattr("answerable.store.keys.aes_key_wrap", wrap)
            with pytest.raises(Dead):
                await rotated(world)
        await lives_on(world, "n1")

    run(scenario)


def test_what_was_destroyed_stays_destroyed_and_what_was_damaged_is_counted(tmp_path: Path) -> None:
    async def scenario() -> None:
        secret = home_key(tmp_path, SeededChance(1))
        keys = KeyStore.open(tmp_path / "keys.db", secret)
        keys.put_many({f"k{n}": bytes([n % 256]) * 32 for n in range(1_200)})
        keys.destroy(["k7"])
        with closing(sqlite3.connect(tmp_path / "keys.db")) as database:
            database.execute("UPDATE key SET wrapped = randomblob(40) WHERE kid = 'k9'")
            database.commit()
        assert await rotate_home_key(tmp_path, keys, SeededChance(2)) == 1
        with pytest.raises(KeyDestroyed):
            keys.get("k7")
        with pytest.raises(KeyUnreadable):
            keys.get("k9")
        keys.close()
        again = KeyStore.open(tmp_path / "keys.db", home_key(tmp_path, SeededChance(3)))
        assert [again.get(f"k{n}") for n in (0, 6, 255)] == [bytes([n]) * 32 for n in (0, 6, 255)]
        assert again.naming_key() == secret
        again.close()

    run(scenario)


def test_nothing_wrapped_under_the_old_key_is_left_in_any_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        secret = home_key(tmp_path, SeededChance(1))
        keys = KeyStore.open(tmp_path / "keys.db", secret)
        keys.put_many({f"k{n}": bytes([n % 256]) * 32 for n in range(300)})
        with closing(sqlite3.connect(tmp_path / "keys.db")) as database:
            before = [row[0] for row in database.execute("SELECT wrapped FROM key")]
        await rotate_home_key(tmp_path, keys, SeededChance(2))
        lying = every_byte_in(tmp_path)
        assert not [wrapped for wrapped in before if wrapped in lying]
        keys.close()

    run(scenario)


def test_a_next_key_that_nobody_uses_is_forgotten(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await with_a_party(tmp_path / "home")
        (world.home / HOME_KEY_NEXT).write_bytes(b"half")
        settle_home_key(world.home)
        assert not (world.home / HOME_KEY_NEXT).exists()
        await lives_on(world, "n1")

    run(scenario)


def test_the_command_says_what_it_changes_and_wants_a_yes(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    old = (home.path / "home.key").read_bytes()
    command = ("key", "rotate-home", "--by", OWNER)
    home.cli(*command).fails(2, "--yes", "Nothing was changed")
    assert (home.path / "home.key").read_bytes() == old
    with working(home):
        home.cli(*command, "--yes").fails(1, "home_held")
    assert (home.path / "home.key").read_bytes() == old
    said = home.cli(*command, "--yes").check()
    assert "ledger index" in said.err
    assert (home.path / "home.key").read_bytes() != old
    assert "Olga Owner" in home.cli("person", "list").check().out
    assert "Verified" in home.cli("ledger", "verify").check().out
