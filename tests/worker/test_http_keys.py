"""Keys for HTTP: shown once, stored as a digest, gone with their person."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from answerable.base.clock import DAY_US
from answerable.base.errors import UsageError
from answerable.people.errors import KeyBeyond, KeyInvalid, KeyRevoked, KeyUnknown, PersonUnknown
from answerable.testing.world import OWNER, SPECIALIST, Life, Till
from answerable.worker import verbs
from answerable.worker.verbs.people import KeyHolder, KeyRow, NewKey
from offices import Ask, asking
from stories import clock_of, inline_world, run, support

NAME = "Kim Quexil's laptop"


@asynccontextmanager
async def at_work(tmp_path: Path) -> AsyncIterator[tuple[Life, Ask]]:
    world = inline_world(tmp_path / "home", support(Till()))
    await world.found()
    async with world.running() as life:
        yield life, asking(life)


async def made(ask: Ask, *scopes: str, person: str = SPECIALIST, expires_at: int = 0) -> NewKey:
    key = await ask(verbs.KeyAdd(person, scopes or ("read",), NAME, expires_at))
    assert isinstance(key, NewKey)
    return key


async def held(ask: Ask, key: NewKey) -> KeyHolder:
    holder = await ask(verbs.KeyCheck(hashlib.sha256(key.secret.encode()).hexdigest()))
    assert isinstance(holder, KeyHolder)
    return holder


async def opens_nothing(ask: Ask, key: NewKey) -> bool:
    with pytest.raises(KeyInvalid) as told:
        await held(ask, key)
    assert (told.value.code, told.value.http_status) == ("key_invalid", 401)
    return True


def test_a_key_acts_as_its_person_within_its_scopes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            key = await made(ask, "desk", "read", "desk")
            assert await held(ask, key) == KeyHolder(
                key.id, life.person(SPECIALIST), "Sam Specialist", ("desk", "read"), 0
            )
            other = await made(ask, "all", person=OWNER)
            assert (await held(ask, other)).person == life.person(OWNER)
            assert key.secret != other.secret
            assert len(key.secret) == len("ak_") + 43, "32 bytes of chance, base64url"

    run(scenario)


def test_a_secret_is_in_no_file_and_a_name_is_readable_only_with_its_persons_key(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            key = await made(ask)
            rows = await ask(verbs.KeyList())
            assert isinstance(rows, list)
            assert [(row.id, row.name) for row in rows] == [(key.id, NAME)]
            for entry in await life.entries():
                assert "Quexil" not in str(entry)
            life.house.hall.keyring.destroy([life.house.hall.people.find(SPECIALIST).kid])
        written = [path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()]
        digest = hashlib.sha256(key.secret.encode()).hexdigest().encode()
        assert any(digest in data for data in written), "or nobody could tell the key"
        for word in (key.secret, key.secret[3:], "Quexil"):
            assert not any(word.encode() in data for data in written)

    run(scenario)


def test_a_revoked_key_opens_nothing_and_is_revoked_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            key, other = await made(ask), await made(ask)
            await ask(verbs.KeyRevoke(key.id, OWNER))
            assert await opens_nothing(ask, key)
            assert await held(ask, other)
            (entry,) = await life.entries("key.revoked")
            assert entry.actor == life.person(OWNER)
            with pytest.raises(KeyRevoked):
                await ask(verbs.KeyRevoke(key.id, OWNER))
            with pytest.raises(KeyUnknown):
                await ask(verbs.KeyRevoke("key_nothing", OWNER))

    run(scenario)


def test_a_key_opens_until_its_time_has_come(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            clock = clock_of(life)
            key = await made(ask, expires_at=clock.now() + DAY_US)
            clock.advance(DAY_US - 1)
            assert await held(ask, key)
            clock.advance(1)
            assert await opens_nothing(ask, key)
            with pytest.raises(UsageError, match="expired before it is made"):
                await made(ask, expires_at=clock.now())

    run(scenario)


def test_who_leaves_loses_every_key_at_that_entry_and_gets_none(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            keys, other = [await made(ask), await made(ask, "all")], await made(ask, person=OWNER)
            before = life.person(SPECIALIST)
            await ask(verbs.PersonLeave(SPECIALIST))
            for key in keys:
                assert await opens_nothing(ask, key)
            assert await held(ask, other)
            with pytest.raises(PersonUnknown):
                await made(ask, person=before)
            await ask(verbs.PersonAdd(SPECIALIST, "Sam again"))
            for key in keys:
                assert await opens_nothing(ask, key), "who comes back is somebody new"

    run(scenario)


@pytest.mark.parametrize("scopes", [(), ("reed",), ("read", "*"), ("all read",)])
def test_a_scope_that_is_none_makes_no_key(tmp_path: Path, scopes: tuple[str, ...]) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            with pytest.raises(UsageError, match="messages, read, desk, approve, control"):
                await ask(verbs.KeyAdd(SPECIALIST, scopes))
            assert await life.entries("key.added") == []

    run(scenario)


def test_keys_stand_in_the_next_life(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            key, gone = await made(ask), await made(ask)
            await ask(verbs.KeyRevoke(gone.id))
            await life.die()
        world = inline_world(tmp_path / "home", support(Till()))
        async with world.running() as life:
            ask = asking(life)
            assert await held(ask, key)
            assert await opens_nothing(ask, gone)
            rows = await ask(verbs.KeyList())
            assert isinstance(rows, list)
            assert {row.id: row.is_valid for row in rows} == {key.id: True, gone.id: False}
            assert all(isinstance(row, KeyRow) for row in rows)

    run(scenario)


async def derived(ask: Ask, maker: NewKey, *scopes: str, expires_at: int = 0) -> NewKey:
    key = await ask(verbs.KeyDerive(maker.id, scopes, NAME, expires_at))
    assert isinstance(key, NewKey)
    return key


def test_a_key_makes_keys_of_its_own_person_and_of_no_more_than_it_may_itself(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            maker = await made(ask, "people", "read")
            key = await derived(ask, maker, "read")
            assert (await held(ask, key)).person == life.person(SPECIALIST)
            entry = (await life.entries("key.added"))[-1]
            assert (entry.actor, entry.changed("made_with")) == (maker.person, maker.id)
            listed = await ask(verbs.KeyList())
            assert isinstance(listed, list)
            assert sorted(one.made_with for one in listed) == ["", maker.id]
            for beyond in (("approve",), ("read", "all"), ("read", "people", "desk")):
                with pytest.raises(KeyBeyond):
                    await derived(ask, maker, *beyond)
            assert len(await life.entries("key.added")) == 2
            assert await derived(ask, await made(ask, "all"), "approve", "all")

    run(scenario)


def test_a_key_makes_none_that_outlives_it_and_none_once_it_opens_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            until = clock_of(life).now() + DAY_US
            maker = await made(ask, "people", expires_at=until)
            assert (await held(ask, await derived(ask, maker, "people"))).expires_at == until
            with pytest.raises(KeyBeyond):
                await derived(ask, maker, "people", expires_at=until + 1)
            await ask(verbs.KeyRevoke(maker.id, OWNER))
            with pytest.raises(KeyInvalid):
                await derived(ask, maker, "people")
            with pytest.raises(KeyInvalid):
                await ask(verbs.KeyDerive("key_nothing", ("people",)))

    run(scenario)
