"""A step is recorded once; after a crash it is read back, not repeated."""

import shutil
from pathlib import Path

from answerable import Agent, Context, Message, Money, Reply, ToolCall
from answerable.sdk.words import Outcome
from answerable.testing.mortal import live
from answerable.testing.world import OWNER, Life, Till, World
from stories import inline_world, queue_of, run


class Author:
    """Code with steps; `drifts` makes it ask differently each time that it is run."""

    def __init__(self, *, drifts: bool = False, fails: bool = False) -> None:
        self.looked_up: list[str] = []
        self.told: list[str] = []
        self.runs = 0
        self.till = Till()
        self._drifts = drifts
        self._fails = fails

    async def look_up(self, order: str) -> int:
        self.looked_up.append(order)
        if self._fails:
            raise LookupError(order)
        return 4_000

    def agent(self) -> Agent:
        agent = Agent("support", owner=OWNER, desk="orders", purpose="step")

        async def find(key: str) -> str | None:
            return await self.till.find(key)

        @agent.tool(effect="refund", repeat="reconcilable", find=find)
        async def refund(call: ToolCall, order: str, amount: Money) -> str:
            return await self.till.pay(call.key, amount.amount_minor)

        @agent.on_message
        async def answer(ctx: Context, message: Message) -> Outcome:
            self.runs += 1
            now = await ctx.now()
            chance = await ctx.random()
            order = f"A{self.runs if self._drifts else 1}"
            try:
                minor = await ctx.step(self.look_up, order)
            except LookupError as error:
                return Reply(f"There is no {error.args[0]}.")
            self.told.append(f"{now} {chance.random()}")
            asked = ctx.propose(refund, order=order, amount=Money(minor, "USD"))
            return Reply(self.told[-1], after=asked, otherwise="no")

        return agent


async def story(life: Life) -> None:
    await life.say("hello", external_id="m1")
    await life.run_out()


async def deaths(tmp_path: Path, author: Author) -> int:
    """How many moments the story has, in a home of its own."""
    world = inline_world(tmp_path / "counted", author.agent())
    await world.found()
    return len((await live(world, story, till=author.till)).trail)


async def founded(tmp_path: Path) -> Path:
    world = inline_world(tmp_path / "founded", Author().agent())
    await world.found()
    return tmp_path / "founded"


def test_steps_time_and_chance_are_the_same_after_a_death_at_any_moment(tmp_path: Path) -> None:
    async def scenario() -> None:
        moments = await deaths(tmp_path, Author())
        home = await founded(tmp_path)
        for die_at in range(1, moments + 1):
            author = Author()
            shutil.copytree(home, tmp_path / f"{die_at}")
            world: World = inline_world(tmp_path / f"{die_at}", author.agent())
            await live(world, story, till=author.till, die_at=die_at)
            last = await live(world, story, till=author.till)
            assert not last.died.is_set()
            assert len(author.looked_up) <= 2, "at most the one that died before its record"
            assert len(set(author.told)) <= 1, "time and chance of the first life"
            assert world.mailbox.texts == author.told[-1:]
            assert author.till.payments == [4_000]

    run(scenario)


def test_a_recorded_step_is_not_repeated(tmp_path: Path) -> None:
    async def scenario() -> None:
        author = Author()
        world = inline_world(tmp_path / "home", author.agent())
        await world.found()
        trail = (await live(world, story, till=author.till, die_at=10_000)).trail
        assert author.looked_up == ["A1"]
        before_decide = trail.index("decide.before_commit") + 1
        author = Author()
        world = inline_world(tmp_path / "home-2", author.agent())
        await world.found()
        await live(world, story, till=author.till, die_at=before_decide)
        await live(world, story, till=author.till)
        assert (author.runs, author.looked_up) == (2, ["A1"])

    run(scenario)


def test_what_a_step_raised_is_raised_again_and_the_step_is_not_repeated(tmp_path: Path) -> None:
    async def scenario() -> None:
        author = Author(fails=True)
        world = inline_world(tmp_path / "home", author.agent())
        await world.found()
        trail = (await live(world, story, till=author.till, die_at=10_000)).trail
        author = Author(fails=True)
        world = inline_world(tmp_path / "home-2", author.agent())
        await world.found()
        die_at = trail.index("decide.before_commit") + 1
        await live(world, story, till=author.till, die_at=die_at)
        await live(world, story, till=author.till)
        assert (author.runs, author.looked_up) == (2, ["A1"])
        assert world.mailbox.texts == ["There is no A1."]

    run(scenario)


def test_code_that_asks_differently_after_a_crash_ends_its_turn_with_people(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        moments = await deaths(tmp_path, Author())
        home = await founded(tmp_path)
        diverged = 0
        for die_at in range(1, moments + 1):
            author = Author(drifts=True)
            shutil.copytree(home, tmp_path / f"{die_at}")
            world = inline_world(tmp_path / f"{die_at}", author.agent())
            await live(world, story, till=author.till, die_at=die_at)
            seen: list[tuple[str, str]] = []

            async def ended(life: Life, seen: list[tuple[str, str]] = seen) -> None:
                await story(life)
                seen.extend(queue_of(life))
                assert all(effect.status.is_end for effect in life.effects())

            await live(world, ended, till=author.till)
            assert len(author.till.payments) + len(seen) == 1
            diverged += seen == [("orders", "turn_diverged")]
        assert diverged

    run(scenario)
