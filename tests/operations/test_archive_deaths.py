"""Whatever happens to an archive or on the way to one: nothing is lost, nothing forged holds."""

import asyncio
import json
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from answerable.adapters.engines.embedded.journal import DATABASE
from answerable.base import faults
from answerable.base.errors import AnswerableError
from answerable.ledger.archive import ArchiveDamaged
from answerable.ledger.note import VKEY, VerifierKey
from answerable.ledger.tiles import WIDTH, entries_path
from answerable.ledger.verify_tiles import verify_tiles
from answerable.store.keys import KeyDestroyed
from answerable.testing.world import World
from answerable.worker import verbs
from answerable.worker.again import make_again
from answerable.worker.backup import write_backup
from answerable.worker.commands import call
from answerable.worker.commands.office import Office
from answerable.worker.deep import verify_deep
from answerable.worker.process import close_office, open_office
from answerable.worker.publisher import TILES
from answerable.worker.verbs.archives import ArchiveView
from answerable.worker.verification import verify_archive_of, verify_home
from archiving import (
    SOON,
    alone,
    bodies_in,
    bundles,
    looked_at_deeply,
    names_in,
    put_away,
    whole,
)
from homes import environment
from offices import open_for

SECOND_VERIFIER = Path(__file__).parents[2] / "verify" / "answerable_verify.py"


class Died(BaseException):
    """As a SIGKILL would: nothing of ours catches it."""


@asynccontextmanager
async def dying_at(name: str, times: int) -> AsyncIterator[None]:
    left = times

    async def fault(at: str) -> None:
        nonlocal left
        if at == name:
            left -= 1
            if left == 0:
                raise Died

    faults.install(fault)
    try:
        yield
    finally:
        faults.install(None)


async def dies(world: World, story: Callable[[Office], Awaitable[object]]) -> None:
    office = await open_office(world.plan(), works=False)
    with pytest.raises(Died):
        await story(office)
    office.house.abandon()
    await office.dispatcher.stop()
    office.index.close()


