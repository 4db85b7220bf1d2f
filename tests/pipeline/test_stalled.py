"""Code that keeps the loop for itself is named while it runs, and what it did is asked, once."""

import asyncio
from pathlib import Path

import pytest

from answerable import Agent, Context, Message, Reply
from answerable.base.clock import SECOND_US
from answerable.compose.house import open_house
from answerable.effects.domain import Status
from answerable.sdk.words import Outcome
from answerable.telemetry.watch import attribute_tasks
from answerable.testing.world import OWNER, Life, Till, World
from homes import SmallHome, until, working
from stories import Repeat, clock_of, inline_world, once, queue_of, refund_of, run, scene, support


class Watch:
    """What a supervisor would read after a kill."""

    def __init__(self) -> None:
        self.now = ""

    def enter(self, what: str) -> None:
        self.now = what

    def leave(self) -> None:
        self.now = ""


async def _life_after(world: World, *stalled: str) -> Life:
    life = Life(open_house(world.plan()))
    life.house.hall.stalled = frozenset(stalled)
    await life.dispatcher.start()
    await life.settled()
    return life


@pytest.mark.parametrize("repeat", ["idempotent", "reconcilable", "at_most_once"])
def test_a_tool_that_stalled_a_worker_is_not_called_again_a_person_is_asked(
    tmp_path: Path, repeat: Repeat
) -> None:
    async def scenario() -> None:
        watch, named, begun = Watch(), [], asyncio.Event()

        async def stalls(_key: str) -> None:
            named.append(watch.now)
            begun.set()
            await asyncio.Event().wait()

        till = Till(before=stalls)
        world = inline_world(tmp_path / "home", support(till, repeat=repeat))
        await world.found()
        async with world.running() as life:
            life.house.hall.watch = watch
            await life.say("refund", external_id="m1")
            await begun.wait()
            refund = refund_of(life)
            assert named == [refund.id]
            await life.die()
        life = await _life_after(world, refund.id)
        assert named == [refund.id], "it was called again"
        assert refund_of(life).status is Status.ASKED
        assert queue_of(life) == [("orders", "stalled")]
        await life.answer(refund_of(life), "not_done")
        await life.settled()
        assert all(one.status.is_end for one in life.effects())
        assert (await life.verified()).problem is None
        await life.close()

    run(scenario)


def test_a_look_up_that_stalled_a_worker_is_not_made_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        looks = 0

        async def find(key: str) -> str | None:
            nonlocal looks
            looks += 1
            return await asyncio.Event().wait() and None

        async def breaks(_key: str) -> None:
            raise ZeroDivisionError

        till = Till(after=once(breaks))
        till.find = find  # type: ignore[method-assign]
        world = scene(tmp_path, till)
        await world.found()
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            clock_of(life).advance(5 * SECOND_US)
            while not looks:
                await asyncio.sleep(0)
            refund = refund_of(life)
            await life.die()
        life = await _life_after(world, refund.id)
        assert (looks, refund_of(life).status) == (1, Status.ASKED)
        await life.close()

    run(scenario)


def test_tasks_that_an_authors_code_starts_are_its_own_and_ours_are_not(tmp_path: Path) -> None:
    watch, seen = Watch(), []

    async def scenario() -> None:
        agent = Agent("support", owner=OWNER, desk="orders", purpose="start tasks")

        async def spawned() -> None:
            seen.append(watch.now)
            await asyncio.create_task(deeper())

        async def deeper() -> None:
            seen.append(watch.now)

        @agent.on_message
        async def answer(ctx: Context, message: Message) -> Outcome:
            await asyncio.wait_for(spawned(), 5)
            return Reply("done")

        world = inline_world(tmp_path / "home", agent)
        await world.found()
        async with world.running() as life:
            attribute_tasks(asyncio.get_running_loop())
            life.house.hall.watch = watch
            await life.say("hello", external_id="m1")
            await life.settled()
            turn = life.house.hall.keyring.dedup_id("email", "m1")
            assert seen == [turn, turn]
            assert await asyncio.create_task(_now(watch)) == ""

    run(scenario)


async def _now(watch: Watch) -> str:
    return watch.now


SPINNING = """    async def send(self, outgoing):
        with (HERE / "calls").open("a") as file:
            file.write("x")
        if "spin" in outgoing.text:
            async def spin():
                while True:
                    pass
            import asyncio
            await asyncio.wait_for(spin(), 5)
"""


def test_a_rail_that_spins_is_killed_once_and_its_reply_goes_to_the_desk(tmp_path: Path) -> None:
    home = SmallHome(tmp_path / "home").found()
    text = home.agent.read_text().replace("    async def send(self, outgoing):\n", SPINNING)
    home.agent.write_text(text.replace('"spin" in message.text', '"turn" in message.text'))
    with working(home) as worker:
        home.say("spin", external_id="m1", sender="spin@example.org")
        until(lambda: "stalled in the call of effect eff_" in worker.said)
        home.say("hello", external_id="m2")
        home.settled()
        assert home.sent == ["About hello."]
        assert home.queue == [("orders", "stalled")]
        assert (home.path / "calls").read_text() == "xx"
        assert worker.said.count("killing it") == 1
