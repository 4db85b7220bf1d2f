"""What goes on beside an erasure: messages that come in, others who read the file of the keys."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from answerable.base.errors import Busy
from answerable.pipeline import erase as stage
from answerable.store.keys import KEYS, KeyStore
from answerable.testing.world import OWNER, SPECIALIST
from answerable.worker import commands, verbs
from answerable.worker.tending import tend
from erasing import KIM, erase, found, says
from forgotten import CANARY, opened
from offices import office_of
from stories import run


def test_an_address_that_writes_while_its_keys_are_destroyed_can_write_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            kim = await says(life, "hello")
            loop, destroys = asyncio.get_running_loop(), KeyStore.destroy

            def destroy(store: KeyStore, kids: Sequence[str], addresses: Sequence[str]) -> None:
                saying = life.say("in between", external_id="between", sender=KIM)
                asyncio.run_coroutine_threadsafe(saying, loop).result(10)
                destroys(store, kids, addresses)

            with monkeypatch.context() as patched:
                patched.setattr(KeyStore, "destroy", destroy)
                await erase(life, kim)
            await life.settled()
            assert await says(life, "hello again") != kim
            assert world.mailbox.sent[-1].text == "About hello again."

    run(scenario)


@contextmanager
def read(home: Path) -> Iterator[None]:
    """Somebody else looks at the file of the keys, and takes their time."""
    uri = f"file:{home / KEYS}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as database:
        database.execute("BEGIN")
        database.execute("SELECT count(*) FROM key").fetchone()
        yield


def said(home: Path) -> list[bytes]:
    return [text for text in opened(home) if CANARY.encode() in text]


def test_nobody_waits_for_who_reads_the_keys_and_their_log_is_emptied_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "_LOG_FREE_TRIES", 1)

    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            kim = await says(life, f"hello {CANARY}")
            office = office_of(life)
            with read(world.home):
                office.thoughts.overhear("int_of_kim", CANARY)
                await commands.call(office, verbs.PartyErase(kim, OWNER))
                began = time.monotonic()
                with pytest.raises(Busy):
                    await commands.call(office, verbs.PartyErase(kim, SPECIALIST))
                assert office.thoughts.interactions() == []
                assert time.monotonic() - began < 2, "a try ends at once"
                await tend(office)
                assert said(world.home), "the scan finds a key in the log"
            await tend(office)
            assert not said(world.home)

    run(scenario)


def test_what_an_earlier_life_could_not_empty_the_next_one_does(tmp_path: Path) -> None:
    path, secret = tmp_path / KEYS, bytes(32)
    store = KeyStore.open(path, secret)
    store.put_many({"k": b"k" * 32})
    with read(tmp_path):
        with pytest.raises(Busy):
            store.destroy(["k"])
        store.close()
        again = KeyStore.open(path, secret)
        assert not again.is_log_empty()
    assert again.is_log_empty()
    assert path.with_name(f"{KEYS}-wal").stat().st_size == 0
    again.close()
