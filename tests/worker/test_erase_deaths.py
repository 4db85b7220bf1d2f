"""A life that ends while it erases: the next one finishes it, or it had not begun."""

import contextlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from answerable.base import faults
from answerable.compose.house import open_house
from answerable.parties.errors import PartyErased
from answerable.store.keys import KeyDestroyed
from answerable.testing.conformance.dying import Died
from answerable.testing.world import OWNER, SPECIALIST, Life
from answerable.worker import verbs
from answerable.worker.deep import verify_deep
from answerable.worker.verbs.forget import ErasedView
from erasing import erase, found, says, told
from stories import run


@pytest.mark.parametrize("at", ["erase.before_commit", "erase.after_commit", "erase.after_destroy"])
def test_the_next_life_finishes_what_had_begun_and_begins_nothing_else(
    tmp_path: Path, at: str
) -> None:
    async def scenario() -> None:
        world = await found(tmp_path)
        life = Life(open_house(world.plan()))
        await life.dispatcher.start()
        kim = await says(life, "hello")
        kid = life.house.hall.parties.get(kim).kid
        await told(life, verbs.PartyErase(kim, OWNER), ErasedView)

        async def dies(name: str) -> None:
            if name == at:
                raise Died

        faults.install(dies)
        try:
            with pytest.raises(Died):
                await told(life, verbs.PartyErase(kim, SPECIALIST), ErasedView)
        finally:
            faults.install(None)
        await life.die()
        async with world.running() as life:
            has_begun = at != "erase.before_commit"
            assert bool(await life.entries("erasure.done")) is has_begun
            try:
                life.house.keys.get(kid)
            except KeyDestroyed:
                assert has_begun
            else:
                assert not has_begun
            with pytest.raises(PartyErased) if has_begun else contextlib.nullcontext():
                await told(life, verbs.PartyErase(kim, SPECIALIST), ErasedView)
            assert len(await life.entries("erasure.done")) == 1

    run(scenario)


def test_an_erasure_that_is_recorded_and_not_carried_out_is_found_by_a_deep_look(
    tmp_path: Path,
) -> None:
    kept: dict[str, bytes] = {}

    async def scenario() -> None:
        world = await found(tmp_path)
        async with world.running() as life:
            kim = await says(life, "hello")
            kid = life.house.hall.parties.get(kim).kid
            kept[kid] = life.house.keys.get(kid)
            await erase(life, kim)

    run(scenario)
    home = tmp_path / "home"
    assert not [one for one in verify_deep(home).problems if one.what == "keys"]
    ((kid, key),) = kept.items()
    with closing(sqlite3.connect(home / "keys.db")) as database, database:
        wrapped = aes_key_wrap((home / "home.key").read_bytes(), key)
        database.execute("UPDATE key SET wrapped = ? WHERE kid = ?", (wrapped, kid))
    (problem,) = [one for one in verify_deep(home).problems if one.what == "keys"]
    assert kid in problem.problem
