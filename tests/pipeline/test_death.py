"""Whenever we die, and as often: one payment, one reply, one decision each, nothing left open."""

import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from answerable.effects.domain import Status
from answerable.effects.errors import NotDone, OutcomeUnknown
from answerable.testing.mortal import Story, live
from answerable.testing.world import OWNER, Life, Till, World
from stories import HOLD_TOOLS, inline_world, queue_of, run, support


class BusyTill(Till):
    """Says no twice before it does anything."""

    noes = 2

    async def pay(self, key: str, amount_minor: int) -> str:
        await self.before(key)
        if self.noes:
            self.noes -= 1
            raise NotDone("busy")
        return await super().pay(key, amount_minor)


class SilentTill(Till):
    """Pays, and loses the answer of the first payment."""

    is_silent = True

    async def pay(self, key: str, amount_minor: int) -> str:
        receipt = await super().pay(key, amount_minor)
        if self.is_silent:
            self.is_silent = False
            raise OutcomeUnknown("no answer")
        return receipt


async def asks(life: Life) -> None:
    await life.say("please refund me", external_id="m1")
    await life.say("hello", external_id="m2")
    await life.run_out()


async def asks_and_is_granted(life: Life) -> None:
    await life.say("please refund me", external_id="m1")
    await life.settled()
    for held in life.effects(Status.HELD):
        await life.answer(held, "grant")
    await life.run_out()


class Scene:
    """A founded home, copied for each death."""

    def __init__(self, tmp_path: Path, story: Story, **agent: Any) -> None:
        self._path = tmp_path
        self._story = story
        self._agent = agent
        self._count = 0
        self.policy = ""
        self.till: type[Till] = Till

    async def found(self) -> None:
        await self._world(Till(), self._path / "founded").found()

    async def told(self, *deaths: int) -> tuple[list[str], Till, World]:
        """Die at these moments, one life each; then live to the end."""
        self._count += 1
        home = self._path / f"home-{self._count}"
        shutil.copytree(self._path / "founded", home)
        till = self.till()
        world = self._world(till, home)
        trail: list[str] = []
        for die_at in deaths:
            trail = (await live(world, self._story, till=till, die_at=die_at)).trail
        last = await live(world, self._ended, till=till)
        shutil.rmtree(home)
        return trail or last.trail, till, world

    async def _ended(self, life: Life) -> None:
        """The story once more; then everything is looked at."""
        await self._story(life)
        states = Counter(state.status for state in life.effects())
        assert set(states) == {Status.DONE}, states
        row = life.db.execute("SELECT count(*) FROM arrival WHERE done = 0 AND not_before_us = 0")
        assert row.fetchone() == (0,)
        row = life.db.execute("SELECT count(*) FROM interaction WHERE disposition = 'open'")
        assert row.fetchone() == (0,)
        ids = Counter(entry.id for entry in await life.entries("decided", "outcome"))
        assert set(ids.values()) == {1}
        done = await life.entries("effect.done")
        assert sorted(e.effect.id for e in done if e.effect) == [s.id for s in life.effects()]
        assert all(entry.owner is not None for entry in done)
        assert (await life.verified()).problem is None

    def _world(self, till: Till, home: Path) -> World:
        agent = support(till, **self._agent)
        world = inline_world(home, agent, policy=self.policy)
        world.mailbox.repeat = self._agent.get("repeat", "reconcilable")
        return world


def once(till: Till, world: World, *, replies: int) -> None:
    assert till.payments == [4_000]
    counted = Counter(one.in_reply_to for one in world.mailbox.sent)
    assert counted == {f"m{number}": 1 for number in range(1, replies + 1)}
    assert "Refunded." in world.mailbox.texts


STORIES: dict[str, tuple[Story, str, type[Till], int]] = {
    "a refund": (asks, "", Till, 2),
    "a hold and its grant": (asks_and_is_granted, HOLD_TOOLS, Till, 1),
    "retries": (asks, "", BusyTill, 2),
    "an unknown": (asks, "", SilentTill, 2),
}


