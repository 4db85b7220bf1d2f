"""A backup outlives the home that came out of it: who was erased there does not come back."""

import shutil
from pathlib import Path

import pytest

from answerable.base.chance import SystemChance
from answerable.base.clock import DAY_US
from answerable.store.earlier import EARLIER, earlier
from answerable.store.epochs import BackupKeys, EpochKeyMissing, Terms
from answerable.store.keys import KeyStore
from answerable.testing.world import World
from answerable.worker import restore as worker_restore
from answerable.worker import unsealing
from answerable.worker.backup import BackupFailed
from answerable.worker.deep import verify_deep
from answerable.worker.restore import Request, Restored, restore
from answerable.worker.unsealing import Opening
from epochs import Story, canaries
from erasing import erase
from stories import run


@pytest.fixture
def story(tmp_path: Path) -> Story:
    made = Story(tmp_path)
    made.says("hello")
    made.backs_up()
    return made


def erased_in(world: World, party: str) -> None:
    async def scenario() -> None:
        async with world.running() as life:
            await erase(life, party)

    run(scenario)


def restored(story: Story, name: str, keys: Path) -> tuple[Path, Restored]:
    home = story.folder / name
    request = Request(source=story.backup, home=home, backup_keys=keys, clock=story.clock)
    return home, restore(request)


def test_who_was_erased_in_a_restored_home_is_not_in_what_comes_out_of_its_backup_again(
    story: Story,
) -> None:
    world, _ = story.restored()
    assert canaries(world.home), "the party was alive when the backup was made"
    erased_in(world, story.party)
    again, told = restored(story, "third", story.keys.folder)
    assert (told.forgotten, canaries(again)) == (2, [])


def test_a_folder_that_was_away_is_told_by_the_next_life(story: Story, tmp_path: Path) -> None:
    world, _ = story.restored()
    folder, away = story.keys.folder, tmp_path / "away"
    folder.rename(away)
    erased_in(world, story.party)
    away.rename(folder)

    async def next_life() -> None:
        async with world.running():
            assert len(story.keys.erased().kids) == 2

    run(next_life)


def test_an_older_copy_of_the_folder_does_not_hide_what_the_folder_says(
    story: Story, tmp_path: Path
) -> None:
    shutil.copytree(story.keys.folder, tmp_path / "vault")
    story.erases()
    again, told = restored(story, "third", tmp_path / "vault")
    assert (told.forgotten, canaries(again)) == (2, [])
    assert earlier(again) == [tmp_path / "vault", story.keys.folder]


def test_a_damaged_list_of_an_earlier_home_is_not_made_whole_by_a_later_one(story: Story) -> None:
    world, _ = story.restored()
    path = story.keys.folder / "erased"
    path.write_bytes(b"x" * 42 + b"\n")
    erased_in(world, story.party)
    assert path.read_bytes() == b"x" * 42 + b"\n"


def test_two_restores_into_one_place_do_not_take_each_others_half(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one begins while the first has half of it, and would clear that away."""
    second: list[BackupFailed] = []

    def put_keys(opening: Opening, source: Path, making: Path, secret: bytes) -> KeyStore:
        if not second:
            with pytest.raises(BackupFailed, match="Another restore works") as said:
                story.restored()
            second.append(said.value)
        return unsealing.put_keys(opening, source, making, secret)

    monkeypatch.setattr(worker_restore, "put_keys", put_keys)
    world, told = story.restored()
    assert second
    assert told.bodies > 0
    assert verify_deep(world.home).verified


def test_a_home_that_no_restore_made_tells_nobody(story: Story) -> None:
    assert earlier(story.home) == []
    assert not (story.home / EARLIER).exists()


def test_a_key_whose_dates_are_missing_is_not_destroyed_before_its_time(story: Story) -> None:
    (epoch,) = story.keys.epochs()
    dates = story.keys.folder / f"{epoch.id}.json"
    kept = dates.read_bytes()
    dates.unlink()
    story.clock.advance(90 * DAY_US)
    story.keys.end_over(Terms())
    with pytest.raises(EpochKeyMissing, match="not its dates"):
        story.restored()
    dates.write_bytes(kept)
    assert story.restored()[1].bodies > 0
    dates.unlink()
    story.clock.advance(9 * DAY_US)
    story.keys.end_over(Terms())
    assert not story.keys.has_key(epoch.id), "it ends all the same"


def test_a_key_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    story = Story(tmp_path)
    keys = BackupKeys.of(story.home, None, story.clock, SystemChance())
    keys.current(Terms())
    other = keys.folder / "tls.key"
    other.write_bytes(b"k" * 32)
    story.clock.advance(400 * DAY_US)
    keys.end_over(Terms())
    assert other.read_bytes() == b"k" * 32
