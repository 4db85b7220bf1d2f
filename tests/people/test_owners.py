"""Who answers for an agent: asked, accepted, stood in for, and left alone by who leaves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.agents.errors import AgentUnknown
from answerable.base.clock import HOUR_US
from answerable.base.errors import UsageError
from answerable.ledger.domain import Owner
from answerable.people.domain import Delegation, Directory, Ownership, Person
from answerable.people.errors import (
    NotAsked,
    NotDelegated,
    NotTheOwner,
    OwnsAlready,
    PersonUnknown,
)
from answerable.testing.world import OWNER, SPECIALIST, Life, Till
from answerable.worker import verbs
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.control import Stopped
from answerable.worker.verbs.people import OwnerView, PersonRow
from offices import Ask, asking
from stories import clock_of, inline_world, run, support

BOSS = "bea@acme.example"
CHIEF = "chris@acme.example"


@asynccontextmanager
async def at_work(tmp_path: Path) -> AsyncIterator[tuple[Life, Ask]]:
    """Olga owns `support`; Sam, and Bea who reports to Chris, are there as well."""
    world = inline_world(tmp_path / "home", support(Till()))
    await world.found()
    async with world.running() as life:
        ask = asking(life)
        await ask(verbs.PersonAdd(CHIEF, "Chris Chief"))
        await ask(verbs.PersonAdd(BOSS, "Bea Boss", reports_to=CHIEF))
        yield life, ask


async def shown(ask: Ask) -> OwnerView:
    view = await ask(verbs.OwnerShow("support"))
    assert isinstance(view, OwnerView)
    return view


async def below(ask: Ask, email: str, above: str) -> None:
    """A new person who reports to `above` takes the agent on."""
    await ask(verbs.PersonAdd(email, email.partition("@")[0].title(), reports_to=above))
    await ask(verbs.OwnerSet("support", email, OWNER))
    await ask(verbs.OwnerAccept("support", email))


async def left(ask: Ask, who: str, by: str = "") -> Stopped:
    stopped = await ask(verbs.PersonLeave(who, by))
    assert isinstance(stopped, Stopped)
    return stopped


def test_who_is_asked_changes_nothing_until_they_accept(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            olga, sam = life.person(OWNER), life.person(SPECIALIST)
            await ask(verbs.OwnerSet("support", SPECIALIST, OWNER))
            view = await shown(ask)
            assert (view.accountable, view.asked, view.asked_name) == (olga, sam, "Sam Specialist")
            accepted = await ask(verbs.OwnerAccept("support", SPECIALIST))
            assert isinstance(accepted, Done)
            view = await shown(ask)
            assert (view.accountable, view.accepted_at) == (sam, accepted.index)
            assert view.asked == ""
            (asked,) = await life.entries("owner.changed")
            assert asked.actor == olga
            assert asked.change == {"agent": "support", "person": sam, "state": "asked"}

    run(scenario)


def test_nobody_takes_an_agent_from_its_owner_unasked(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            olga = life.person(OWNER)
            with pytest.raises(NotAsked) as told:
                await ask(verbs.OwnerAccept("support", SPECIALIST))
            assert told.value.next_command.endswith(f"{life.person(SPECIALIST)} --by {olga}")
            with pytest.raises(NotTheOwner):
                await ask(verbs.OwnerSet("support", SPECIALIST, SPECIALIST))
            await ask(verbs.OwnerSet("support", SPECIALIST, OWNER))
            await ask(verbs.OwnerSet("support", BOSS, OWNER))  # thought better of it
            with pytest.raises(NotAsked):
                await ask(verbs.OwnerAccept("support", SPECIALIST))
            with pytest.raises(OwnsAlready):
                await ask(verbs.OwnerSet("support", OWNER, OWNER))
            with pytest.raises(AgentUnknown):
                await ask(verbs.OwnerSet("sport", SPECIALIST, OWNER))
            assert (await shown(ask)).accountable == olga
            assert len(await life.entries("owner.accepted")) == 1

    run(scenario)


def test_an_agent_that_nobody_owns_is_anybodys_to_take_and_to_ask_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            await left(ask, OWNER)
            await ask(verbs.OwnerSet("support", SPECIALIST, BOSS))
            assert (await shown(ask)).asked == life.person(SPECIALIST)
            await ask(verbs.OwnerAccept("support", BOSS))
            view = await shown(ask)
            assert (view.accountable, view.asked) == (life.person(BOSS), "")

    run(scenario)


def test_one_stands_in_until_the_time_has_come_and_then_the_owner_answers(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            clock, olga, sam = clock_of(life), life.person(OWNER), life.person(SPECIALIST)
            until = clock.now() + 8 * HOUR_US
            done = await ask(verbs.OwnerDelegate("support", SPECIALIST, until, OWNER))
            assert isinstance(done, Done)
            clock.advance(8 * HOUR_US - 1)
            directory = life.house.hall.people.directory
            stands_in = Owner(person=sam, accepted_at=done.index, via=olga)
            assert directory.accountable_for("support", clock.now()) == stands_in
            view = await shown(ask)
            assert (view.accountable, view.via, view.owner) == (sam, olga, olga)
            assert view.sentence.startswith(f"Sam Specialist ({sam}) answers for agent 'support' ")
            assert f"standing in for Olga Owner ({olga}), who accepted at" in view.sentence
            rows = await ask(verbs.PersonList())
            assert isinstance(rows, list)
            assert {row.id: row.stands_in_for for row in rows if row.stands_in_for} == {
                sam: ("support",)
            }
            clock.advance(1)
            view = await shown(ask)
            assert (view.accountable, view.via, view.until) == (olga, "", "")
            assert view.sentence.startswith(f"Olga Owner ({olga}) answers for agent 'support'; ")

    run(scenario)


@pytest.mark.parametrize("by", [OWNER, SPECIALIST])
def test_the_owner_and_who_stands_in_can_end_it_and_nobody_else(tmp_path: Path, by: str) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            until = clock_of(life).now() + HOUR_US
            await ask(verbs.OwnerDelegate("support", SPECIALIST, until, OWNER))
            with pytest.raises(NotTheOwner):
                await ask(verbs.OwnerDelegate("support", "", 0, BOSS))
            with pytest.raises(NotDelegated):
                await ask(verbs.OwnerDelegate("support", BOSS, 0, by))
            await ask(verbs.OwnerDelegate("support", "", 0, by))
            assert (await shown(ask)).accountable == life.person(OWNER)
            with pytest.raises(NotDelegated):
                await ask(verbs.OwnerDelegate("support", "", 0, by))
            ended = (await life.entries("owner.delegated"))[-1]
            assert (ended.actor, (ended.change or {})["until"]) == (life.person(by), 0)

    run(scenario)


def test_only_the_owner_delegates_to_a_living_other_for_a_time_to_come(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            now = clock_of(life).now()
            later = now + HOUR_US
            with pytest.raises(NotTheOwner):
                await ask(verbs.OwnerDelegate("support", BOSS, later, SPECIALIST))
            with pytest.raises(PersonUnknown):
                await ask(verbs.OwnerDelegate("support", "nobody@acme.example", later, OWNER))
            with pytest.raises(UsageError, match="answers for agent 'support' already"):
                await ask(verbs.OwnerDelegate("support", OWNER, later, OWNER))
            with pytest.raises(UsageError, match="ended before it begins"):
                await ask(verbs.OwnerDelegate("support", SPECIALIST, now, OWNER))
            await ask(verbs.OwnerDelegate("support", SPECIALIST, later, OWNER))
            with pytest.raises(NotTheOwner):  # who stands in does not pass it on
                await ask(verbs.OwnerDelegate("support", BOSS, later, SPECIALIST))
            await ask(verbs.OwnerDelegate("support", BOSS, later, OWNER))
            assert (await shown(ask)).accountable == life.person(BOSS), "the last word counts"

    run(scenario)


def test_a_delegation_ends_with_each_of_the_two_and_with_the_next_owner(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            later = clock_of(life).now() + HOUR_US
            await ask(verbs.OwnerDelegate("support", SPECIALIST, later, OWNER))
            stopped = await left(ask, SPECIALIST)
            assert stopped.agents == (), "its owner answers again"
            assert (await shown(ask)).accountable == life.person(OWNER)
            await ask(verbs.OwnerDelegate("support", BOSS, later, OWNER))
            await ask(verbs.OwnerSet("support", CHIEF, OWNER))
            await ask(verbs.OwnerAccept("support", CHIEF))
            view = await shown(ask)
            assert (view.accountable, view.via) == (life.person(CHIEF), "")
            await ask(verbs.OwnerDelegate("support", BOSS, later, CHIEF))
            assert (await left(ask, CHIEF)).agents == ("support",)
            view = await shown(ask)
            assert (view.accountable, view.sentence) == (
                "", "Nobody answers for agent 'support': it does nothing."
            )  # fmt: skip

    run(scenario)


def test_a_delegation_does_not_come_back_with_an_owner_who_comes_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            later = clock_of(life).now() + HOUR_US
            await ask(verbs.OwnerDelegate("support", SPECIALIST, later, OWNER))
            for giver, taker in ((OWNER, BOSS), (BOSS, OWNER)):
                await ask(verbs.OwnerSet("support", taker, giver))
                await ask(verbs.OwnerAccept("support", taker))
            view = await shown(ask)
            assert (view.accountable, view.via) == (life.person(OWNER), "")

    run(scenario)


def test_who_is_above_the_owner_who_leaves_is_asked_and_is_not_made_owner(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            await below(ask, "dan@acme.example", BOSS)
            bea, chris = life.person(BOSS), life.person(CHIEF)
            stopped = await left(ask, "dan@acme.example", by=SPECIALIST)
            assert (stopped.agents, stopped.asked) == (("support",), (bea,))
            view = await shown(ask)
            assert (view.accountable, view.asked) == ("", bea)
            asked = (await life.entries("owner.changed"))[-1]
            assert asked.actor == life.person(SPECIALIST)
            await left(ask, BOSS)  # who was asked leaves as well: it climbs on
            assert (await shown(ask)).asked == chris
            await ask(verbs.OwnerAccept("support", CHIEF))
            assert (await shown(ask)).accountable == chris

    run(scenario)


def test_the_chain_climbs_over_who_has_left(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            await below(ask, "dan@acme.example", BOSS)
            await left(ask, BOSS)
            assert (await left(ask, "dan@acme.example")).asked == (life.person(CHIEF),)

    run(scenario)


def test_whom_the_owner_had_asked_stays_asked_when_the_owner_leaves(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            await below(ask, "dan@acme.example", BOSS)
            await ask(verbs.OwnerSet("support", SPECIALIST, "dan@acme.example"))
            assert (await left(ask, "dan@acme.example")).asked == (life.person(SPECIALIST),)

    run(scenario)


def test_where_nobody_is_above_nobody_is_asked(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            stopped = await left(ask, OWNER)
            assert (stopped.agents, stopped.asked) == (("support",), ("",))
            assert await life.entries("owner.changed") == []

    run(scenario)


def test_an_entry_names_who_said_so_and_the_list_says_who_reports_to_whom(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path) as (life, ask):
            await ask(verbs.PersonAdd("eve@acme.example", "Eve", by=OWNER, reports_to=BOSS))
            assert (await life.entries("person.added"))[-1].actor == life.person(OWNER)
            rows = await ask(verbs.PersonList())
            assert isinstance(rows, list)
            eve = next(row for row in rows if row.name == "Eve")
            assert isinstance(eve, PersonRow)
            assert eve.reports_to == life.person(BOSS)
            with pytest.raises(PersonUnknown):
                await ask(verbs.PersonAdd("f@acme.example", "F", by="nobody@acme.example"))
            with pytest.raises(PersonUnknown):
                await ask(verbs.PersonAdd("f@acme.example", "F", reports_to="nobody@a.example"))
            assert len(await life.entries("person.added")) == 5

    run(scenario)


PEOPLE = tuple(f"per_{number}" for number in range(4))
person_of = st.sampled_from(PEOPLE)
persons_of = st.fixed_dictionaries(
    {
        one: st.builds(
            Person, st.just(one), st.just(one), st.just("kid"), has_left=st.booleans(),
            reports_to=st.sampled_from(("", *PEOPLE)),
        )
        for one in PEOPLE
    }
)  # fmt: skip
ownership_of = st.builds(Ownership, st.just("a"), person_of, st.just(1))
delegation_of = st.builds(
    Delegation, st.just("a"), person_of, person_of, st.integers(0, 20), st.just(2)
)


@given(persons_of, ownership_of, st.none() | delegation_of, st.integers(0, 20))
def test_who_answers_is_living_and_is_the_owner_or_was_let_by_the_living_owner(
    persons: dict[str, Person], ownership: Ownership, delegation: Delegation | None, at: int
) -> None:
    directory = Directory(persons, {"a": ownership})
    if delegation is not None:
        directory.delegations["a"] = delegation
    owner = directory.accountable_for("a", at)
    assert (owner is None) == persons[ownership.person].has_left
    if owner is None:
        return
    assert not persons[owner.person].has_left
    if owner.via is None:
        assert (owner.person, owner.accepted_at) == (ownership.person, ownership.accepted_at)
    else:
        assert delegation is not None
        assert (owner.via, owner.person) == (ownership.person, delegation.person)
        assert at < delegation.until


@given(persons_of, person_of)
def test_a_chain_ends_at_somebody_living_or_nobody_even_if_it_is_a_ring(
    persons: dict[str, Person], start: str
) -> None:
    above = Directory(persons).above(start)
    if above is not None:
        assert not above.has_left
        assert above.id != start
