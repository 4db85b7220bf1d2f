"""A command on a home that nobody holds writes what it says, and touches nothing that waits."""

import asyncio
import time
from pathlib import Path

import pytest

from answerable.store.lock import HomeHeld, HomeLock
from answerable.testing.world import Till, World
from answerable.worker import verbs
from answerable.worker.ask import NotAHome, ask_home
from answerable.worker.verbs.control import AgentRow
from answerable.worker.verbs.desk import Answered, HoldRow
from answerable.worker.verbs.people import PersonRow
from homes import SPECIALIST, SmallHome, working
from offices import small_world
from stories import queue_of, support

HOLD = """
@id("replies") permit (principal, action == Action::"reply", resource);
@id("tools") @hold("desk") permit (principal, action == Action::"perform", resource);
"""


def test_messages_that_wait_go_on_waiting_for_a_worker_with_its_agents(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with world.running() as life:
            await life.dispatcher.stop()
            await life.say("hello", external_id="m1")
        for _ in range(3):
            assert await ask_home(world.home, verbs.AgentList(), list[AgentRow])
        async with world.running() as life:
            await life.settled()
            assert world.mailbox.texts == ["About hello."]
            assert queue_of(life) == []

    asyncio.run(scenario())


def test_a_yes_is_durable_at_once_and_acted_on_by_the_next_worker(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        world = World(home=tmp_path / "home", agent=support(till), policy=HOLD)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
        [hold] = await ask_home(world.home, verbs.ApprovalList(), list[HoldRow])
        began = time.monotonic()
        yes = verbs.ApprovalAnswer(hold.effect, SPECIALIST, "grant", wait_s=60)
        assert (await ask_home(world.home, yes, Answered)).status == "held"
        assert time.monotonic() - began < 30  # it does not wait for what nobody does
        assert till.payments == []
        async with world.running() as life:
            await life.settled()
        assert till.payments == [4_000]

    asyncio.run(scenario())


def test_two_commands_at_once_on_a_free_home_are_done_one_after_the_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        lock = HomeLock.take(world.home)
        asking = asyncio.create_task(ask_home(world.home, verbs.PersonList(), list[PersonRow]))
        await asyncio.sleep(0.3)
        lock.release()
        assert len(await asking) == 2

    asyncio.run(scenario())


def test_a_home_that_stays_held_is_said_to_be_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("answerable.worker.ask._HELD_MAX_S", 0.2)

    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        lock = HomeLock.take(world.home)
        with pytest.raises(HomeHeld):
            await ask_home(world.home, verbs.PersonList(), list[PersonRow])
        lock.release()

    asyncio.run(scenario())


def test_only_who_founds_a_home_makes_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        with pytest.raises(NotAHome):
            await ask_home(tmp_path / "home", verbs.PersonList(), list[PersonRow])
        assert not (tmp_path / "home").exists()

    asyncio.run(scenario())


def test_who_must_be_stopped_can_be_stopped_however_broken_its_code_is(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    with working(home):
        pass
    home.agent.write_text("def")
    home.policy.write_text("permit")
    home.cli("stop", "set", "everything", "--by", SPECIALIST).check()
    assert home.cli("agent", "list").check().out.splitlines()[1].split()[3] == "yes"
