"""Who may read everything was made an auditor by somebody who answers, and leaves a trace."""

import zipfile
from pathlib import Path

import pytest

from answerable.base.errors import UsageError
from answerable.ledger.domain import Entry
from answerable.people.errors import PersonUnknown
from answerable.people.roles import MayNotGrant, RoleUnchanged
from answerable.testing.world import OWNER, SPECIALIST, Life, Till, World
from answerable.worker import verbs
from answerable.worker.verbs.access import AccessView
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.bundles import BundleView
from answerable.worker.verbs.people import PersonRow
from offices import asking
from stories import inline_world, run, support

AXEL = "axel@acme.example"


def world_of(tmp_path: Path) -> World:
    return inline_world(tmp_path / "home", support(Till()))


async def grant(life: Life, who: str = AXEL, by: str = OWNER, *, is_on: bool = True) -> None:
    await asking(life)(verbs.RoleSet(who, "auditor", by, is_on))


async def export(life: Life, to: Path, by: str) -> BundleView:
    found = await asking(life)(verbs.LedgerExport(str(to), "everything", bodies_by=by))
    assert isinstance(found, BundleView)
    return found


async def with_axel(life: Life) -> None:
    await asking(life)(verbs.PersonAdd(AXEL, "Axel Auditor"))
    await life.say("secret-kanarie", external_id="m1")
    await life.settled()


def test_an_auditor_reads_every_body_and_until_they_are_one_reads_none(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = world_of(tmp_path)
        await world.found()
        async with world.running() as life:
            await with_axel(life)
            before = await export(life, tmp_path / "before.zip", AXEL)
            assert (before.bodies, before.withheld > 0) == (0, True)
            await grant(life)
            during = await export(life, tmp_path / "during.zip", AXEL)
            assert (during.bodies > 0, during.withheld) == (True, 0)
            with zipfile.ZipFile(tmp_path / "during.zip") as held:
                assert b"secret-kanarie" in held.read("index.html")
            await grant(life, by=SPECIALIST, is_on=False)
            after = await export(life, tmp_path / "after.zip", AXEL)
            assert after.bodies == 0
            reads = await life.entries("access.read")
            assert [(one.seq, one.actor) for one in reads] == [
                (view.read, life.person(AXEL)) for view in (before, during, after)
            ]

    run(scenario)


def test_it_is_given_by_somebody_else_who_answers_and_the_error_says_who(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = world_of(tmp_path)
        await world.found()
        async with world.running() as life:
            await with_axel(life)
            size = life.house.hall.committer.size
            for who, by in ((AXEL, AXEL), (AXEL, SPECIALIST), (OWNER, OWNER)):
                with pytest.raises(MayNotGrant) as error:
                    await grant(life, who, by)
                may = "nobody yet" if who == OWNER else life.person(OWNER)
                assert may in error.value.happened
            await asking(life)(verbs.OwnerAccept("nobodys-agent", SPECIALIST))
            with pytest.raises(MayNotGrant, match="answers for no agent here"):
                await grant(life, AXEL, SPECIALIST)
            with pytest.raises(PersonUnknown):
                await grant(life, by="system:command")
            with pytest.raises(UsageError, match="auditor"):
                await asking(life)(verbs.RoleSet(AXEL, "king", OWNER))
            with pytest.raises(RoleUnchanged):
                await grant(life, is_on=False)
            assert life.house.hall.committer.size == size + 1, "the name that was accepted"

    run(scenario)


def test_it_is_in_the_ledger_outlives_a_restart_and_ends_with_leaving(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = world_of(tmp_path)
        await world.found()
        async with world.running() as life:
            await with_axel(life)
            await grant(life)
            axel = life.person(AXEL)
            [changed] = await life.entries("role.changed")
            assert _told(changed) == (axel, "auditor", "1", life.person(OWNER))
            with pytest.raises(RoleUnchanged):
                await grant(life)
        async with world.running() as life:
            people = life.house.hall.people
            assert people.directory.is_auditor(axel)
            assert ("auditor",) in [one.roles for one in await _listed(life)]
            await life.leave(AXEL)
            assert not people.directory.is_auditor(axel)
            assert {one.roles for one in await _listed(life)} == {()}
            with pytest.raises(PersonUnknown):
                await export(life, tmp_path / "gone.zip", axel)

    run(scenario)


async def _listed(life: Life) -> list[PersonRow]:
    rows = await asking(life)(verbs.PersonList())
    assert isinstance(rows, list)
    return rows


def _told(entry: Entry) -> tuple[str, ...]:
    return (*(entry.changed(name) for name in ("person", "role", "is_on")), entry.actor or "")


def test_why_a_party_is_held_stays_out_of_their_file_also_where_an_auditor_asks(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        world = world_of(tmp_path)
        await world.found()
        async with world.running() as life:
            await with_axel(life)
            await grant(life)
            party = str(life.db.execute("SELECT id FROM party").fetchone()[0])
            held = await asking(life)(verbs.PartyHold(party, OWNER, "reason-kanarie"))
            assert isinstance(held, Done)
            view = await asking(life)(verbs.PartyExport(str(tmp_path / "kim.zip"), party, AXEL))
            assert isinstance(view, AccessView)
            assert view.bodies > 0
        with zipfile.ZipFile(tmp_path / "kim.zip") as file:
            text = "".join(file.read(name).decode() for name in file.namelist())
        assert "secret-kanarie" in text
        assert "reason-kanarie" not in text

    run(scenario)
