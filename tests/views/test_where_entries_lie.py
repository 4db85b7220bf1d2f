"""What entries are found by, and what is counted of them: as the feed has it, nothing left out."""

import asyncio
from pathlib import Path

import pytest

from answerable.base.clock import HOUR_US
from answerable.ledger.domain import Entry
from answerable.views import hours, places
from offices import open_for, small_world

TEXTS = ("hello", "human", "refund 10", "refund 20", "what?")


def test_what_names_a_case_an_interaction_a_party_or_a_person_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_STRIDE", 3)  # so that a few entries reach beyond the first mark

    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with world.running() as life:
            for number, text in enumerate(TEXTS):
                await life.say(text, external_id=f"m{number}", sender=f"kim{number % 2}@a.example")
                await life.settled()
            entries = await life.entries()
        async with open_for(world) as office:
            await office.index.follow(office.house.hall.engine)
            db, asked = office.index.db, 0
            for id_, seqs in _named(entries).items():
                found = [place.seq for place in places.newest_about(db, id_, limit=1_000)]
                assert found == sorted(seqs, reverse=True), id_
                assert places.newest_about(db, id_, before=found[0], limit=1) == [
                    place for seq in found[1:2] if (place := places.at(db, seq))
                ]
                asked += 1
            assert asked > len(TEXTS)
            for kind in {entry.kind for entry in entries}:
                of_kind = [entry.seq for entry in entries if entry.kind == kind]
                assert places.count(db, kind) == len(of_kind)
                for number, seq in enumerate(of_kind):
                    drawn = places.nth(db, kind, number)
                    assert drawn is not None
                    assert drawn.seq == seq
                assert places.nth(db, kind, len(of_kind)) is None

    asyncio.run(scenario())


def _named(entries: list[Entry]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for entry in entries:
        ids = {entry.trace.case, entry.trace.interaction} if entry.trace else set()
        ids |= {entry.subject.pid} if entry.subject else set()
        ids |= {entry.owner.person} if entry.owner else set()
        words = [entry.actor, *(entry.change or {}).values()]
        ids |= {str(word) for word in words if str(word).startswith("per_")}
        for id_ in filter(None, ids):
            found.setdefault(id_, set()).add(entry.seq)
    return found


def test_each_entry_of_a_case_knows_its_agent_and_hours_add_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        async with world.running() as life:
            for number, text in enumerate(TEXTS):
                await life.say(text, external_id=f"m{number}", sender=f"kim{number}@a.example")
            await life.settled()
            entries = await life.entries()
        async with open_for(world) as office:
            await office.index.follow(office.house.hall.engine)
            db = office.index.db
            for entry in entries:
                place = places.at(db, entry.seq)
                assert place is not None
                assert place.agent == (
                    "support" if entry.trace and entry.trace.case else place.agent
                )
            counted = hours.since(db, 0)
            assert counted == hours.since(db, 0, "support")
            assert counted == {
                "interactions": 5, "answered": 4, "replies": 4, "effects": 2, "denied": 0,
                "held": 0, "escalated": 1, "failed": 0,
            }  # fmt: skip
            assert not any(hours.since(db, entries[-1].ts + HOUR_US).values())
            by_hour = hours.by_hour(db, 0)
            assert sum(n for (_, what), n in by_hour.items() if what == "interactions") == 5

    asyncio.run(scenario())
