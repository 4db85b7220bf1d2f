"""An agent at a glance, and what each of its releases is made of."""

import asyncio
from pathlib import Path

import pytest

from answerable import Agent, Context, Message, Reply
from answerable.agents.errors import AgentUnknown
from answerable.base.errors import NotFound
from answerable.ledger.draft import Draft, Unit
from answerable.policy.limits import Limit
from answerable.testing.world import OWNER, SPECIALIST, Till, World
from answerable.worker import commands, verbs
from answerable.worker.verbs.control import AgentRow, AgentView, ReleaseRow
from offices import listening, open_for
from stories import HOLD_TOOLS, support

LIMIT = Limit(count_per_day=5, amount_minor_each=2_000, currency="USD")


async def world_of(home: Path, *, policy: str = "") -> World:
    world = World(home=home, agent=support(Till(), limit=LIMIT))
    world.policy = policy or world.policy
    await world.found()
    return world


def test_an_agent_is_seen_at_a_glance(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await world_of(tmp_path / "home")
        async with world.running() as life:
            for number, text in enumerate(("hello", "human", "refund 1000", "refund 9000")):
                await life.say(text, external_id=f"m{number}", sender=f"kim{number}@example.org")
            await life.settled()
        async with listening(world) as (_, client):
            view = await client.call(verbs.AgentShow("support"), AgentView)
            assert view.owner_sentence.startswith("Olga Owner (per_")
            assert (view.purpose, view.desk, view.rails) == (
                "Answer and refund", "orders", ("email",)
            )  # fmt: skip
            assert view.today == {
                "interactions": 4, "answered": 3, "replies": 3, "effects": 1, "denied": 1,
                "held": 0, "escalated": 1, "failed": 0,
            }  # fmt: skip
            assert view.waiting == {"approvals": 0, "unknown": 0, "desk": 1, "open": 0}
            [tool] = view.tools
            assert tool.limits == ("count_per_day 5", "amount_minor_each 2000 USD")
            assert (tool.effects_today, tool.amounts_today) == (1, ("10.00 USD",))
            assert (view.states, tool.states) == ((), ())

            stop = verbs.Stop("tool:support/refund", SPECIALIST, mode="ask")
            await client.call(stop, object)
            await client.call(verbs.Stop("*", SPECIALIST, mode="read_only"), object)
            view = await client.call(verbs.AgentShow("support"), AgentView)
            assert view.states == ("tool refund: ask", "everything: read_only")
            assert view.tools[0].states == ("ask", "read_only")
            [row] = await client.call(verbs.AgentList(), list[AgentRow])
            assert row.states == view.states

    asyncio.run(scenario())


def test_what_waits_is_counted_for_its_agent(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await world_of(tmp_path / "home", policy=HOLD_TOOLS)
        async with world.running() as life:
            await life.say("refund 1000", external_id="m1")
            await life.settled()
        async with listening(world) as (office, client):
            view = await client.call(verbs.AgentShow("support"), AgentView)
            assert view.waiting == {"approvals": 1, "unknown": 0, "desk": 0, "open": 1}
            assert view.today["held"] == 1
            with pytest.raises(AgentUnknown, match="registered: support"):
                await commands.call(office, verbs.AgentShow("sport"))

    asyncio.run(scenario())


def test_whoever_answers_for_nobody_is_said(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await world_of(tmp_path / "home")
        async with world.running():
            pass
        async with listening(world) as (_, client):
            await client.call(verbs.PersonLeave(OWNER), object)
            view = await client.call(verbs.AgentShow("support"), AgentView)
            assert view.owner == ""
            assert view.owner_sentence == "Nobody answers for agent 'support': it does nothing."

    asyncio.run(scenario())


def _other(prompt: str) -> Agent:
    agent = Agent("support", owner=OWNER, desk="orders", purpose="Answer", prompt=prompt)

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Reply:
        return Reply("Yes.")

    return agent


def test_two_releases_are_compared_by_their_parts(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(home=tmp_path / "home", agent=_other("Be kind."))
        await world.found()
        for agent, policy in (
            (_other("Be kind."), world.policy),
            (_other("Be brief."), world.policy),
            (_other("Be brief."), f"{world.policy}\n// another one\n"),
        ):
            world.agent, world.policy = agent, policy
            async with open_for(world):
                pass
        async with listening(world) as (office, client):
            third, second, first = await client.call(verbs.ReleaseList(), list[ReleaseRow])
            assert set(first.parts) == {"code", "prompt", "model", "tools", "policy", "settings"}
            assert _changed(first, second) == {"prompt"}
            assert _changed(second, third) == {"policy"}
            assert [row.is_active for row in (third, second, first)] == [True, False, False]
            assert [row.is_loaded for row in (third, second, first)] == [True, False, False]
            one = await client.call(verbs.ReleaseList(release=second.id), list[ReleaseRow])
            assert one == [second]
            assert await client.call(verbs.ReleaseList("nobody"), list[ReleaseRow]) == []
            assert await client.call(verbs.ReleaseList(limit=1), list[ReleaseRow]) == [third]
            with pytest.raises(NotFound, match="rel_no"):
                await commands.call(office, verbs.ReleaseList(release="rel_no"))

    asyncio.run(scenario())


def _changed(one: ReleaseRow, other: ReleaseRow) -> set[str]:
    return {part for part in one.parts if one.parts[part] != other.parts[part]}


def test_a_release_recorded_before_parts_were_says_what_it_knows(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await world_of(tmp_path / "home")
        async with open_for(world) as office:
            hall = office.house.hall
            owner = hall.people.directory.accountable_for("support", hall.clock.now())
            older = Draft(
                kind="release.registered", id="rel_older", owner=owner,
                change={
                    "agent": "support", "release": "rel_older", "digest": "0" * 64,
                    "policy": "1" * 64,
                },
            )  # fmt: skip
            await office.house.commit_control(Unit(drafts=[older]))
            found = await commands.call(office, verbs.ReleaseList(release="rel_older"))
            assert isinstance(found, list)
            [row] = found
            assert row.parts == {"policy": "1" * 16}

    asyncio.run(scenario())
