"""One speaker: once a person has a case, nobody else speaks on it; races and crashes included."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from answerable.base.errors import UsageError
from answerable.base.ids import kin
from answerable.cases.leases import Leases
from answerable.desk.errors import CaseNotFound, NotYours
from answerable.desk.service import Taken
from answerable.people.errors import PersonUnknown
from answerable.pipeline import desk
from answerable.testing.races import Races, Score
from answerable.testing.world import OWNER, SPECIALIST, Life, Till, World
from stories import inline_world, queue_of, run, support

RACES = 600
ROUNDS = 10


def races(tmp_path: Path, seed: int, count: int = RACES) -> Score:
    return asyncio.run(Races(tmp_path / "home", races=count, seed=seed).run())


@pytest.mark.parametrize("seed", [1, 2])
def test_no_agent_speaks_after_a_person_has_taken_over(tmp_path: Path, seed: int) -> None:
    score = races(tmp_path, seed)
    assert score.agent_messages_after_takeover == 0
    assert score.takeovers >= RACES
    assert score.agent_messages_before > RACES // 10, "they were races"
    assert score.deaths


def test_the_races_catch_a_send_that_does_not_look_at_the_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Leases, "may_send", lambda _self, case, lease: True)
    assert _is_caught(tmp_path)


def test_the_races_catch_a_takeover_that_does_not_wait_for_sends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(_self: Leases, case: str, timeout_s: float) -> bool:
        return True

    monkeypatch.setattr(Leases, "sends_ended", at_once)
    assert _is_caught(tmp_path)


def _is_caught(tmp_path: Path) -> bool:
    """Races are run by the clock of the wall: on a busy machine some rounds see nothing."""
    rounds = (races(tmp_path / str(seed), seed) for seed in range(1, ROUNDS + 1))
    return any(score.agent_messages_after_takeover for score in rounds)


class Desk:
    """A world with one answered case."""

    def __init__(self, tmp_path: Path) -> None:
        self.world: World = inline_world(tmp_path / "home", support(Till()))
        self.case = ""
        self.interaction = ""

    async def answered(self, life: Life) -> None:
        await life.say("hello", external_id="m1", sender="Kim <kim@example.org>")
        await life.settled()
        row = life.db.execute('SELECT id, "case" FROM interaction').fetchone()
        self.interaction, self.case = row


def test_a_person_takes_speaks_where_it_was_asked_and_gives_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        scene = Desk(tmp_path)
        await scene.world.found()
        async with scene.world.running() as life:
            await scene.answered(life)
            hall = life.house.hall
            taken = await desk.take(hall, scene.case, SPECIALIST)
            assert taken.lease.holder == life.person(SPECIALIST)
            assert taken.lease.epoch == 2
            assert not taken.is_late
            assert queue_of(life) == [("", "taken")]
            await life.say("are you there?", external_id="m2", sender="kim@example.org")
            await life.settled()
            reply = await desk.say(hall, scene.interaction, scene.case, SPECIALIST, "I am.")
            await life.settled()
            sent = scene.world.mailbox.sent[-1]
            assert (sent.text, sent.to, sent.in_reply_to) == (
                "I am.",
                "kim@example.org",
                "m1",
            )
            assert sent.key == kin("eff", reply, 1)
            decided = (await life.entries("decided"))[-1]
            assert (decided.actor, decided.agent) == (life.person(SPECIALIST), None)
            assert decided.owner is not None
            assert decided.owner.person == life.person(SPECIALIST)
            await desk.hand_back(hall, scene.case, SPECIALIST)
            assert queue_of(life) == []
            await life.say("and now?", external_id="m3", sender="kim@example.org")
            await life.settled()
            assert scene.world.mailbox.texts == ["About hello.", "I am.", "About and now?."]
            assert (await life.verified()).problem is None

    run(scenario)


def test_only_its_holder_speaks_and_gives_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        scene = Desk(tmp_path)
        await scene.world.found()
        async with scene.world.running() as life:
            await scene.answered(life)
            hall = life.house.hall
            with pytest.raises(NotYours):
                await desk.hand_back(hall, scene.case, SPECIALIST)
            await desk.take(hall, scene.case, SPECIALIST)
            with pytest.raises(NotYours):
                await desk.hand_back(hall, scene.case, OWNER)
            with pytest.raises(NotYours):
                await desk.say(hall, scene.interaction, scene.case, OWNER, "hello")
            with pytest.raises(UsageError):
                await desk.say(hall, "int_nothing", scene.case, SPECIALIST, "hello")
            with pytest.raises(UsageError):
                await desk.say(hall, scene.interaction, scene.case, SPECIALIST, " ")
            with pytest.raises(CaseNotFound):
                await desk.take(hall, "cas_nothing", SPECIALIST)
            with pytest.raises(PersonUnknown):
                await desk.take(hall, scene.case, "nobody@acme.example")
            await desk.take(hall, scene.case, OWNER)
            with pytest.raises(NotYours):
                await desk.hand_back(hall, scene.case, SPECIALIST)
            assert scene.world.mailbox.texts == ["About hello."]

    run(scenario)


def test_what_a_specialist_said_and_no_longer_may_is_recorded_as_denied(tmp_path: Path) -> None:
    async def scenario() -> None:
        scene = Desk(tmp_path)
        await scene.world.found()
        async with scene.world.running() as life:
            await scene.answered(life)
            hall = life.house.hall
            await desk.take(hall, scene.case, SPECIALIST)
            await asyncio.gather(
                desk.hand_back(hall, scene.case, SPECIALIST),
                desk.say(hall, scene.interaction, scene.case, SPECIALIST, "too late"),
            )
            await life.settled()
            assert scene.world.mailbox.texts == ["About hello."]
            decided = (await life.entries("decided"))[-1]
            assert decided.policy[-1].verdict == "deny"
            assert decided.policy[-1].reasons == ("desk:not-holder",)

    run(scenario)


def test_a_takeover_waits_for_the_send_in_flight(tmp_path: Path) -> None:
    async def scenario() -> None:
        scene = Desk(tmp_path)
        await scene.world.found()
        async with scene.world.running() as life:
            await scene.answered(life)
            arrived, go_on = asyncio.Event(), asyncio.Event()

            async def slow(_key: str) -> None:
                arrived.set()
                await go_on.wait()

            scene.world.mailbox.before = slow
            await life.say("hello again", external_id="m2", sender="kim@example.org")
            await arrived.wait()
            taking = asyncio.create_task(desk.take(life.house.hall, scene.case, SPECIALIST))
            for _ in range(50):
                await asyncio.sleep(0)
            assert not taking.done()
            go_on.set()
            taken: Taken = await taking
            assert not taken.is_late
            assert scene.world.mailbox.texts[-1] == "About hello again."
            assert life.house.hall.leases.may_send(scene.case, taken.lease)

    run(scenario)


def test_a_takeover_that_outlasts_the_worker_does_not_say_that_the_send_has_ended(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        scene = Desk(tmp_path)
        await scene.world.found()
        async with scene.world.running() as life:
            await scene.answered(life)
            arrived, go_on = asyncio.Event(), asyncio.Event()

            async def stubborn(_key: str) -> None:
                arrived.set()
                while not go_on.is_set():
                    with contextlib.suppress(asyncio.CancelledError):
                        await go_on.wait()

            scene.world.mailbox.before = stubborn
            await life.say("hello again", external_id="m2", sender="kim@example.org")
            await arrived.wait()
            taking = asyncio.create_task(desk.take(life.house.hall, scene.case, SPECIALIST))
            for _ in range(50):
                await asyncio.sleep(0)
            await life.dispatcher.stop()
            taken = await taking
            go_on.set()
            assert taken.is_late, "it still ran, and nobody knew how it would end"

    run(scenario)


def test_two_people_reach_for_a_case_and_one_has_it_after_the_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        scene = Desk(tmp_path)
        await scene.world.found()
        async with scene.world.running() as life:
            await scene.answered(life)
            hall = life.house.hall
            both = await asyncio.gather(
                desk.take(hall, scene.case, SPECIALIST), desk.take(hall, scene.case, OWNER)
            )
            assert sorted(taken.lease.epoch for taken in both) == [2, 3]
            holder = desk.find_case(hall, scene.case).lease
            assert holder in [taken.lease for taken in both]

    run(scenario)


def test_an_escalation_that_meets_a_takeover_leaves_the_case_with_the_person(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        scene = Desk(tmp_path)
        await scene.world.found()
        async with scene.world.running() as life:
            await scene.answered(life)
            hall = life.house.hall
            for number in range(30):
                say = life.say("human!", external_id=f"h{number}", sender="kim@example.org")

                async def take(ticks: int = number) -> None:
                    for _ in range(ticks):
                        await asyncio.sleep(0)
                    await desk.take(hall, scene.case, SPECIALIST)

                await asyncio.gather(say, take())
                await life.settled()
                case = desk.find_case(hall, scene.case)
                assert case.lease.holder == life.person(SPECIALIST)
                await desk.hand_back(hall, scene.case, SPECIALIST)
            assert life.dispatcher.failure is None
            ended = await life.entries("outcome")
            assert not [e for e in ended if e.outcome and e.outcome.status == "surrendered"]

    run(scenario)
