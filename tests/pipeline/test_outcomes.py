"""An interaction ends once, by what became of its own effects; a person's reply ends its own."""

import asyncio
from pathlib import Path

from answerable.base.clock import HOUR_US
from answerable.effects import rows as effects
from answerable.effects.domain import Interaction, Status
from answerable.pipeline import desk
from answerable.testing.world import SPECIALIST, Life, Till
from stories import (
    HOLD_TOOLS,
    inline_world,
    loses_the_answer,
    once,
    queue_of,
    refund_of,
    run,
    scene,
    support,
)


def interaction_of(life: Life) -> Interaction:
    (id_,) = life.db.execute("SELECT id FROM interaction").fetchone()
    found = effects.interaction_of(life.db, id_)
    assert found is not None
    return found


async def outcomes(life: Life) -> list[tuple[str, str]]:
    return [(e.id, e.outcome.status) for e in await life.entries("outcome") if e.outcome]


async def says(life: Life, text: str) -> None:
    asked = interaction_of(life)
    await desk.take(life.house.hall, asked.case, SPECIALIST)
    await desk.say(life.house.hall, asked.id, asked.case, SPECIALIST, text)
    await life.settled()


def test_a_specialists_reply_closes_nothing_that_still_waits(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()), policy=HOLD_TOOLS)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            await says(life, "one moment")
            asked = interaction_of(life)
            assert asked.disposition == "open"
            await life.run_out(10 * HOUR_US)
            own = f"out_{asked.id.partition('_')[2]}"
            assert [status for id_, status in await outcomes(life) if id_ == own] == ["with_people"]
            assert interaction_of(life).disposition == "with_people"

    run(scenario)


def test_an_escalated_message_that_a_person_answered_is_answered_by_a_person(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:
            await life.say("a human please", external_id="m1")
            await life.settled()
            assert interaction_of(life).disposition == "escalated"
            await says(life, "here I am")
            assert interaction_of(life).disposition == "answered_by_person"
            assert [status for _, status in await outcomes(life)] == [
                "escalated",
                "answered_by_person",
            ]

    run(scenario)


def test_what_was_escalated_under_one_arrival_ends_as_escalated_under_another(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = scene(tmp_path, Till(after=once(loses_the_answer)), repeat="at_most_once")
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            assert queue_of(life) == [("orders", "effect_unknown")]
            assert interaction_of(life).is_escalated
            await life.answer(refund_of(life), "done")
            await life.settled()
            assert [status for _, status in await outcomes(life)] == ["escalated"]

    run(scenario)


def test_a_late_send_is_told_to_who_takes_the_case_and_stands_in_the_ledger(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        go_on = asyncio.Event()

        async def stubborn(_key: str) -> None:
            while not go_on.is_set():
                try:
                    await go_on.wait()
                except asyncio.CancelledError:
                    continue

        till = Till(before=once(stubborn))
        world = scene(tmp_path, till, repeat="at_most_once", deadline_s=0.02)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            asked = refund_of(life)
            assert asked.status is Status.ASKED
            taken = await desk.take(life.house.hall, asked.case, SPECIALIST)
            assert taken.is_late, "its call still runs"
            await life.answer(asked, "not_done")
            await life.settled()
            go_on.set()
            await life.settled()
            assert till.payments == [4_000]
            late = [e for e in await life.entries("effect.unknown") if e.id.endswith(".late1")]
            assert [(e.outcome.status, e.outcome.reason) for e in late if e.outcome] == [
                ("late", "answered")
            ]
            assert refund_of(life).status is Status.FAILED, "it moves nothing by itself"
            taken = await desk.take(life.house.hall, asked.case, SPECIALIST)
            assert not taken.is_late
            assert (await life.verified()).problem is None

    run(scenario)
