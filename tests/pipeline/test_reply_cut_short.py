"""A reply that was on its way when the worker died is looked up, however the next life goes."""

import asyncio
from pathlib import Path

import pytest

from answerable.compose.house import open_house
from answerable.effects.domain import Status
from answerable.effects.errors import OutcomeUnknown
from answerable.testing.world import Life, Till, World
from stories import hangs, queue_of, run, scene


class Blind(Till):
    """Pays, and while it is blind cannot say what was paid."""

    is_blind = False

    async def find(self, key: str) -> str | None:
        if self.is_blind:
            raise OutcomeUnknown("down")
        return await super().find(key)


async def _dies_in_its_reply(world: World, *, is_sent: bool) -> None:
    """The refund is done and the reply on its way; neither is recorded."""
    reached = asyncio.Event()

    async def reach(key: str) -> None:
        reached.set()
        await hangs(key)

    setattr(world.mailbox, "after" if is_sent else "before", reach)
    life = Life(open_house(world.plan()))
    await life.dispatcher.start()
    await life.say("refund", external_id="m1")
    await asyncio.wait_for(reached.wait(), 10)
    await life.die()
    world.mailbox.before = world.mailbox.after = _as_always


async def _as_always(_key: str) -> None: ...


def reply_of(life: Life) -> Status:
    (reply,) = [one for one in life.effects() if one.kind == "reply"]
    return reply.status


@pytest.mark.parametrize("is_sent", [True, False])
def test_a_reply_cut_short_is_sent_once_though_its_refund_cannot_be_looked_up_at_first(
    tmp_path: Path, *, is_sent: bool
) -> None:
    async def scenario() -> None:
        till = Blind()
        world = scene(tmp_path, till)
        await world.found()
        await _dies_in_its_reply(world, is_sent=is_sent)
        till.is_blind = True
        async with world.running() as life:
            await life.settled()
            till.is_blind = False
            await life.run_out()
            assert reply_of(life) is Status.DONE
            assert (await life.verified()).problem is None
        assert (till.payments, world.mailbox.texts) == ([4_000], ["Refunded."])

    run(scenario)


def test_on_a_rail_that_cannot_be_asked_a_person_says_whether_it_was_sent(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Blind()
        world = scene(tmp_path, till)
        world.mailbox.repeat = "at_most_once"
        await world.found()
        await _dies_in_its_reply(world, is_sent=True)
        till.is_blind = True
        async with world.running() as life:
            await life.settled()
            till.is_blind = False
            await life.run_out()
            assert reply_of(life) is Status.ASKED
            assert queue_of(life) == [("orders", "effect_unknown")]
        assert world.mailbox.texts == ["Refunded."]

    run(scenario)