@pytest.mark.parametrize(
    ("point", "times"),
    [("archive.before_entry", 1), ("archive.after_entry", 1), ("archive.between_drops", 1)],
)
def test_a_death_leaves_a_home_that_verifies_and_the_next_run_ends_it(
    world: World, to: Path, point: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("answerable.worker.commands.archives._POSITIONS_AT_ONCE", 100)

    async def scenario() -> None:
        async with dying_at(point, times):
            await dies(world, lambda office: put_away(office, to))
        assert len(names_in(to)) == 1
        assert (await whole(world.home)).verified
        office = await open_office(world.plan(), works=False)
        ended = await put_away(office, to)
        assert await bodies_in(office, 0, 2 * WIDTH) == []
        if point == "archive.before_entry":  # whole, and not recorded: it is taken as it is
            assert ended.bodies > 0
        else:
            assert ended.finished
        await close_office(office)
        assert [name.rpartition(".")[2] for name in names_in(to)] == ["zip"]
        assert (await whole(world.home)).verified
        assert (await looked_at_deeply(world.home)).verified
        assert not (world.home / TILES / entries_path(0)).exists()

    asyncio.run(scenario())


def test_a_death_while_bundles_go_is_made_up_for(
    world: World, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies_here(*_: object, **__: object) -> None:
        raise Died

    async def scenario() -> None:
        with monkeypatch.context() as patched:
            patched.setattr("answerable.worker.publisher.Publisher._put_away", dies_here)

            async def story(office: Office) -> None:
                office.publisher._is_sure = True
                await put_away(office, to)

            await dies(world, story)
        assert (world.home / TILES / entries_path(0)).exists()
        assert (await whole(world.home)).verified
        async with open_for(world) as office:
            await office.publisher.follow(office.house.hall.engine)
        assert not (world.home / TILES / entries_path(0)).exists()
        assert (await looked_at_deeply(world.home)).verified

    asyncio.run(scenario())


def test_sigkill_at_any_time_leaves_a_home_that_verifies(world: World, to: Path) -> None:
    command = [sys.executable, "-m", "answerable.cli", "ledger", "archive", "--yes"]
    command += ["--before", "2200-01-01", "--to", str(to), "--home", str(world.home)]
    for delay_s in (0.5, 1.0, 1.5, 2.0):
        archiving = subprocess.Popen(command, stdout=-3, stderr=-3, env=environment())
        time.sleep(delay_s)
        archiving.kill()
        archiving.wait()
        assert verify_home(world.home).verified
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert ended.returncode == 0, ended.stderr
    found = verify_deep(world.home)
    assert found.verified, found.sentence
    assert verify_home(world.home).archives == 1
    assert [name.rpartition(".")[2] for name in names_in(to)] == ["zip"]


def test_a_file_that_does_not_verify_takes_nothing_from_the_home(world: World, to: Path) -> None:
    async def scenario() -> None:
        async with open_for(world) as office:
            would = await call(office, verbs.LedgerArchive(str(to), SOON))
            assert isinstance(would, ArchiveView)
            size = office.house.hall.committer.size
            await asyncio.to_thread(leave_a_damaged_file, Path(would.file))
            with pytest.raises(AnswerableError, match="not a whole archive") as refused:
                await put_away(office, to)
            assert refused.value.code == "archive_damaged"
            assert len(await bodies_in(office, would.first, would.end)) == would.bodies
            assert bundles(world.home, would) == [True] * would.bundles
            assert office.house.hall.committer.size == size

    asyncio.run(scenario())


def leave_a_damaged_file(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"PK not at all")


def test_nothing_goes_while_the_file_that_was_recorded_is_not_there(world: World, to: Path) -> None:
    async def scenario() -> None:
        async with dying_at("archive.after_entry", 1):
            await dies(world, lambda office: put_away(office, to))
        (name,) = names_in(to)
        (to / name).rename(to / "elsewhere")
        office = await open_office(world.plan(), works=False)
        before = await bodies_in(office, 0, 2 * WIDTH)
        with pytest.raises(ArchiveDamaged, match="stay there"):
            await put_away(office, to)
        assert await bodies_in(office, 0, 2 * WIDTH) == before != []
        await close_office(office)

    asyncio.run(scenario())


def test_erasing_a_party_makes_its_archived_words_unreadable_too(world: World, to: Path) -> None:
    async def scenario() -> None:
        async with open_for(world) as office:
            await office.index.follow(office.house.hall.engine)
            place = office.index.nth("received", 0)
            assert place is not None
            record = await office.record_at(place.position)
            view = await put_away(office, to)
            body = json.loads(record.data)["body"]
            office.house.hall.keyring.destroy([body["kid"]])
            with pytest.raises(KeyDestroyed):
                await call(office, verbs.ArchiveRead(view.file, place.seq))
        assert (await alone(world.home, Path(view.file))).bodies == view.bodies
        assert (await whole(world.home)).verified

    asyncio.run(scenario())


def test_whatever_is_changed_in_an_archive_is_found(world: World, to: Path) -> None:
    async def scenario() -> Path:
        async with open_for(world) as office:
            return Path((await put_away(office, to)).file)

    path = asyncio.run(scenario())
    with zipfile.ZipFile(path) as archive:
        spans = {
            info.filename: (info.header_offset + 30 + len(info.filename), info.compress_size)
            for info in archive.infolist()
        }
    whole = path.read_bytes()
    changed = to / "changed.zip"
    for name, (start, size) in spans.items():
        data = bytearray(whole)
        data[start + size // 2] ^= 1
        changed.write_bytes(data)
        with pytest.raises(AnswerableError, match=r"not a whole archive|not signed|signature"):
            verify_archive_of(world.home, changed)
        assert name
    for cut in (len(whole) - 1, len(whole) // 2, 0):
        changed.write_bytes(whole[:cut])
        with pytest.raises(ArchiveDamaged):
            verify_archive_of(world.home, changed)


def test_an_archive_with_a_manifest_of_its_own_is_still_held_against_the_signature(
    world: World, to: Path
) -> None:
    """Who rewrites members and manifest alike cannot rewrite what was signed."""

    async def scenario() -> Path:
        async with open_for(world) as office:
            return Path((await put_away(office, to)).file)

    path = asyncio.run(scenario())
    for member in ("bodies/000000000", "tile/entries/000", "tile/0/001"):
        forged = rewritten(path, to / "forged.zip", member)
        with pytest.raises(ArchiveDamaged, match=r"commits to|was signed|no entry"):
            verify_archive_of(world.home, forged)


def rewritten(path: Path, to: Path, member: str) -> Path:
    """The archive with a byte of a member changed and its manifest made to fit."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(to, "w") as target:
        members = {name: bytearray(source.read(name)) for name in source.namelist()}
        members[member][-1] ^= 1
        manifest = json.loads(members["MANIFEST.json"])
        manifest["members"][member]["sha256"] = sha256(members[member]).hexdigest()
        members["MANIFEST.json"] = bytearray(json.dumps(manifest).encode())
        for name, data in members.items():
            target.writestr(name, bytes(data))
    return to


def test_unpacked_over_a_copy_of_the_folder_it_makes_the_log_whole(
    world: World, to: Path, tmp_path: Path
) -> None:
    async def scenario() -> Path:
        async with open_for(world) as office:
            return Path((await put_away(office, to)).file)

    path = asyncio.run(scenario())
    folder = world.home / TILES
    keys = [VerifierKey.parse((world.home / VKEY).read_text().strip())]
    assert verify_tiles(folder, keys).problem is None  # it says itself what was put away
    (folder / entries_path(1)).write_bytes(b"")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "archived").unlink()
    assert verify_tiles(copy, keys).problem is not None
    with zipfile.ZipFile(path) as archive:
        archive.extractall(
            copy, [name for name in archive.namelist() if name.startswith("tile/entries/")]
        )
    assert verify_tiles(copy, keys).problem is None
    vkey = (world.home / VKEY).read_text().strip()
    for log, code in ((folder, 1), (copy, 0)):  # it knows nothing of what was put away
        command = [sys.executable, str(SECOND_VERIFIER), str(log), "--vkey", vkey]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        assert said.returncode == code, said.stdout + said.stderr


def test_the_home_is_made_again_backed_up_and_looked_at_deeply_as_before(
    world: World, to: Path, tmp_path: Path
) -> None:
    async def scenario() -> ArchiveView:
        async with open_for(world) as office:
            return await put_away(office, to)

    view = asyncio.run(scenario())
    make_again(world.home)
    assert bundles(world.home, view) == [False] * view.bundles
    size = (world.home / DATABASE).stat().st_size
    make_again(world.home, compact=True)
    assert (world.home / DATABASE).stat().st_size < size * 0.95
    deep = verify_deep(world.home)
    assert deep.verified, deep.sentence
    backup = write_backup(world.home, tmp_path / "backup")
    assert backup.entries == deep.entries
    assert verify_home(tmp_path / "backup" / "home").archived == view.bodies


def test_a_body_that_no_entry_says_was_archived_is_missed(world: World, to: Path) -> None:
    async def scenario() -> ArchiveView:
        async with open_for(world) as office:
            view = await put_away(office, to)
            position = office.index.at(view.end)
            assert position is not None
            end = office.house.journal.end
            await office.house.drop_bodies(position.position - 1, end, ["received"])
            return view

    view = asyncio.run(scenario())
    found = verify_home(world.home)
    assert not found.verified
    assert found.problem == "its body is missing"
    assert found.index is not None
    assert found.index >= view.end
    assert (world.home / DATABASE).exists()
