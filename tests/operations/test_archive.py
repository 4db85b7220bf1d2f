"""Old bodies are put away into a verified file; every proof, count and command goes on."""

import asyncio
import zipfile
from pathlib import Path

import pytest

from answerable.base.errors import UsageError
from answerable.ledger.archive import ArchiveDamaged, BodyArchived
from answerable.ledger.note import VKEY
from answerable.ledger.proof import verify_proof
from answerable.ledger.tiles import WIDTH
from answerable.testing.world import SPECIALIST, World
from answerable.worker import verbs
from answerable.worker.commands import call
from answerable.worker.verbs.archives import ArchivedBody, ArchiveView
from archiving import (
    MESSAGES,
    SOON,
    alone,
    bodies_in,
    bundles,
    looked_at_deeply,
    names_in,
    office_says,
    put_away,
    settled,
    whole,
)
from offices import open_for, small_world
from stories import HOLD_TOOLS


def test_what_was_put_away_is_in_the_file_and_every_proof_goes_on(world: World, to: Path) -> None:
    async def scenario() -> None:
        async with open_for(world) as office:
            view = await put_away(office, to)
            assert view.end >= 2 * WIDTH
            assert view.bodies > 100
            assert await bodies_in(office, 0, view.end) == []
            assert bundles(world.home, view) == [False] * view.bundles
            for index in range(0, office.house.hall.committer.size, 37):
                proof = await call(office, verbs.LedgerProve(index))
                place = office.index.at(index)
                assert place is not None
                data = (await office.record_at(place.position)).data
                verify_proof(str(proof), data, [office.house.vkey])
        found = await whole(world.home)
        assert found.verified, found.sentence
        assert (found.archived, found.archives) == (view.bodies, 1)
        assert f"{view.bodies} bodies are archived in 1 archives" in found.sentence
        by_itself = await alone(world.home, Path(view.file))
        assert (by_itself.first, by_itself.end, by_itself.bodies) == (0, view.end, view.bodies)
        vkey = (world.home / VKEY).read_text().strip()
        assert await alone(to / "nothing", Path(view.file), vkey) == by_itself

    asyncio.run(scenario())


def test_nothing_changes_until_it_is_meant(world: World, to: Path) -> None:
    async def scenario() -> None:
        async with open_for(world) as office:
            size = office.house.hall.committer.size
            view = await call(office, verbs.LedgerArchive(str(to), SOON))
            assert isinstance(view, ArchiveView)
            assert view.bodies == len(await bodies_in(office, 0, view.end)) > 0
            assert view.index == -1
            assert names_in(to) == []
            assert office.house.hall.committer.size == size
            with pytest.raises(UsageError, match="lies in the home"):
                await put_away(office, world.home / "ledger" / "old")

    asyncio.run(scenario())


def test_the_next_archive_begins_where_the_last_one_ended(world: World, to: Path) -> None:
    async def scenario() -> None:
        async with open_for(world) as office:
            first = await put_away(office, to)
            nothing = await put_away(office, to)
            assert nothing.first == nothing.end == first.end
            for number in range(MESSAGES):
                await office_says(office, f"n{number}")
            await settled(office)
            second = await put_away(office, to)
            assert second.first == first.end
            assert second.end > second.first
        found = await whole(world.home)
        assert found.verified, found.sentence
        assert found.archived == first.bodies + second.bodies
        assert (await looked_at_deeply(world.home)).verified

    asyncio.run(scenario())


@pytest.mark.parametrize("text", ["refund 30", "human"])
def test_a_range_ends_before_what_is_still_open(tmp_path: Path, to: Path, text: str) -> None:
    """A hold waits, or people have the case: what they need is not put away, nor what follows."""

    async def scenario() -> None:
        world = await small_world(tmp_path / "home")
        world.policy = HOLD_TOOLS
        async with open_for(world) as office:
            for number in range(80):
                await office_says(office, f"a{number}")
            await settled(office)
            begun = office.house.hall.committer.size
            await office_says(office, "open", text)
            await settled(office)
            for number in range(80):
                await office_says(office, f"b{number}", sender="ann@a.example")
            await settled(office)
            view = await put_away(office, to)
            assert view.end == begun // WIDTH * WIDTH > 0
            assert "has not ended" in view.because or "is with people" in view.because
            assert (await put_away(office, to)).bodies == 0

    asyncio.run(scenario())


