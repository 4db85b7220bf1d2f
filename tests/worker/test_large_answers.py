"""A large answer holds nobody up, and gives nothing by a right that ended while it was made."""

import asyncio
import sqlite3
from collections.abc import Awaitable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from answerable.base.errors import Busy, NotFound
from answerable.ledger.bundle import Asked
from answerable.testing.world import OWNER
from answerable.views import places
from answerable.worker import commands, verbs
from answerable.worker.bundling.disclosing import allowed
from answerable.worker.bundling.gathering import gather
from answerable.worker.commands.office import Office
from offices import open_for, small_world
from stories import run

MANY = 3_000
AXEL = "axel@acme.example"


async def turns_during(work: Awaitable[object]) -> int:
    """How often somebody else had the loop until it was done."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    try:
        await work
    finally:
        counting.cancel()
    return turns


def test_to_look_through_a_whole_log_for_an_agent_that_is_not_there_holds_nobody_up() -> None:
    db = sqlite3.connect(":memory:")
    db.executescript(places.SCHEMA)
    rows = [(i, f"out_{i}", "outcome", "", i + 1, i, "", "support", "", "") for i in range(MANY)]
    db.executemany(f"INSERT INTO entry VALUES ({', '.join('?' * 10)})", rows)
    office = cast("Office", SimpleNamespace(index=SimpleNamespace(db=db)))

    async def asked() -> None:
        with pytest.raises(NotFound):
            await gather(office, Asked(kind="agent", of="nobody"), MANY)

    assert asyncio.run(turns_during(asked())) >= MANY // 100


def test_to_open_many_bodies_holds_nobody_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with open_for(world) as office:
            assert await turns_during(allowed(office, await _many(office), OWNER)) >= MANY // 100

    run(scenario)


def test_who_is_no_auditor_any_more_when_it_was_looked_at_is_given_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with open_for(world) as office:
            await commands.call(office, verbs.PersonAdd(AXEL, "Axel"))
            await commands.call(office, verbs.RoleSet(AXEL, "auditor", OWNER))
            axel, positions = office.house.hall.people.find(AXEL).id, await _many(office)
            assert len((await allowed(office, positions, axel)).given) > 0
            looking = asyncio.create_task(allowed(office, positions, axel))
            await commands.call(office, verbs.RoleSet(AXEL, "auditor", OWNER, is_on=False))
            with pytest.raises(Busy, match="changed while"):
                await looking

    run(scenario)


async def _many(office: Office) -> dict[int, int]:
    """One entry with a body, under as many indexes."""
    await office.index.follow(office.house.hall.engine)
    place = next(one for seq in range(10) if (one := office.index.at(seq)) is not None and (
        one.kind == "person.added"
    ))  # fmt: skip
    return {place.seq: place.position} | {10_000 + number: place.position for number in range(MANY)}
