"""Whatever fails, an arrival ends: answered, at the desk, or declared; and the next is read."""

from pathlib import Path
from typing import Any

import pytest

from answerable import pipeline
from answerable.base.clock import HOUR_US
from answerable.effects.domain import Status
from answerable.pipeline.decide import decide as _decide
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Decided, Due, Proposed
from answerable.policy.limits import Limit
from answerable.testing.world import Till
from stories import HOLD_TOOLS, inline_world, queue_of, refuses, run, support


async def _breaks_on_timers(hall: Hall, proposed: Proposed) -> Decided:
    if isinstance(proposed.routed.resolved.received.cause, Due):
        raise KeyError
    return await _decide(hall, proposed)


@pytest.mark.parametrize("word", ["expire", "retry"])
def test_a_timer_that_cannot_be_worked_on_still_ends_its_effect(
    tmp_path: Path, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        is_hold = word == "expire"
        till = Till(before=refuses(0 if is_hold else 1))
        more: dict[str, Any] = {"policy": HOLD_TOOLS} if is_hold else {}
        limit = Limit(count_per_day=1)
        world = inline_world(tmp_path / "home", support(till, limit=limit), **more)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            monkeypatch.setattr(pipeline, "decide", _breaks_on_timers)
            await life.run_out(30 * HOUR_US)
            monkeypatch.setattr(pipeline, "decide", _decide)
            wanted = Status.REFUSED if is_hold else Status.FAILED
            assert [one.status for one in life.effects()] == [wanted, Status.FAILED]
            assert queue_of(life) == [("orders", "internal")]
            approvals = [one.actor for one in await life.entries("approval")]
            assert approvals == (["system:silence"] if is_hold else [])
            assert (till.payments, world.mailbox.texts) == ([], [])
            await life.say("refund", external_id="m2", sender="lee@example.org")
            await life.settled()
            assert Status.DENIED not in [one.status for one in life.effects()], "room is given back"

    run(scenario)


def test_of_whom_was_forgotten_nothing_stays_open(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()), policy=HOLD_TOOLS)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            hall = life.house.hall
            (held,) = life.effects(Status.HELD)
            kid = hall.parties.get(held.party).kid
        async with world.running() as life:
            life.house.keys.destroy([kid])
            await life.run_out(30 * HOUR_US)
            assert all(one.status.is_end or one.status is Status.ASKED for one in life.effects())
            assert Status.HELD not in [one.status for one in life.effects()]
            assert life.dispatcher.failure is None
            assert life.db.execute("SELECT count(*) FROM arrival WHERE done = 0").fetchone() == (0,)

    run(scenario)