def test_what_is_younger_than_the_day_stays(world: World, to: Path) -> None:
    async def scenario() -> None:
        async with open_for(world) as office:
            place = office.index.at(WIDTH + 10)
            await office.index.follow(office.house.hall.engine)
            place = office.index.at(WIDTH + 10)
            assert place is not None
            view = await put_away(office, to, before_us=place.at)
            assert view.end <= WIDTH
            assert (await put_away(office, to, before_us=1)).bodies == 0

    asyncio.run(scenario())


def test_people_are_told_where_it_went_and_may_read_it_there(world: World, to: Path) -> None:
    async def scenario() -> None:
        async with open_for(world) as office:
            await office.index.follow(office.house.hall.engine)
            place = office.index.nth("decided", 5)
            assert place is not None
            before = await call(office, verbs.DecisionShow(place.id))
            who = await call(office, verbs.DecisionWho(place.id))
            view = await put_away(office, to)
            name = Path(view.file).name
            after = await call(office, verbs.DecisionShow(place.id))
            assert name in after.exact  # type: ignore[attr-defined]
            assert f"read-archive FOLDER/{name} {place.seq}" in after.exact  # type: ignore[attr-defined]
            again = await call(office, verbs.DecisionWho(place.id))
            assert again.entry == who.entry  # type: ignore[attr-defined]
            assert again.owner_name == who.owner_name  # type: ignore[attr-defined]
            story = await call(office, verbs.DecisionExplain(place.id))
            assert name in " ".join(story.sentences)  # type: ignore[attr-defined]
            shown = await call(office, verbs.InteractionShow(place.interaction))
            assert name in shown.text  # type: ignore[attr-defined]
            case = await call(office, verbs.CaseShow(place.case))
            assert any(name in one.text for one in case.messages)  # type: ignore[attr-defined]
            party = await call(office, verbs.PartyShow(after.party))  # type: ignore[attr-defined]
            assert "@a.example" in party.identifiers[0]  # type: ignore[attr-defined]
            read = await call(office, verbs.ArchiveRead(view.file, place.seq))
            assert isinstance(read, ArchivedBody)
            assert read.text == before.exact  # type: ignore[attr-defined]
            assert read.request == before.request  # type: ignore[attr-defined]
            said = office.index.nth("received", 0)
            assert said is not None
            heard = await call(office, verbs.ArchiveRead(view.file, said.seq))
            assert isinstance(heard, ArchivedBody)
            assert (heard.sender, heard.text) == ("kim0@a.example", "refund 10")

    asyncio.run(scenario())


def test_a_message_that_was_put_away_is_answered_by_nobody(world: World, to: Path) -> None:
    async def scenario() -> None:
        async with open_for(world) as office:
            await office.index.follow(office.house.hall.engine)
            place = office.index.nth("received", 0)
            assert place is not None
            await put_away(office, to)
            await call(office, verbs.DeskTake(place.case, SPECIALIST))
            say = verbs.DeskSay(place.case, SPECIALIST, "Sorry.", place.interaction)
            with pytest.raises(BodyArchived, match="read-archive"):
                await call(office, say)

    asyncio.run(scenario())


def test_an_agent_goes_on_with_a_party_whose_past_was_put_away(world: World, to: Path) -> None:
    async def scenario() -> None:
        async with open_for(world) as office:
            await put_away(office, to)
            await office_says(office, "new", "hello again")
            await settled(office)
            (row,) = await call(office, verbs.InteractionList(limit=1))  # type: ignore[misc]
            assert row.disposition == "answered"  # type: ignore[has-type]

    asyncio.run(scenario())


def test_a_packed_member_that_is_damaged_is_an_archive_that_is(world: World, to: Path) -> None:
    async def scenario() -> str:
        async with open_for(world) as office:
            return (await put_away(office, to)).file

    path = Path(asyncio.run(scenario()))
    whole_file = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        packed = next(one for one in archive.infolist() if one.compress_type)
    begins = packed.header_offset + 30 + len(packed.filename)
    path.write_bytes(whole_file[:begins] + b"\xff" * 8 + whole_file[begins + 8 :])
    with pytest.raises(ArchiveDamaged):
        asyncio.run(alone(world.home, path))
