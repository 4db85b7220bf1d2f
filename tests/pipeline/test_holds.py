"""A held effect waits for a named person; their yes is for exactly those bytes, once."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from answerable.base.clock import HOUR_US, SECOND_US, ManualClock
from answerable.effects import rows as effects
from answerable.effects.domain import EffectState, Status
from answerable.pipeline import desk
from answerable.pipeline.passage import Due
from answerable.pipeline.receive import accept_causes
from answerable.pipeline.vacancy import fill_vacancies
from answerable.policy.limits import Limit
from answerable.testing.world import OWNER, SPECIALIST, Life, Till, World
from stories import HOLD_TOOLS, Runs, inline_world, queue_of, run, support


class Held:
    """A world in which a refund waits for a person."""

    def __init__(self, tmp_path: Path, **agent: Any) -> None:
        self.till = Till()
        self.runs = Runs()
        agent_ = support(self.till, runs=self.runs, **agent)
        self.world = inline_world(tmp_path / "home", agent_, policy=HOLD_TOOLS)

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[tuple[Life, EffectState]]:
        await self.world.found()
        async with self.world.running() as life:
            await life.say("please refund me", external_id="m1")
            await life.settled()
            (held,) = life.effects(Status.HELD)
            assert (self.till.payments, self.world.mailbox.texts) == ([], [])
            yield life, held

    @property
    def clock(self) -> ManualClock:
        assert isinstance(self.world.clock, ManualClock)
        return self.world.clock

    @property
    def ended(self) -> tuple[list[int], list[str]]:
        return self.till.payments, self.world.mailbox.texts


DONE = ([4_000], ["Refunded."])
NOT_DONE: tuple[list[int], list[str]] = ([], ["Not refunded."])
NOTHING: tuple[list[int], list[str]] = ([], [])


def test_a_grant_acts_on_the_decided_bytes_once_and_runs_no_agent(tmp_path: Path) -> None:
    async def scenario() -> None:
        scene = Held(tmp_path)
        async with scene.waiting() as (life, held):
            assert await life.answer(held, "grant")
            await life.settled()
            assert scene.ended == DONE
            approval = (await life.entries("approval"))[0]
            assert approval.actor == life.person(SPECIALIST)
            started = (await life.entries("effect.started"))[0]
            assert started.owner is not None
            assert started.owner.person == life.person(OWNER)
        assert scene.runs.count == 1

    run(scenario)


def test_a_refusal_acts_on_nothing_and_says_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        scene = Held(tmp_path)
        async with scene.waiting() as (life, held):
            await life.answer(held, "refuse")
            await life.settled()
            assert scene.ended == NOT_DONE
            assert queue_of(life) == []

    run(scenario)


@pytest.mark.parametrize("again", ["grant", "refuse"])
def test_a_second_answer_changes_nothing(tmp_path: Path, again: str) -> None:
    async def scenario() -> None:
        scene = Held(tmp_path)
        async with scene.waiting() as (life, held):
            await life.answer(held, "grant")
            await life.answer(held, again, id_="again")
            await life.settled()
            await life.answer(held, again, id_="and again")
            await life.settled()
            assert scene.ended == DONE
            assert len(await life.entries("approval")) == 1
            assert len(await life.entries("outcome")) == 1

    run(scenario)


def test_an_answer_about_something_else_changes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        scene = Held(tmp_path)
        async with scene.waiting() as (life, held):
            await life.say("hello", external_id="m2", sender="lee@example.org")
            await life.settled()
            other = next(one for one in life.effects() if one.interaction != held.interaction)
            before = len(await life.entries())
            wrong = (
                replace(held, id="eff_nothing-1"),
                replace(held, id=held.decision),
                replace(held, id=other.id),
                replace(held, interaction=other.interaction),
                replace(held, interaction="int_nothing"),
            )
            for number, effect in enumerate(wrong):
                await life.answer(effect, "grant", id_=f"wrong-{number}")
            await life.answer(held, "grant", id_="a stranger's", by="per_nobody")
            await life.answer(held, "by all means", id_="no word of ours")
            await life.settled()
            assert len(await life.entries()) == before
            assert scene.till.payments == []
            assert life.effects(Status.HELD) == [held]
            assert life.dispatcher.in_flight == 0
            await life.answer(held, "grant")
            await life.settled()
            assert scene.till.payments == [4_000]

    run(scenario)


def test_silence_is_no(tmp_path: Path) -> None:
    async def scenario() -> None:
        scene = Held(tmp_path)
        async with scene.waiting() as (life, held):
            scene.clock.advance(4 * HOUR_US - SECOND_US)
            await life.settled()
            assert scene.ended == NOTHING
            scene.clock.advance(SECOND_US)
            await life.settled()
            assert scene.ended == NOT_DONE
            await life.answer(held, "grant")
            await life.settled()
            assert scene.ended == NOT_DONE
            assert [e.actor for e in await life.entries("approval")] == ["system:silence"]

    run(scenario)


def test_a_hold_expires_across_a_restart_and_a_late_yes_finds_it_ended(tmp_path: Path) -> None:
    async def scenario() -> None:
        scene = Held(tmp_path)
        async with scene.waiting() as (_, held):
            pass
        scene.clock.advance(5 * HOUR_US)
        async with scene.world.running() as life:
            await life.answer(held, "grant")
            await life.settled()
            assert scene.ended == NOT_DONE
            assert len(await life.entries("approval")) == 1

    run(scenario)


def test_a_grant_acts_after_a_restart_without_running_the_agent(tmp_path: Path) -> None:
    async def scenario() -> None:
        scene = Held(tmp_path)
        async with scene.waiting() as (_, held):
            pass
        async with scene.world.running() as life:
            await life.answer(held, "grant")
            await life.settled()
        assert scene.ended == DONE
        assert scene.runs.count == 1

    run(scenario)


async def owner_leaves(life: Life, held: EffectState) -> None:
    await life.leave(OWNER)


async def agent_is_stopped(life: Life, held: EffectState) -> None:
    await life.stop_agent("support")


async def everything_is_stopped(life: Life, held: EffectState) -> None:
    await life.stop_agent("*")


async def case_is_taken(life: Life, held: EffectState) -> None:
    await desk.take(life.house.hall, held.case, SPECIALIST)


async def case_was_taken_and_given_back(life: Life, held: EffectState) -> None:
    await desk.take(life.house.hall, held.case, SPECIALIST)
    await desk.hand_back(life.house.hall, held.case, SPECIALIST)


@pytest.mark.parametrize(
    ("change", "why", "queue"),
    [
        (owner_leaves, "no_owner", [("orders", "no_owner")]),
        (agent_is_stopped, "stopped", [("orders", "stopped")]),
        (everything_is_stopped, "stopped", [("orders", "stopped")]),
        (case_is_taken, "taken_over", [("", "taken")]),
        (case_was_taken_and_given_back, "taken_over", [("orders", "taken_over")]),
    ],
)
def test_a_yes_that_comes_too_late_acts_on_nothing_and_the_case_is_with_people(
    tmp_path: Path,
    change: Callable[[Life, EffectState], Awaitable[None]],
    why: str,
    queue: list[tuple[str, str]],
) -> None:
    async def scenario() -> None:
        scene = Held(tmp_path)
        async with scene.waiting() as (life, held):
            await change(life, held)
            await life.answer(held, "grant")
            await life.run_out()
            assert scene.ended == NOTHING
            (approval,) = await life.entries("approval")
            assert approval.outcome is not None
            assert (approval.outcome.status, approval.outcome.reason) == ("refused", why)
            assert queue_of(life) == queue
            assert all(one.status.is_end for one in life.effects())

    run(scenario)


def test_a_yes_to_what_another_release_decided_acts_on_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        scene = Held(tmp_path)
        async with scene.waiting() as (_, held):
            pass
        scene.world.agent.prompt = "be brief"  # another release
        async with scene.world.running() as life:
            await life.answer(held, "grant")
            await life.run_out()
            assert scene.till.payments == []
            (approval,) = await life.entries("approval")
            assert approval.outcome is not None
            assert approval.outcome.reason == "release_gone"
            assert queue_of(life) == [("orders", "release_gone")]

    run(scenario)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_what_a_refused_hold_had_reserved_is_given_back(
    tmp_path: Path, *, is_restarted: bool
) -> None:
    async def scenario() -> None:
        limit = Limit(amount_minor_per_party_per_day=6_000, currency="USD")
        scene = Held(tmp_path, limit=limit)
        async with scene.waiting() as (life, held):
            await life.say("refund the same again", external_id="m2")
            await life.settled()
            assert len(life.effects(Status.HELD)) == 1, "8,000 of 6,000"
            if not is_restarted:
                await refuse_and_ask_again(life, held)
        if is_restarted:
            async with scene.world.running() as life:
                await life.say("refund the same again, please", external_id="m3")
                await life.settled()
                assert len(life.effects(Status.HELD)) == 1, "a hold counts across a restart"
                await refuse_and_ask_again(life, held)

    async def refuse_and_ask_again(life: Life, held: EffectState) -> None:
        await life.answer(held, "refuse")
        await life.settled()
        await life.say("refund, now that there is room", external_id="m4")
        await life.settled()
        assert [one.amount_minor for one in life.effects(Status.HELD)] == [4_000]

    run(scenario)


def test_a_hold_is_no_earlier_no_because_a_life_was_cut_short(tmp_path: Path) -> None:
    """A timer of the life that died rings before the hold of the life that decided ends."""

    async def scenario() -> None:
        scene = Held(tmp_path)
        world: World = scene.world
        await world.found()
        async with world.running() as life:
            hall = life.house.hall
            await life.say("please refund me", external_id="m1")
            await life.settled()
            (held,) = life.effects(Status.HELD)
            early = Due(interaction=held.interaction, effect=held.id, what="expire")
            await accept_causes(hall, [("early", early, scene.clock.now() + SECOND_US)])
            scene.clock.advance(2 * SECOND_US)
            await life.settled()
            assert life.effects(Status.HELD) == [held]

    run(scenario)


def test_what_waits_for_a_yes_is_refused_when_its_case_is_nobodys_any_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        held = Held(tmp_path)
        async with held.waiting() as (life, effect):
            await life.leave(OWNER)
            await fill_vacancies(life.house.hall)
            await life.settled()
            assert life.effects(Status.HELD) == []
            approval = (await life.entries("approval"))[-1]
            assert approval.outcome is not None
            assert (approval.outcome.status, approval.outcome.reason) == ("refused", "no_owner")
            assert queue_of(life) == [("orders", "no_owner")]
            await life.answer(effect, "grant")
            await life.run_out()
            assert (held.till.payments, held.world.mailbox.texts) == ([], [])
            assert all(one.status.is_end for one in life.effects())

    run(scenario)


def test_however_many_wait_for_a_yes_all_of_them_are_a_no_when_nobody_answers(
    tmp_path: Path,
) -> None:
    """Also the last of more than anybody lists: 1,000 others are made to wait before it."""

    async def scenario() -> None:
        async with Held(tmp_path).waiting() as (life, effect):
            db = life.house.hall.db
            columns = [f'"{name}"' for _, name, *_ in db.execute("PRAGMA table_info(effect)")]
            apart = {'"id"': "'eff_!' || n", '"case"': "'cas_0'", '"interaction"': "'int_0'"}
            copied = ", ".join(apart.get(name, name) for name in columns)
            with closing(sqlite3.connect(tmp_path / "home" / "answerable.db")) as others:
                others.execute(
                    "WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many"
                    f" WHERE n < 1000) INSERT INTO effect SELECT {copied} FROM effect, many"
                    " WHERE id = ?",
                    (effect.id,),
                )
                others.commit()
            await life.leave(OWNER)
            await fill_vacancies(life.house.hall)
            ended = effects.find(db, effect.id)
            assert ended is not None
            assert ended.status is Status.REFUSED

    run(scenario)
