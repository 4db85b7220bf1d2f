"""No backup brings back who was erased after it was made."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from answerable.base import faults
from answerable.compose.house import open_house
from answerable.effects.domain import Status
from answerable.ledger.domain import Entry
from answerable.store.epochs import BackupKeys, BackupKeysAway
from answerable.store.erased import BackupKeysDamaged
from answerable.store.keys import KEYS
from answerable.testing.conformance.dying import Died
from answerable.testing.world import SPECIALIST, Life
from answerable.worker import unsealing, verbs
from answerable.worker.after_restore import forget_again
from answerable.worker.deep import verify_deep
from answerable.worker.verbs.forget import ErasedView
from epochs import Story, canaries
from erasing import KIM, erase, party_of, says, told
from forgotten import CANARY
from stories import HOLD_TOOLS, run


def gaps(entries: list[Entry]) -> list[object]:
    return [(entry.change or {})["why"] for entry in entries if entry.kind == "gap.declared"]


# A restored home


def test_who_was_erased_is_in_no_byte_of_a_home_out_of_an_earlier_backup(tmp_path: Path) -> None:
    story = Story(tmp_path)
    story.says("hello")
    assert canaries(story.home), "the scan can open what is there"
    story.erased_after_a_backup()
    world, told = story.restored()
    assert (told.forgotten, told.erased > 0) == (2, True)
    assert canaries(world.home) == []
    assert verify_deep(world.home).verified

    async def goes_on() -> None:
        async with world.running() as life:
            (entry,) = await life.entries("erasure.done")
            assert entry.actor == "system:restore"
            assert gaps(await life.entries("gap.declared")) == ["restored", "forgotten"]
            new = await says(life, "who are you")
            assert new != story.party, "who writes from the address is a new party"
            assert (await life.verified()).problem is None

    run(goes_on)
    assert canaries(world.home) == []
    assert not (world.home / "forgotten-again").exists()
    deep = verify_deep(world.home)
    assert (deep.verified, deep.unsaid) == (True, 0), deep.sentence


def test_the_scan_finds_who_was_erased_where_nobody_forgets_them_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(tmp_path).erased_after_a_backup()
    monkeypatch.setattr(unsealing, "_erased", lambda *_: frozenset())
    world, told = story.restored()
    assert told.forgotten == 0
    assert canaries(world.home)


def test_until_a_worker_has_said_so_a_deep_look_counts_what_a_restore_destroyed(
    tmp_path: Path,
) -> None:
    story = Story(tmp_path).erased_after_a_backup()
    world, _ = story.restored()
    found = verify_deep(world.home)
    assert (found.verified, found.unsaid) == (True, 2)
    assert "2 keys were destroyed when it was restored" in found.sentence


def test_a_key_that_is_destroyed_without_an_entry_is_found_and_no_note_hides_it(
    tmp_path: Path,
) -> None:
    story = Story(tmp_path)
    story.says("hello")
    with closing(sqlite3.connect(story.home / KEYS)) as database, database:
        database.execute("UPDATE key SET wrapped = zeroblob(40) WHERE id = 2")
        (kid,) = database.execute("SELECT kid FROM key WHERE id = 2").fetchone()
    (story.home / "forgotten-again").write_text(f"{kid}\n")
    problems = [one for one in verify_deep(story.home).problems if one.what == "keys"]
    assert [one.problem for one in problems] == ["it was destroyed, and no entry says so"]
    assert kid in problems[0].where


def test_what_was_open_for_them_ends_as_in_any_erasure(tmp_path: Path) -> None:
    story = Story(tmp_path, policy=HOLD_TOOLS).erased_after_a_backup("refund")
    world, _ = story.restored()

    async def goes_on() -> None:
        async with world.running() as life:
            await life.run_out()
            assert {one.status for one in life.effects()} == {Status.REFUSED}
            assert life.house.journal.backlog == 0
            assert (await life.verified()).problem is None

    run(goes_on)
    assert story.till.payments == []


def test_an_address_whose_party_was_not_known_yet_is_forgotten_too(tmp_path: Path) -> None:
    story = Story(tmp_path)

    async def accepted() -> None:
        life = Life(open_house(story.world.plan()))
        await life.say(f"hello {CANARY}", external_id="m1", sender=KIM)
        life.house.abandon()

    async def erased(life: Life) -> None:
        await life.settled()
        await erase(life, party_of(life))

    run(accepted)
    story.backs_up()
    story.lives(erased)
    world, told = story.restored()
    assert told.forgotten == 1

    async def goes_on() -> None:
        async with world.running() as life:
            await life.settled()
            assert set(gaps(await life.entries("gap.declared"))) == {
                "restored",
                "forgotten",
                "erased",
            }
            await says(life, "hello again")

    run(goes_on)
    assert canaries(world.home) == []
    assert verify_deep(world.home).verified


def test_of_an_effect_that_was_under_way_a_person_says_first_what_became_of_it(
    tmp_path: Path,
) -> None:
    story = Story(tmp_path)

    async def hangs(_key: str) -> None:
        await asyncio.Event().wait()

    async def begun() -> None:
        story.till.after = hangs
        life = Life(open_house(story.world.plan()))
        await life.dispatcher.start()
        await life.say(f"refund {CANARY}", external_id="m1", sender=KIM)
        while not story.till.payments:
            await asyncio.sleep(0)
        story.party = party_of(life)
        await life.die()

    async def settled(life: Life) -> None:
        story.till.after = _nothing
        await life.run_out()
        await erase(life, story.party)

    run(begun)
    story.backs_up()
    story.lives(settled)
    world, _ = story.restored()

    async def goes_on() -> None:
        async with world.running() as life:
            await life.run_out()
            assert {one.kind for one in life.effects(Status.ASKED)} == {"tool", "reply"}
            assert await life.entries("erasure.done") == [], "nobody could say it afterwards"
            for one in life.effects(Status.ASKED):
                await life.answer(one, "done")
            await life.settled()
            await forget_again(life.house)
            assert len(await life.entries("erasure.done")) == 1
            assert all(one.status.is_end for one in life.effects())
            assert (await life.verified()).problem is None

    run(goes_on)
    assert story.till.payments == [4_000]
    assert canaries(world.home) == []


async def _nothing(_key: str) -> None: ...


# An erasure is on the list


@pytest.mark.parametrize("at", ["erase.after_commit", "erase.after_noted", "erase.after_destroy"])
def test_an_erasure_that_died_half_way_is_on_the_list_before_anything_else_is_done(
    tmp_path: Path, at: str
) -> None:
    story = Story(tmp_path)
    story.says("hello")
    story.backs_up()

    async def dies(name: str) -> None:
        if name == at:
            raise Died

    async def erased(life: Life) -> None:
        faults.install(dies)
        try:
            with pytest.raises(Died):
                await erase(life, story.party)
        finally:
            faults.install(None)

    async def dead() -> None:
        life = Life(open_house(story.world.plan()))
        await life.dispatcher.start()
        await erased(life)
        await life.die()

    run(dead)
    open_house(story.world.plan()).abandon()
    assert len(story.keys.erased().kids) == 2
    world, _ = story.restored()
    assert canaries(world.home) == []


def test_nobody_is_erased_while_the_folder_that_was_named_is_not_there(tmp_path: Path) -> None:
    story = Story(tmp_path)
    story.says("hello")

    async def refused(life: Life) -> None:
        hall = life.house.hall
        place = tmp_path / "not mounted"
        hall.backup_keys = BackupKeys.of(story.home, place, hall.clock, hall.chance)
        with pytest.raises(BackupKeysAway, match="not mounted"):
            await erase(life, story.party)
        assert await life.entries("erasure.done") == []
        place.mkdir()
        done = await told(life, verbs.PartyErase(story.party, SPECIALIST), ErasedView)
        assert done.is_erased, "what the first person asked for stands"
        assert len(hall.backup_keys.erased().kids) == 2

    story.lives(refused)


@pytest.mark.parametrize("harm", ["cut", "a line", "gone"])
def test_a_list_that_is_not_whole_restores_nobody_and_is_made_whole_by_the_home(
    tmp_path: Path, harm: str
) -> None:
    story = Story(tmp_path)
    story.says("hello")
    story.erases()
    story.says("hello")
    story.erased_after_a_backup("more")
    path = story.keys.folder / "erased"
    whole = path.read_bytes()
    match harm:
        case "cut":
            path.write_bytes(whole[: len(whole) // 4])
        case "a line":
            path.write_bytes(whole[:-5] + b"zzzz\n")
        case "gone":
            path.unlink()
    with pytest.raises(BackupKeysDamaged, match="does not say who was erased"):
        story.restored()
    assert not (tmp_path / "again").exists()
    open_house(story.world.plan()).abandon()
    assert sorted(set(path.read_bytes().splitlines())) == sorted(set(whole.splitlines()))
    world, _ = story.restored()
    assert canaries(world.home) == []


def test_what_a_death_has_cut_short_at_its_end_was_never_acknowledged(tmp_path: Path) -> None:
    story = Story(tmp_path).erased_after_a_backup()
    path = story.keys.folder / "erased"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:17])
    assert story.keys.erased().is_whole
    story.keys.note_erased([whole[:32].decode()])
    assert path.read_bytes() == whole + whole[: len(whole) // 2]
