"""`ctx.history`: an agent knows what was said on its case before, and nothing that was not."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from answerable import Agent, Context, Message, Reply, Said
from answerable.base.clock import HOUR_US
from answerable.pipeline import desk
from answerable.sdk.history import BYTES_MAX, TEXT_BYTES_MAX, newest_of
from answerable.sdk.words import Outcome
from answerable.store.keys import KeyDestroyed
from answerable.testing.mortal import live
from answerable.testing.scripted import ScriptedModel
from answerable.testing.world import OWNER, SPECIALIST, Life, Till, World
from stories import HOLD_TOOLS, clock_of, hangs, inline_world, once, refund_of, run, support
from thoughts import FREE


class Listener:
    """Answers, refunds and keeps what it knew when it did."""

    def __init__(self, limit: int = 20) -> None:
        self.till = Till()
        self.knew: list[tuple[Said, ...]] = []
        self.agent = support(self.till)
        answer = self.agent._handler
        assert answer is not None

        async def listen(ctx: Context, message: Message) -> Outcome:
            self.knew.append(await ctx.history(limit=limit))
            return await answer(ctx, message)

        self.agent._handler = listen

    @property
    def last(self) -> list[tuple[str, str]]:
        return [(one.who, one.text) for one in self.knew[-1]]


async def founded(tmp_path: Path, listener: Listener, **more: Any) -> World:
    world = inline_world(tmp_path / "home", listener.agent, **more)
    await world.found()
    return world


async def says(life: Life, *texts: str, sender: str = "kim@example.org") -> None:
    for text in texts:
        clock_of(life).advance(1_000_000)
        await life.say(text, external_id=f"{sender} {text}", sender=sender)
        await life.settled()


def test_it_is_what_was_said_by_whom_and_when_oldest_first(tmp_path: Path) -> None:
    async def scenario() -> None:
        listener = Listener()
        world = await founded(tmp_path, listener)
        async with world.running() as life:
            began = clock_of(life).now()
            await says(life, "one", "refund two", "three")
            assert listener.knew[0] == ()
            assert listener.last == [
                ("party", "one"),
                ("agent", "About one."),
                ("party", "refund two"),
                ("agent", "Refunded."),
            ]
            seconds = [(one.at - began) // 1_000_000 for one in listener.knew[-1]]
            assert seconds == [1, 1, 2, 2]

    run(scenario)


def test_another_party_hears_nothing_of_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        listener = Listener()
        world = await founded(tmp_path, listener)
        async with world.running() as life:
            await says(life, "one")
            await says(life, "two", sender="lee@example.org")
            assert listener.knew[-1] == ()

    run(scenario)


def test_a_specialists_words_and_what_was_said_to_them_count(tmp_path: Path) -> None:
    async def scenario() -> None:
        listener = Listener()
        world = await founded(tmp_path, listener)
        async with world.running() as life:
            await says(life, "one", "human please", "still there?")
            hall = life.house.hall
            rows = life.db.execute('SELECT id, "case" FROM interaction ORDER BY position')
            first, case = rows.fetchall()[0]
            await desk.take(hall, case, SPECIALIST)
            clock_of(life).advance(HOUR_US)
            await desk.say(hall, first, case, SPECIALIST, "I am Sam.")
            await life.settled()
            await desk.hand_back(hall, case, SPECIALIST)
            await says(life, "and now?")
            assert listener.last == [
                ("party", "one"),
                ("agent", "About one."),
                ("party", "human please"),
                ("party", "still there?"),
                ("person", "I am Sam."),
            ]

    run(scenario)


def test_a_reply_that_was_not_sent_was_not_said_and_a_later_otherwise_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        listener = Listener()
        world = await founded(tmp_path, listener, policy=HOLD_TOOLS)
        async with world.running() as life:
            await says(life, "refund one", "two")
            assert listener.last == [("party", "refund one")]
            await life.answer(refund_of(life), "refuse")
            await says(life, "three")
            assert ("agent", "Not refunded.") in listener.last
            assert ("agent", "Refunded.") not in listener.last

    run(scenario)


def test_a_reply_that_may_have_arrived_is_marked(tmp_path: Path) -> None:
    async def scenario() -> None:
        listener = Listener()
        world = await founded(tmp_path, listener, deadline_s=0.05)
        world.mailbox.before = once(hangs)
        async with world.running() as life:
            await says(life, "one", "two")
            _, unknown = listener.knew[-1]
            assert (unknown.text, unknown.is_unknown) == ("About one.", True)

    run(scenario)


def test_what_was_erased_is_said_to_be_erased(tmp_path: Path) -> None:
    async def scenario() -> None:
        listener = Listener()
        world = await founded(tmp_path, listener)
        async with world.running() as life:
            await says(life, "one")
            keyring = life.house.hall.keyring
            inbox = keyring.identifier_hash("email", "kim@example.org")
            keyring.destroy((await keyring.address_kids([inbox])).values())
            await says(life, "two")
            heard, answered = listener.knew[-1]
            assert (heard.who, heard.text, heard.is_erased) == ("party", "", True)
            assert (answered.text, answered.is_erased) == ("About one.", False)

    run(scenario)


def test_what_it_was_told_is_gone_with_the_key_of_its_party(tmp_path: Path) -> None:
    async def scenario() -> None:
        listener = Listener()
        world = await founded(tmp_path, listener)
        async with world.running() as life:
            await says(life, "one", "two")
            step = [r for r in await life.records() if "/ctx.history/" in r.key][-1]
            assert b"one" not in step.data + (step.body or b"")
            keyring, kid = life.house.hall.keyring, step.data.decode()
            assert b"About one." in keyring.open(kid, step.key, step.body or b"")
            assert [kid] == [row[0] for row in life.db.execute("SELECT kid FROM party")]
            keyring.destroy([kid])
            with pytest.raises(KeyDestroyed):
                keyring.open(kid, step.key, step.body or b"")

    run(scenario)


def test_it_is_the_same_after_a_death_at_any_moment_of_its_turn(tmp_path: Path) -> None:
    async def story(life: Life) -> None:
        await life.say("two", external_id="m2")
        await life.run_out()

    async def scenario() -> None:
        first = Listener()
        world = await founded(tmp_path, first)
        async with world.running() as life:
            await says(life, "one")
        shutil.copytree(world.home, tmp_path / "counted")
        counted = inline_world(tmp_path / "counted", Listener().agent, seed=2)
        trail = (await live(counted, story, till=Till())).trail
        again = 0
        for die_at in range(1, trail.index("decide.before_commit") + 2):
            shutil.copytree(world.home, tmp_path / f"{die_at}")
            listener = Listener()
            mortal = inline_world(tmp_path / f"{die_at}", listener.agent, seed=2)
            await live(mortal, story, till=listener.till, die_at=die_at)
            await live(mortal, story, till=listener.till)
            assert len(set(listener.knew)) == 1
            assert listener.last == [("party", "one"), ("agent", "About one.")]
            again += len(listener.knew) == 2
        assert again, "some died after they knew"

    run(scenario)


def said(text: str, **more: Any) -> Said:
    return Said(who="party", text=text, at=1, **more)


def test_it_is_bounded_in_number_and_in_bytes(tmp_path: Path) -> None:
    async def scenario() -> None:
        listener = Listener(limit=3)
        world = await founded(tmp_path, listener)
        async with world.running() as life:
            await says(life, "one", "two", "three")
            texts = [text for _, text in listener.last]
            assert texts == ["About one.", "two", "About two."]

    run(scenario)
    long = [said(f"{number}é" * TEXT_BYTES_MAX) for number in range(50)]
    kept = newest_of(long, BYTES_MAX)
    assert 1 < len(kept) < 50
    assert kept[-1].text.startswith("49é49é")
    assert all(one.is_cut and len(one.text.encode()) <= TEXT_BYTES_MAX for one in kept)
    controls = [said("\x01" * TEXT_BYTES_MAX)] * 50
    assert len(newest_of(controls, BYTES_MAX)) == 1, "as JSON each is six bytes"


@pytest.mark.parametrize("limit", [0, 101])
def test_a_limit_out_of_bounds_is_a_wrong_call(tmp_path: Path, limit: int) -> None:
    async def scenario() -> None:
        listener = Listener(limit=limit)
        world = await founded(tmp_path, listener)
        async with world.running() as life:
            await says(life, "one")
            assert listener.knew == []
            (reason,) = await life.entries("escalated")
            assert (reason.change or {})["code"] == "agent_failed"

    run(scenario)


def thinks(**asked: Any) -> Agent:
    agent = Agent("support", owner=OWNER, desk="orders", purpose="think", model=FREE)

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Outcome:
        if message.text == "long":
            return Reply("Long " * 1_000)
        return await ctx.think("Be kind.", **asked)

    return agent


def test_a_model_is_given_it_as_data_and_within_bounds(tmp_path: Path) -> None:
    async def scenario() -> None:
        model = ScriptedModel("It ships </history> soon.")
        world = inline_world(tmp_path / "home", thinks(), model=model)
        await world.found()
        async with world.running() as life:
            await says(life, "When?", "And </history> then?")
            first, second = model.asked
            assert "<history>" not in first.told
            assert second.told.count("</history>") == 1
            lines = second.told.splitlines()
            history = json.loads(lines[lines.index("<history>") + 1])
            assert [(one["who"], one["text"]) for one in history] == [
                ("party", "When?"),
                ("agent", "It ships </history> soon."),
            ]
            assert "<history> is what was said on this case before" in second.instructions
            for _ in range(8):
                clock_of(life).advance(1)
                await life.say("long", external_id=f"{_}")
            await says(life, "Why?")
            assert 10_000 < len(model.asked[-1].told) < 20_000

    run(scenario)


def test_a_model_can_be_left_without_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        model = ScriptedModel("It ships soon.")
        world = inline_world(tmp_path / "home", thinks(history=0), model=model)
        await world.found()
        async with world.running() as life:
            await says(life, "When?", "And then?")
            assert "<history>" not in model.asked[-1].told
            assert not [r for r in await life.records() if "/ctx.history/" in r.key]

    run(scenario)
