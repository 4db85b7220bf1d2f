"""State dropped and made again from the feed is the state that was there."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from answerable.adapters.engines.embedded.journal import DATABASE
from answerable.compose import state
from answerable.compose.rebuild import Dump, dump, rebuild
from answerable.effects.domain import Status
from answerable.effects.errors import NotDone, OutcomeUnknown
from answerable.ledger.draft import Draft, Unit
from answerable.pipeline import desk
from answerable.store.lock import HomeHeld
from answerable.testing.scripted import ScriptedModel
from answerable.testing.world import OWNER, SPECIALIST, Life, Till, World
from answerable.worker import verbs
from answerable.worker.verbs.people import NewKey
from offices import asking
from stories import HOLD_TOOLS, inline_world, run, support

TEXTS = ("refund", "refund 900", "human!", "hello", "refund 100 please", "think")


class FickleTill(Till):
    """Refuses, loses answers and pays, by its seed."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._chance = random.Random(seed)

    async def pay(self, key: str, amount_minor: int) -> str:
        roll = self._chance.random()
        if roll < 0.3:
            raise NotDone("busy", is_final=roll < 0.1)
        receipt = await super().pay(key, amount_minor)
        if roll < 0.5:
            raise OutcomeUnknown("no answer")
        return receipt


NOT_LIVED = {"stopped", "legal_hold", "erasure_asked", "erased", "destroyed"}
"""Of erased parties see worker/test_erase.py."""


def dump_of(home: Path) -> Dump:
    with closing(sqlite3.connect(home / DATABASE)) as database:
        return dump(database)


async def power_changes(life: Life) -> None:
    """Keys are made and one of them revoked, somebody stands in, is asked, becomes an auditor."""
    ask = asking(life)
    await ask(verbs.OwnerDelegate("support", SPECIALIST, 2**52, OWNER))
    await ask(verbs.OwnerSet("support", SPECIALIST, OWNER))
    for scopes in (("read", "desk"), ("all",)):
        made = await ask(verbs.KeyAdd(SPECIALIST, scopes, "a laptop"))
    assert isinstance(made, NewKey)
    await ask(verbs.KeyRevoke(made.id))
    await ask(verbs.RoleSet(SPECIALIST, "auditor", OWNER))


async def live(life: Life, chance: random.Random, first: int) -> None:
    """Messages, people who answer, take over and give back; time that passes."""
    hall = life.house.hall
    for number in range(first, first + 20):
        sender = f"party-{chance.randrange(6)}@example.org"
        await life.say(chance.choice(TEXTS), external_id=f"m{number}", sender=sender)
        if chance.random() < 0.3:
            await life.settled()
        for held in life.effects(Status.HELD):
            if chance.random() < 0.4:
                await life.answer(held, chance.choice(("grant", "refuse")))
        cases = [row[0] for row in life.db.execute('SELECT id FROM "case" ORDER BY id')]
        if cases and chance.random() < 0.2:
            case = chance.choice(cases)
            await desk.take(hall, case, SPECIALIST)
            if chance.random() < 0.7:
                await desk.hand_back(hall, case, SPECIALIST)
    await life.run_out(chance.choice((0, 10_000_000, 9 * 3_600_000_000)))


def _close(part: int) -> Draft:
    day = f"2026-01-0{part + 1}"
    return Draft(kind="day.closed", id=f"day_{day}", change={"since": day, "day": day})


@pytest.mark.parametrize("seed", range(3))
def test_dropped_and_rebuilt_state_is_identical_after_a_mixed_life(
    tmp_path: Path, seed: int
) -> None:
    async def scenario() -> None:
        chance = random.Random(seed)
        agent = support(FickleTill(seed))
        agent.model = {"use": "openai:scripted-1"}
        world: World = inline_world(tmp_path / "home", agent, model=ScriptedModel("I think so."))
        world.policy = HOLD_TOOLS if seed % 2 else world.policy
        await world.found()
        for part in range(3):
            world.agent.prompt = f"release {part}"
            async with world.running() as life:
                await live(life, chance, first=part * 100)
                await life.house.hall.committer.commit(Unit(drafts=[_close(part)]))
                if part == 1:
                    await life.stop_agent("support")
                    await life.stop_agent("support", is_on=False)
                    await power_changes(life)
                if part == 2:
                    await life.leave(OWNER)
                    await life.say("hello", external_id="last")
                    await life.settled()
        before = dump_of(world.home)
        assert all(before[table] for table in state.TABLES if table not in NOT_LIVED)
        assert rebuild(world.home) > 100
        assert dump_of(world.home) == before
        async with world.running() as life:
            await life.run_out()
            assert (await life.verified()).problem is None

    run(scenario)


def test_state_that_was_tampered_with_is_put_right(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
        before = dump_of(world.home)
        with closing(sqlite3.connect(world.home / DATABASE)) as database:
            database.execute("UPDATE effect SET status = 'ready'")
            database.execute("DELETE FROM person")
            database.commit()
        assert dump_of(world.home) != before
        rebuild(world.home)
        assert dump_of(world.home) == before

    run(scenario)


def test_a_home_left_by_an_earlier_program_is_rebuilt_as_it_is_opened(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
        before = dump_of(world.home)
        with closing(sqlite3.connect(world.home / DATABASE)) as database:
            database.executescript(
                "DROP TABLE state_schema; DROP TABLE effect; CREATE TABLE effect (old TEXT);"
                "CREATE TABLE no_longer_known (x); PRAGMA user_version = 100;"
                "ALTER TABLE arrival DROP COLUMN sum; ALTER TABLE fence DROP COLUMN sum;"
            )
        async with world.running() as life:
            assert (await life.verified()).problem is None
            tables = life.db.execute("SELECT name FROM sqlite_master").fetchall()
            assert ("no_longer_known",) not in tables
            assert len(life.effects(Status.DONE)) == len(before["effect"])

    run(scenario)


def test_nothing_is_rebuilt_under_a_running_house(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running():
            with pytest.raises(HomeHeld):
                rebuild(world.home)

    run(scenario)
