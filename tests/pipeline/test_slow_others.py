"""What is slow costs whom it concerns: a tool, a model or a disk that takes its time starves nobody
else."""

import asyncio
import math
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from answerable import Agent, Context, Message, Reply
from answerable.adapters.engines.embedded.writer import commit
from answerable.base.errors import Busy
from answerable.rails.port import Incoming
from answerable.testing.world import OWNER, Life, Mailbox, Till, World
from stories import inline_world, run, support

QUICK = 20
TURNS_MAX = 50_000


class Held:
    """The other side answers nobody, until it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.calls = 0

    async def __call__(self, _key: str) -> None:
        self.calls += 1
        await self.go.wait()


def messages(text: str, count: int) -> list[Incoming]:
    """From a person each."""
    return [
        Incoming(
            external_id=f"{text}-{n}", sender=f"{text}{n}@example.org", text=text, rail="email"
        )
        for n in range(count)
    ]


async def turns_until(is_so: Callable[[], bool]) -> None:
    for _ in range(TURNS_MAX):
        if is_so():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come to that")


def test_more_slow_calls_than_hands_keep_nobody_else_waiting(tmp_path: Path) -> None:
    async def story() -> None:
        held = Held()
        till = Till(before=held)
        world = inline_world(tmp_path / "home", support(till, deadline_s=30), in_flight_max=8)
        await world.found()
        async with world.running() as life:
            await others_are_answered(life, world.mailbox, held, slow=31)
            held.go.set()
            await life.settled()
            assert [len(paid) for paid in till.done.values()] == [1] * 31
            assert len(world.mailbox.sent) == QUICK + 31

    run(story)


def test_more_slow_calls_than_may_be_unfinished_come_again_and_are_done_once(
    tmp_path: Path,
) -> None:
    """Those over a door's bound wait in the journal, without an attempt that could fail them."""

    async def story() -> None:
        held = Held()
        till = Till(before=held)
        agent = support(till, deadline_s=30, attempts_max=1)
        world = inline_world(tmp_path / "home", agent, in_flight_max=4)
        await world.found()
        async with world.running() as life:
            hands = life.house.hall.hands
            slow = hands.unfinished_max + 10
            await others_are_answered(life, world.mailbox, held, slow=slow)
            assert held.calls == hands.calls_max
            held.go.set()
            await life.run_out()
            assert [len(paid) for paid in till.done.values()] == [1] * slow
            assert len(world.mailbox.sent) == QUICK + slow
            assert not life.db.execute("SELECT count(*) FROM queue_item").fetchone()[0]

    run(story)


async def others_are_answered(life: Life, mailbox: Mailbox, held: Held, *, slow: int) -> None:
    """While the tool answers none of `slow` people."""
    await life.receive(messages("refund", slow))
    await turns_until(lambda: held.calls >= min(slow, life.house.hall.hands.calls_max))
    await life.receive(messages("hello", QUICK))
    await turns_until(lambda: len(mailbox.sent) == QUICK)
    assert {one.text for one in mailbox.sent} == {"About hello."}


def test_more_slow_thoughts_than_hands_keep_nobody_else_waiting(tmp_path: Path) -> None:
    async def story() -> None:
        held = Held()
        agent = Agent("support", owner=OWNER, desk="orders", purpose="Think")

        @agent.on_message
        async def answer(_ctx: Context, message: Message) -> Reply:
            if message.text == "think":
                await held("")
            return Reply(f"About {message.text}.")

        world = inline_world(tmp_path / "home", agent, in_flight_max=8)
        await world.found()
        async with world.running() as life:
            await life.receive(messages("think", 30))
            await turns_until(lambda: held.calls == 30)
            await life.receive(messages("hello", QUICK))
            await turns_until(lambda: len(world.mailbox.sent) == QUICK)
            held.go.set()
            await life.settled()
            assert len(world.mailbox.sent) == QUICK + 30

    run(story)


FSYNC_S = 0.05


def test_on_a_disk_of_50_ms_commits_fill_and_nobody_waits_for_many(tmp_path: Path) -> None:
    """40 people at once take as many commits as one does, and a few: none of them has its own."""

    def slow(connection: sqlite3.Connection) -> object:
        time.sleep(FSYNC_S)
        return commit(connection)

    async def commits(life: Life, text: str, count: int) -> int:
        before = life.house.journal.commits
        await asyncio.gather(*(life.receive([one]) for one in messages(text, count)))
        await life.settled()
        return life.house.journal.commits - before

    async def story() -> None:
        world = World(home=tmp_path / "home", agent=support(Till()), commit=slow)
        await world.found()
        async with world.running() as life:
            alone = await commits(life, "alone", 1)
            together = await commits(life, "together", 40)
            assert len(world.mailbox.sent) == 41
            assert together <= 3 * alone, (alone, together)

    run(story)


def test_who_would_wait_too_long_is_told_when_to_come_again(tmp_path: Path) -> None:
    async def story() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:
            hall = life.house.hall
            hall.wait_max_s = 30.0
            for waits_s, again_s in ((31.0, 16.0), (45.0, 30.0), (math.inf, 585.0)):
                hall.wait_s = lambda waits_s=waits_s: waits_s  # type: ignore[misc]
                with pytest.raises(Busy, match="Nothing of this request was accepted") as told:
                    await life.say("hello", external_id="m1")
                assert told.value.retry_after_s == again_s
            hall.wait_s = lambda: 30.0
            assert (await life.say("hello", external_id="m1")).is_new

    run(story)
