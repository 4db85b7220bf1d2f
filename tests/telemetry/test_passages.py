"""How long each stage took an interaction can be looked up; bounded, and nearly free."""

import asyncio
from pathlib import Path

from answerable.rails.port import Ack, Incoming
from answerable.telemetry.passages import STAGES, Passage, Passages
from answerable.testing.world import Life
from answerable.views import passages
from answerable.worker import verbs
from answerable.worker.commands import call
from answerable.worker.commands.office import Office
from offices import open_for, small_world


async def say(office: Office, text: str, external_id: str) -> str:
    message = Incoming(external_id=external_id, sender="kim@example.org", text=text, rail="email")
    acks = await call(office, verbs.MessagesAccept((message,)))
    assert isinstance(acks, list)
    assert isinstance(acks[0], Ack)
    life = Life(office.house)
    life.dispatcher = office.dispatcher
    await life.settled()
    return acks[0].interaction


def test_each_stage_of_an_interaction_was_measured_and_is_found_after_a_restart(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with open_for(world) as office:
            interaction = await say(office, "hello", "m1")
            assert await say(office, "hello", "m1") == interaction  # a duplicate is no passage
        async with open_for(world) as office:
            (passage,) = passages.of_interaction(office.index.db, interaction)
        assert set(passage.took_us) == set(STAGES)
        assert all(us >= 0 for us in passage.took_us.values())
        assert 0 < passage.took_us["record"] < 10_000_000
        assert (passage.kind, passage.began_us > 0) == ("message", True)

    asyncio.run(scenario())


def test_what_nobody_fetches_makes_room_and_is_counted() -> None:
    measured = Passages(passages_max=3)
    for number in range(5):
        measured.accepted([f"int_{number}"], {"receive": number})
        measured.end(Passage(f"int_{number}", "message", took_us={"run": 7}))
    taken = measured.take()
    assert [one.interaction for one in taken] == ["int_2", "int_3", "int_4"]
    assert [one.took_us["receive"] for one in taken] == [2, 3, 4]
    assert measured.dropped == 2
    assert measured.take() == []


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with open_for(world) as office:
            db = office.index.db
            for number in range(20):
                measured = Passage(f"int_{number}", "message", took_us={"act": number})
                passages.add(db, [measured], kept=5)
            assert [passages.of_interaction(db, f"int_{n}") != [] for n in (0, 14, 15, 19)] == [
                False, False, True, True,
            ]  # fmt: skip
            (kept,) = passages.of_interaction(db, "int_19")
            assert kept.took_us == {"act": 19}

    asyncio.run(scenario())
