"""Is everything all right? Each trouble is said with what to do; nothing is said for nothing."""

import asyncio
from pathlib import Path

import pytest

from answerable.base.clock import HOUR_US, ManualClock
from answerable.testing.world import OWNER, SPECIALIST, Till, World
from answerable.worker import commands, verbs
from answerable.worker.commands import overview
from answerable.worker.commands.office import Office
from answerable.worker.process import close_office, open_office
from answerable.worker.verbs.control import OverviewView
from offices import open_for
from stories import HOLD_TOOLS, inline_world, support


async def seen(office: Office) -> OverviewView:
    view = await commands.call(office, verbs.Overview())
    assert isinstance(view, OverviewView)
    return view


async def whats(office: Office) -> list[str]:
    return [trouble.what for trouble in (await seen(office)).troubles]


async def worked(home: Path) -> tuple[World, ManualClock]:
    """A home of which time passes by hand: an answer, a hold, a case at the desk."""
    world = inline_world(home, support(Till()), policy=HOLD_TOOLS)
    await world.found()
    async with world.running() as life:
        for number, text in enumerate(("hello", "human", "refund 1000")):
            await life.say(text, external_id=f"m{number}", sender=f"kim{number}@example.org")
        await life.settled()
    assert isinstance(world.clock, ManualClock)
    return world, world.clock


def test_a_house_in_which_all_is_well_says_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        world, clock = await worked(tmp_path / "home")
        async with open_for(world) as office:
            view = await seen(office)
            assert view.troubles == ()
            assert view.waiting == {"messages": 0, "approvals": 1, "unknown": 0, "desk": 1}
            assert {name: count for name, count in view.today.items() if count} == {
                "interactions": 3, "answered": 1, "replies": 1, "held": 1, "escalated": 1,
            }  # fmt: skip
            assert len(view.per_hour) == 24
            assert view.per_hour[-1] == ("2026-01-01T00", 3, 1)
            assert view.entries == office.house.hall.committer.size
            assert view.bytes_used > 0
            assert view.bytes_free > 0
            assert [row.owner_name for row in view.agents] == ["Olga Owner"]
            clock.advance(24 * HOUR_US)
            later = await seen(office)
            assert set(later.today.values()) == {0}
            assert {row[1:] for row in later.per_hour} == {(0, 0)}

    asyncio.run(scenario())


def test_what_waits_too_long_is_said_before_it_is_too_late(tmp_path: Path) -> None:
    async def scenario() -> None:
        world, clock = await worked(tmp_path / "home")
        async with open_for(world) as office:
            clock.advance(3 * HOUR_US - 1)
            assert await whats(office) == []
            clock.advance(HOUR_US // 2)
            [hold] = (await seen(office)).troubles
            assert hold.what.startswith("1 hold will be a no within the hour")
            assert (hold.next_command, hold.path) == ("answerable approval list", "/approvals")
            clock.advance(HOUR_US)
            assert any("1 case waited at the desk" in what for what in await whats(office))

    asyncio.run(scenario())


def test_an_agent_that_cannot_act_is_a_trouble(tmp_path: Path) -> None:
    async def scenario() -> None:
        world, _ = await worked(tmp_path / "home")
        async with open_for(world) as office:
            await commands.call(office, verbs.Stop("support", SPECIALIST))
            assert await whats(office) == ["Agent 'support' is stopped: pause."]
            await commands.call(office, verbs.PersonLeave(OWNER))
            said = await whats(office)
            assert "Nobody answers for agent 'support': it does nothing." in said

    asyncio.run(scenario())


def test_a_release_that_is_not_loaded_is_a_trouble_of_the_worker_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        world, _ = await worked(tmp_path / "home")
        for works in (True, False):
            office = await open_office(world.plan(with_agent=False), works=works)
            said = await whats(office)
            assert any("no release of it is loaded" in what for what in said) is works
            await close_office(office)

    asyncio.run(scenario())


def test_a_disk_below_its_reserve_and_an_index_that_is_behind_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        world, _ = await worked(tmp_path / "home")
        async with open_for(world) as office:
            office.house.disk.reserve_bytes = 10**18
            monkeypatch.setattr(overview, "BEHIND_MAX", 3)
            low, behind = await whats(office)
            assert "nothing new is accepted" in low
            assert behind.startswith("What is shown is behind by ")
            monkeypatch.undo()
            assert len(await whats(office)) == 1

    asyncio.run(scenario())
