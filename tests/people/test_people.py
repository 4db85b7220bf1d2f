"""Who answers: persons, and the one who accepted an agent."""

import asyncio
from pathlib import Path

import pytest

from answerable.base.errors import UsageError
from answerable.people.errors import AgentHasNoOwner, PersonExists, PersonUnknown
from answerable.testing.world import OWNER, SPECIALIST, Till, World
from answerable.worker import verbs
from answerable.worker.verbs.base import Done
from offices import asking
from stories import inline_world, run, support


def world_of(tmp_path: Path) -> World:
    return inline_world(tmp_path / "home", support(Till()))


def test_a_person_is_found_by_id_and_by_address_in_any_case(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = world_of(tmp_path)
        await world.found()
        async with world.running() as life:
            people = life.house.hall.people
            owner = people.find(OWNER)
            assert people.find(f" {OWNER.upper()} ") == people.find(owner.id) == owner
            with pytest.raises(PersonUnknown):
                people.find("nobody@acme.example")
            with pytest.raises(PersonExists):
                people.add(OWNER.upper(), "Another Olga", by="system:test")

    run(scenario)


def test_who_has_left_is_nobody_any_more_and_may_come_back_as_somebody_new(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = world_of(tmp_path)
        await world.found()
        async with world.running() as life:
            people = life.house.hall.people
            before = life.person(SPECIALIST)
            await life.leave(SPECIALIST)
            with pytest.raises(PersonUnknown):
                people.find(SPECIALIST)
            with pytest.raises(PersonUnknown):
                people.leave(before, by="system:test")
            with pytest.raises(PersonUnknown):
                people.accept_ownership("support", before)
            await life.house.commit_control(people.add(SPECIALIST, "Sam", by="system:test"))
            assert life.person(SPECIALIST) != before

    run(scenario)


def test_what_can_be_no_agents_name_is_kept_by_no_entry(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = world_of(tmp_path)
        await world.found()
        async with world.running() as life:
            people = life.house.hall.people
            for name in ("<script>", "\u202egnp", "a b", "dec_1", ""):
                with pytest.raises(UsageError, match="no agent's name"):
                    people.accept_ownership(name, SPECIALIST)
                with pytest.raises(UsageError, match="no agent's name"):
                    people.ask_to_own(name, SPECIALIST, by=OWNER)
            assert people.accept_ownership("another-1", SPECIALIST).drafts

    run(scenario)


def test_another_person_can_take_an_agent_on_and_the_next_decision_names_them(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = world_of(tmp_path)
        await world.found()
        async with world.running() as life:
            await life.leave(OWNER)
            unit = life.house.hall.people.accept_ownership("support", SPECIALIST)
            accepted = await life.house.commit_control(unit)
            await life.say("hello", external_id="m1")
            await life.settled()
            (decided,) = await life.entries("decided")
            assert decided.owner is not None
            assert decided.owner.person == life.person(SPECIALIST)
            assert decided.owner.accepted_at == accepted.indexes[0]
        async with world.running() as life:
            await life.say("hello", external_id="m2")
            await life.settled()
        assert len(world.mailbox.sent) == 2

    run(scenario)


def test_an_agent_that_nobody_accepted_is_not_registered(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = world_of(tmp_path)
        await world.found()
        world.agent.name = "orphan"
        with pytest.raises(AgentHasNoOwner):
            async with world.running():
                pass

    run(scenario)


def test_one_address_is_one_person_however_many_add_it_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = world_of(tmp_path)
        await world.found()
        async with world.running() as life:
            ask = asking(life)
            told = await asyncio.gather(
                *(ask(verbs.PersonAdd("Kim@acme.example", f"Kim {number}")) for number in range(5)),
                return_exceptions=True,
            )
            assert [type(one) for one in told].count(PersonExists) == 4
            (done,) = [one for one in told if isinstance(one, Done)]
            assert life.person("kim@acme.example") == done.id
            assert len(await life.entries("person.added")) == 3

    run(scenario)
