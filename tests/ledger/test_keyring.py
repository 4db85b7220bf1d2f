"""A destroyed key is forgotten everywhere: in the file, in memory, and by who is on the way."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from answerable.base.chance import SeededChance
from answerable.ledger.keyring import Keyring
from answerable.store.keys import KeyDestroyed, KeyStore

HOME = bytes(range(32))


def opened(folder: Path) -> Keyring:
    return Keyring(HOME, KeyStore.open(folder / "keys.db", HOME), SeededChance(1))


def test_what_was_sealed_under_a_destroyed_key_opens_nowhere(tmp_path: Path) -> None:
    keyring = opened(tmp_path)
    kids = asyncio.run(keyring.address_kids(["kim", "lee"]))
    sealed = {name: keyring.seal(kid, "bod_1", b"text") for name, kid in kids.items()}
    keyring.destroy([kids["kim"]])
    with pytest.raises(KeyDestroyed):
        keyring.open(kids["kim"], "bod_1", sealed["kim"])
    assert keyring.open(kids["lee"], "bod_1", sealed["lee"]) == b"text"
    keyring.store.close()


def test_an_address_whose_key_was_destroyed_gets_another_one(tmp_path: Path) -> None:
    keyring = opened(tmp_path)
    first = asyncio.run(keyring.address_kids(["kim"]))["kim"]
    keyring.destroy([first])
    second = asyncio.run(keyring.address_kids(["kim"]))["kim"]
    assert second != first
    assert keyring.open(second, "b", keyring.seal(second, "b", b"text")) == b"text"
    keyring.store.close()
    again = opened(tmp_path)
    assert asyncio.run(again.address_kids(["kim"])) == {"kim": second}
    again.store.close()


def test_a_key_that_was_destroyed_on_its_way_does_not_arrive(tmp_path: Path) -> None:
    """A party is forgotten while the unit that makes its key is still waiting to be written."""
    keyring = opened(tmp_path)
    kid, key = keyring.new_key()
    keyring.destroy([kid])
    keyring.store.put_many({kid: key})
    with pytest.raises(KeyDestroyed):
        keyring.key(kid)
    keyring.store.close()


def test_an_address_looked_up_during_a_destruction_is_not_remembered(tmp_path: Path) -> None:
    async def scenario() -> None:
        keyring = opened(tmp_path)
        kid = (await keyring.address_kids(["kim"]))["kim"]
        asking = asyncio.create_task(keyring.address_kids(["kim", "lee"]))
        await asyncio.sleep(0)
        keyring.destroy([kid])
        await asking
        assert (await keyring.address_kids(["kim"]))["kim"] != kid
        keyring.store.close()

    asyncio.run(scenario())


def test_keys_of_addresses_are_remembered_and_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("answerable.ledger.keyring._ADDRESSES_CACHED", 3)
    keyring = opened(tmp_path)
    names = [f"a{n}" for n in range(5)]
    kids = asyncio.run(keyring.address_kids(names))
    assert len(keyring._addresses) == 3
    assert asyncio.run(keyring.address_kids(names)) == kids
    keyring.store.close()


def test_addresses_asked_for_while_a_write_is_on_its_way_are_one_write(tmp_path: Path) -> None:
    keyring = opened(tmp_path)
    writes: list[list[str]] = []
    look_up = keyring.store.kids_of_addresses

    def counted(names: Sequence[str], make: Callable[[], tuple[str, bytes]]) -> dict[str, str]:
        writes.append(list(names))
        return look_up(names, make)

    keyring.store.kids_of_addresses = counted  # type: ignore[method-assign,assignment]

    async def all_at_once() -> list[dict[str, str]]:
        asking = [keyring.address_kids([f"a{n}"]) for n in range(20)]
        return await asyncio.gather(*asking)

    found = asyncio.run(all_at_once())
    assert [list(kids) for kids in found] == [[f"a{n}"] for n in range(20)]
    assert len({kid for kids in found for kid in kids.values()}) == 20
    assert len(writes) <= 2


def test_who_is_cancelled_in_the_write_of_many_takes_nobody_along(tmp_path: Path) -> None:
    keyring = opened(tmp_path)

    async def one_is_cancelled() -> dict[str, str]:
        first = asyncio.create_task(keyring.address_kids(["kim"]))
        second = asyncio.create_task(keyring.address_kids(["lee"]))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert set(asyncio.run(one_is_cancelled())) == {"lee"}