def scene_of(tmp_path: Path, name: str, **agent: Any) -> Scene:
    story, policy, till, _ = STORIES[name]
    scene = Scene(tmp_path, story, **agent)
    scene.policy, scene.till = policy, till
    return scene


@pytest.mark.parametrize("name", STORIES)
def test_death_at_any_moment_leaves_one_payment_one_reply_one_decision(
    tmp_path: Path, name: str
) -> None:
    async def scenario() -> None:
        scene = scene_of(tmp_path, name)
        await scene.found()
        whole, till, world = await scene.told()
        once(till, world, replies=STORIES[name][3])
        for die_at in range(1, len(whole) + 1):
            _, till, world = await scene.told(die_at)
            once(till, world, replies=STORIES[name][3])

    run(scenario)


@pytest.mark.parametrize("seed", range(4))
def test_two_and_three_deaths_in_a_row_do_no_more_harm_than_one(tmp_path: Path, seed: int) -> None:
    async def scenario() -> None:
        chance = random.Random(seed)
        name = list(STORIES)[seed]
        scene = scene_of(tmp_path, name)
        await scene.found()
        moments = len((await scene.told())[0])
        for _ in range(15):
            deaths = [chance.randint(1, moments) for _ in range(chance.choice((2, 2, 3)))]
            _, till, world = await scene.told(*deaths)
            once(till, world, replies=STORIES[name][3])

    run(scenario)


def test_death_with_an_idempotent_tool_repeats_the_call_under_the_same_key(tmp_path: Path) -> None:
    async def scenario() -> None:
        scene = scene_of(tmp_path, "a refund", repeat="idempotent")
        await scene.found()
        whole, _, _ = await scene.told()
        for die_at in range(1, len(whole) + 1):
            _, till, world = await scene.told(die_at)
            assert len(till.done) == 1, "one key, however often it was called"
            assert len({one.key for one in world.mailbox.sent}) == 2

    run(scenario)


def test_the_harness_sees_a_payment_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted defect: what was cut short is done again without a look."""

    async def nothing(key: str) -> str | None:
        return None

    async def scenario() -> None:
        scene = scene_of(tmp_path, "a refund")
        await scene.found()
        whole, _, _ = await scene.told()
        monkeypatch.setattr(Till, "find", lambda _self, key: nothing(key))
        _, till, _ = await scene.told(whole.index("after effect") + 1)
        assert till.payments == [4_000, 4_000]

    run(scenario)


async def asks_and_is_granted_too_late(life: Life) -> None:
    await life.say("please refund me", external_id="m1")
    await life.settled()
    held = life.effects(Status.HELD)
    if life.house.hall.people.directory.owned("support") is not None:
        await life.leave(OWNER)
    for effect in held:
        await life.answer(effect, "grant")
    await life.run_out()


async def asks_what_may_not_be_said(life: Life) -> None:
    await life.say("hello", external_id="m1")
    await life.run_out()


NO_REPLIES = '@id("t") permit (principal, action == Action::"perform", resource);'


@pytest.mark.parametrize(
    ("story", "policy", "codes"),
    [
        (asks_and_is_granted_too_late, HOLD_TOOLS, {"no_owner"}),
        (asks_what_may_not_be_said, NO_REPLIES, {"reply_denied"}),
    ],
)
def test_death_at_any_moment_loses_nobody_who_has_to_be_answered_by_people(
    tmp_path: Path, story: Story, policy: str, codes: set[str]
) -> None:
    async def scenario() -> None:
        scene = Scene(tmp_path, story)
        scene.policy = policy
        await scene.found()

        async def ended(life: Life) -> None:
            await story(life)
            assert {code for _, code in queue_of(life)} == codes
            assert all(effect.status.is_end for effect in life.effects())

        scene._ended = ended  # type: ignore[method-assign]
        whole, _, _ = await scene.told()
        for die_at in range(1, len(whole) + 1):
            _, till, world = await scene.told(die_at)
            assert (till.payments, world.mailbox.texts) == ([], [])

    run(scenario)
