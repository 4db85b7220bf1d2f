"""Whatever an author's code does, it costs one turn: the case goes to people, the day goes on."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from answerable import Agent, Context, Message, Money, Reply, ToolCall
from answerable.pipeline import desk
from answerable.sdk.words import Escalation, Outcome
from answerable.testing.world import OWNER, SPECIALIST, World
from stories import inline_world, queue_of, run

Handler = Callable[[Context, Message], Awaitable[Any]]


async def big() -> str:
    return "x" * 300_000


async def small(number: int) -> int:
    return number


async def raises(ctx: Context, message: Message) -> Outcome:
    raise ZeroDivisionError


async def exits(ctx: Context, message: Message) -> Outcome:
    raise SystemExit(3)


async def cancels_itself(ctx: Context, message: Message) -> Outcome:
    raise asyncio.CancelledError


async def times_out_itself(ctx: Context, message: Message) -> Outcome:
    raise TimeoutError


async def hangs(ctx: Context, message: Message) -> Outcome:
    await asyncio.sleep(3600)
    return None


async def hangs_and_will_not_be_cancelled(ctx: Context, message: Message) -> Outcome:
    for _ in range(50):
        try:
            await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            continue
    return Reply("too late")


async def returns_a_text(ctx: Context, message: Message) -> Any:
    return "hello"


async def replies_with_nothing(ctx: Context, message: Message) -> Outcome:
    return Reply("")


async def replies_with_a_number(ctx: Context, message: Message) -> Outcome:
    return Reply(7)  # type: ignore[arg-type]


async def replies_with_half_a_character(ctx: Context, message: Message) -> Outcome:
    return Reply("\ud800")


async def replies_without_end(ctx: Context, message: Message) -> Outcome:
    return Reply("x" * 100_000)


async def proposes_without_end(ctx: Context, message: Message) -> Outcome:
    for _ in range(1_000):
        with contextlib.suppress(Exception):
            ctx.propose(refund, amount=Money(1, "USD"))
    return Reply("done")


async def proposes_a_library(ctx: Context, message: Message) -> Outcome:
    ctx.propose(refund, amount=Money(1, "USD"), note="x" * 1_000_000)
    return None


async def proposes_nonsense(ctx: Context, message: Message) -> Outcome:
    ctx.propose(refund, amount="a lot")
    return None


async def proposes_what_is_no_argument(ctx: Context, message: Message) -> Outcome:
    ctx.propose(refund, sum=Money(1, "USD"))
    return None


async def proposes_what_cannot_be_written_down(ctx: Context, message: Message) -> Outcome:
    ctx.propose(refund, amount=object())
    return None


async def steps_without_end(ctx: Context, message: Message) -> Outcome:
    for number in range(1_000):
        with contextlib.suppress(Exception):
            await ctx.step(small, number)
    return Reply("done")


async def remembers_a_library(ctx: Context, message: Message) -> Outcome:
    with contextlib.suppress(Exception):
        await ctx.step(big)
    return Reply("done")


async def escalates_with_a_book(ctx: Context, message: Message) -> Outcome:
    return Escalation("\ud800" * 100_000, queue="orders")


async def proposes_and_escalates(ctx: Context, message: Message) -> Outcome:
    ctx.propose(refund, amount=Money(1, "USD"))
    return ctx.escalate("please look, too")


async def waits_for_another_turns_proposal(ctx: Context, message: Message) -> Outcome:
    other = Context(ctx._recorder, interaction="", case="", party="")  # type: ignore[arg-type]
    return Reply("done", after=other.propose(refund, amount=Money(1, "USD")), otherwise="no")


def no_coroutine(ctx: Context, message: Message) -> Any:
    return Reply("hello")


agent_of_tools = Agent("tools", owner=OWNER, desk="orders", purpose="declares")


@agent_of_tools.tool(effect="refund", repeat="idempotent")
async def refund(call: ToolCall, amount: Money, note: str = "") -> str:
    return "done"


BROKEN: dict[Handler, str] = {
    raises: "agent_failed",
    exits: "agent_failed",
    cancels_itself: "agent_failed",
    times_out_itself: "agent_failed",
    hangs: "turn_timeout",
    hangs_and_will_not_be_cancelled: "turn_timeout",
    returns_a_text: "agent_failed",
    replies_with_nothing: "agent_failed",
    replies_with_a_number: "agent_failed",
    replies_with_half_a_character: "agent_failed",
    replies_without_end: "turn_flooded",
    proposes_without_end: "turn_flooded",
    proposes_a_library: "turn_flooded",
    proposes_nonsense: "agent_failed",
    proposes_what_is_no_argument: "agent_failed",
    proposes_what_cannot_be_written_down: "agent_failed",
    steps_without_end: "turn_flooded",
    remembers_a_library: "turn_flooded",
    escalates_with_a_book: "asked",
    proposes_and_escalates: "agent_failed",
    waits_for_another_turns_proposal: "agent_failed",
    no_coroutine: "agent_failed",
}


def world_of(tmp_path: Path, handler: Handler) -> World:
    agent = Agent("support", owner=OWNER, desk="orders", purpose="break")
    agent.tools["refund"] = refund
    agent.turn_deadline_s = 0.05 if "hangs" in handler.__name__ else 30.0

    async def polite(ctx: Context, message: Message) -> Outcome:
        return Reply("Here you are.")

    def answer(ctx: Context, message: Message) -> Awaitable[Any]:
        return (polite if message.sender.startswith("lee") else handler)(ctx, message)

    agent.on_message(answer)
    return inline_world(tmp_path / "home", agent)


@pytest.mark.parametrize("handler", BROKEN, ids=lambda handler: handler.__name__)
def test_whatever_a_turn_does_it_costs_one_turn(tmp_path: Path, handler: Handler) -> None:
    async def scenario() -> None:
        world = world_of(tmp_path, handler)
        await world.found()
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await life.say("hello", external_id="m2", sender="lee@example.org")
            await life.settled()
            assert queue_of(life) == [("orders", BROKEN[handler])]
            assert world.mailbox.texts == ["Here you are."]
            assert [one.kind for one in life.effects()] == ["reply"], "nothing of it was decided"
            await life.say("and again", external_id="m3", sender="lee@example.org")
            await life.settled()
            assert world.mailbox.texts == ["Here you are."] * 2
            assert life.dispatcher.failure is None
            size = life.db.execute("SELECT max(length(body)) FROM record").fetchone()
            assert size[0] < 300_000
            await asyncio.sleep(0.1 if "cancelled" in handler.__name__ else 0)
            assert (await life.verified()).problem is None
            assert [e.outcome.status for e in await life.entries("outcome") if e.outcome].count(
                "escalated"
            ) == 1

    run(scenario)


def test_a_turn_that_stalled_the_last_worker_goes_to_people_and_is_not_run(tmp_path: Path) -> None:
    async def scenario() -> None:
        async def never(ctx: Context, message: Message) -> Outcome:
            raise AssertionError("it was run")

        world = world_of(tmp_path, never)
        await world.found()
        async with world.running() as life:
            hall = life.house.hall
            hall.stalled = frozenset({hall.keyring.dedup_id("email", "m1")})
            await life.say("hello", external_id="m1")
            await life.settled()
            assert queue_of(life) == [("orders", "stalled")]

    run(scenario)


def test_the_watch_knows_whose_code_runs_and_only_while_it_runs(tmp_path: Path) -> None:
    class Watch:
        def __init__(self) -> None:
            self.now = ""
            self.seen: list[str] = []

        def enter(self, what: str) -> None:
            self.now = what
            self.seen.append(what)

        def leave(self) -> None:
            self.now = ""

    watch = Watch()

    async def scenario() -> None:
        async def looks(ctx: Context, message: Message) -> Outcome:
            assert watch.now
            await ctx.step(small, 1)
            assert watch.now
            return Reply("done")

        world = world_of(tmp_path, looks)
        await world.found()
        async with world.running() as life:
            life.house.hall.watch = watch
            await life.say("hello", external_id="m1")
            await life.settled()
            (reply,) = life.effects()
            turn = life.house.hall.keyring.dedup_id("email", "m1")
            assert set(watch.seen) == {turn, reply.id}
            assert not watch.now
            assert world.mailbox.texts == ["done"]

    run(scenario)


def test_code_left_behind_by_its_turn_records_and_proposes_nothing(tmp_path: Path) -> None:
    left: list[str] = []
    go_on = asyncio.Event()

    async def slow() -> int:
        await go_on.wait()
        return 1

    async def scenario() -> None:
        async def leaves_a_task(ctx: Context, message: Message) -> Outcome:
            async def zombie() -> None:
                try:
                    await ctx.step(slow)
                except RuntimeError:
                    left.append("step refused")
                try:
                    ctx.propose(refund, amount=Money(1, "USD"))
                except RuntimeError:
                    left.append("proposal refused")

            task = asyncio.create_task(zombie())
            await asyncio.sleep(0)
            left.append(task.get_name())
            return Reply("done")

        world = world_of(tmp_path, leaves_a_task)
        await world.found()
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await life.settled()
            go_on.set()
            await life.settled()
            assert left[1:] == ["step refused", "proposal refused"]
            assert world.mailbox.texts == ["done"]
            assert [record.kind for record in await life.records()].count("step") == 0
            assert (await life.verified()).problem is None

    run(scenario)


def test_a_step_that_its_author_stopped_waiting_for_is_whole_or_not_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        async def impatient(ctx: Context, message: Message) -> Outcome:
            task = asyncio.create_task(ctx.step(small, 1))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            return Reply("done")

        world = world_of(tmp_path, impatient)
        await world.found()
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await life.settled()
            assert world.mailbox.texts == ["done"]
            kinds = [entry.kind for entry in await life.entries()]
            assert kinds.count("received") == kinds.count("decided") == 1
            assert (await life.verified()).problem is None

    run(scenario)


def test_people_can_give_a_broken_case_back_and_the_next_message_is_answered(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async def breaks_once(ctx: Context, message: Message) -> Outcome:
            if message.external_id == "m1":
                raise ZeroDivisionError
            return Reply("Better now.")

        world = world_of(tmp_path, breaks_once)
        await world.found()
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await life.say("hello?", external_id="m2")
            await life.settled()
            assert world.mailbox.texts == []
            hall = life.house.hall
            (case,) = life.db.execute('SELECT "case" FROM queue_item').fetchone()
            await desk.take(hall, case, SPECIALIST)
            await desk.hand_back(hall, case, SPECIALIST)
            assert queue_of(life) == []
            await life.say("hello!", external_id="m3")
            await life.settled()
            assert world.mailbox.texts == ["Better now."]

    run(scenario)
