"""Stop means stop: each scope, each mode, the file; for the next effect and through a restart."""

from pathlib import Path

import pytest

from answerable.agents.stops import Mode
from answerable.base.errors import Refused
from answerable.effects.domain import Status
from answerable.pipeline import desk
from answerable.store.sqlite import DiskFull
from answerable.store.stopfile import LOOK_EVERY_US, StopFile
from answerable.testing.world import SPECIALIST, Life, Till, World
from answerable.worker import verbs
from answerable.worker.commands.stop import stop
from offices import office_of
from stories import inline_world, queue_of, run, support


def a_world(tmp_path: Path, till: Till) -> World:
    return inline_world(tmp_path / "home", support(till))


def party_of(life: Life) -> str:
    return str(life.db.execute("SELECT id FROM party").fetchone()[0])


async def reasons(life: Life) -> list[tuple[str, str]]:
    """(verdict, last reason) of each decision."""
    decided = await life.entries("decided")
    return [(one.policy[-1].verdict, one.policy[-1].reasons[-1]) for one in decided]


def test_a_paused_tool_is_denied_and_the_agent_still_answers(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        world = a_world(tmp_path, till)
        await world.found()
        async with world.running() as life:
            await life.stop_agent("tool:support/refund")
            await life.say("refund", external_id="m1")
            await life.settled()
            assert till.payments == []
            assert world.mailbox.texts == ["Not refunded."]
            assert (await reasons(life))[0] == ("deny", "stop:pause")
            assert queue_of(life) == []

    run(scenario)


def test_read_only_lets_agents_talk_and_nothing_else(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        world = a_world(tmp_path, till)
        await world.found()
        async with world.running() as life:
            await life.stop_agent("*", mode=Mode.READ_ONLY)
            await life.say("refund", external_id="m1")
            await life.say("hello", external_id="m2")
            await life.settled()
            assert till.payments == []
            assert world.mailbox.texts == ["Not refunded.", "About hello."]
            assert ("deny", "stop:read-only") in await reasons(life)

    run(scenario)


def test_ask_for_everything_holds_replies_and_tools_until_a_person_says_yes(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        till = Till()
        world = a_world(tmp_path, till)
        await world.found()
        async with world.running() as life:
            await life.stop_agent("support", mode=Mode.ASK)
            await life.say("refund", external_id="m1")
            await life.settled()
            refund, reply = life.effects(Status.HELD)
            assert {one[0] for one in await reasons(life)} == {"hold"}
            await life.answer(reply, "grant")
            await life.settled()
            assert world.mailbox.texts == [], "it speaks of a refund that nobody decided yet"
            assert life.effects(Status.GRANTED)[0].id == reply.id
            await life.answer(refund, "grant")
            await life.settled()
            assert till.payments == [4_000]
            assert world.mailbox.texts == ["Refunded."]

    run(scenario)


def test_a_granted_reply_survives_a_restart_while_it_waits(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        world = a_world(tmp_path, till)
        await world.found()
        async with world.running() as life:
            await life.stop_agent("support", mode=Mode.ASK)
            await life.say("refund", external_id="m1")
            await life.settled()
            refund, reply = life.effects(Status.HELD)
            await life.answer(reply, "grant")
            await life.settled()
            await life.die()
        async with world.running() as life:
            await life.answer(refund, "refuse")
            await life.settled()
            assert world.mailbox.texts == ["Not refunded."]
            assert all(one.status.is_end for one in life.effects())

    run(scenario)


def test_what_was_allowed_before_asking_began_does_not_start_unasked(tmp_path: Path) -> None:
    async def scenario() -> None:
        lives: list[Life] = []

        async def then_ask(_key: str) -> None:
            await lives[0].stop_agent("*", mode=Mode.ASK)

        till = Till(after=then_ask)
        world = a_world(tmp_path, till)
        await world.found()
        async with world.running() as life:
            lives.append(life)
            await life.say("refund", external_id="m1")
            await life.settled()
            assert till.payments == [4_000]
            assert world.mailbox.texts == [], "the reply was allowed, and has not begun"
            assert queue_of(life) == [("orders", "ask_first")]

    run(scenario)


def test_a_paused_party_is_peoples_and_no_other_party_notices(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = a_world(tmp_path, Till())
        await world.found()
        async with world.running() as life:
            await life.say("one", external_id="m1")
            await life.settled()
            await life.stop_agent(f"party:{party_of(life)}")
            await life.say("two", external_id="m2")
            await life.say("three", external_id="m3", sender="else@example.org")
            await life.settled()
            assert sorted(world.mailbox.texts) == ["About one.", "About three."]
            assert queue_of(life) == [("orders", "stopped")]

    run(scenario)


def test_the_stop_file_stops_everything_people_included_until_it_is_gone(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = a_world(tmp_path, Till())
        await world.found()
        async with world.running() as life:
            await life.say("a human please", external_id="m1")
            await life.settled()
            hall = life.house.hall
            case = str(life.db.execute('SELECT "case" FROM queue_item').fetchone()[0])
            await desk.take(hall, case, SPECIALIST)
            (interaction,) = [row[0] for row in life.db.execute("SELECT id FROM interaction")]
            hall.stop_file.press()
            await desk.say(hall, interaction, case, SPECIALIST, "I am on it.")
            await life.say("hello", external_id="m2", sender="else@example.org")
            await life.settled()
            assert world.mailbox.texts == []
        async with world.running() as life:
            await life.say("hello again", external_id="m3", sender="third@example.org")
            await life.settled()
            assert world.mailbox.texts == [], "also in the next life"
            life.house.hall.stop_file.lift()
            await life.say("at last", external_id="m4", sender="fourth@example.org")
            await life.settled()
            assert world.mailbox.texts == ["About at last."]

    run(scenario)


def test_a_stop_file_is_seen_within_milliseconds_of_any_clock(tmp_path: Path) -> None:
    seen, pressed_elsewhere, now = StopFile(tmp_path), StopFile(tmp_path), 10 * LOOK_EVERY_US
    assert LOOK_EVERY_US <= 10_000
    assert not seen.was_pressed(now)
    pressed_elsewhere.press()
    assert seen.was_pressed(now + LOOK_EVERY_US)
    pressed_elsewhere.lift()
    assert not seen.was_pressed(now), "a clock that was set back is no reason not to look"
    seen.press()
    assert seen.was_pressed(now), "in the process that pressed it, at once"


def test_a_home_that_cannot_be_looked_at_is_stopped(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = a_world(tmp_path, Till())
        await world.found()
        async with world.running() as life:
            file = life.house.hall.stop_file
            assert not file.is_pressed()
            file._path = str(tmp_path / "home" / "answerable.db" / "STOP")  # no folder: ENOTDIR
            await life.say("hello", external_id="m1")
            await life.settled()
            assert world.mailbox.texts == []
            assert queue_of(life) == [("orders", "stopped")]

    run(scenario)


def test_a_stop_that_cannot_be_recorded_is_in_force_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        world = a_world(tmp_path, Till())
        await world.found()
        async with world.running() as life:
            await life.say("first", external_id="m0", sender="first@example.org")
            await life.settled()

            async def full(_unit: object) -> None:
                raise DiskFull("No space is left.")

            with monkeypatch.context() as broken:
                broken.setattr(life.house, "commit_control", full)
                with pytest.raises(DiskFull):
                    await stop(office_of(life), verbs.Stop("*", SPECIALIST))
            await life.say("hello", external_id="m1")
            await life.settled()
            assert world.mailbox.texts == ["About first."]

    run(scenario)


def test_each_stop_is_let_go_by_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        world = a_world(tmp_path, till)
        await world.found()
        async with world.running() as life:
            await life.stop_agent("support", mode=Mode.READ_ONLY)
            await life.stop_agent("support", mode=Mode.ASK)
            await life.stop_agent("support", mode=Mode.READ_ONLY, is_on=False)
            with pytest.raises(Refused):
                await life.stop_agent("support", mode=Mode.READ_ONLY, is_on=False)
        async with world.running() as life:
            await life.say("refund", external_id="m1")
            await life.settled()
            assert [one.status for one in life.effects()] == [Status.HELD, Status.HELD]
            await life.run_out()
            assert till.payments == [], "silence is never a yes"

    run(scenario)
