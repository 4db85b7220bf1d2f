"""The doctor knows when backups cannot be opened any more, and which could bring somebody back."""

import shutil
from pathlib import Path

import pytest

from answerable.base.chance import SystemChance
from answerable.base.clock import DAY_US, ManualClock
from answerable.store.epochs import BackupKeys, Terms
from answerable.worker.doctor import Patient
from answerable.worker.doctor.backups import backup_keys
from answerable.worker.doctor.patient import Trouble
from epochs import Story


def found(story: Story) -> Trouble | None:
    return backup_keys(Patient(home=story.home, clock=story.clock))


@pytest.fixture
def story(tmp_path: Path) -> Story:
    made = Story(tmp_path)
    made.says("hello")
    return made


def test_keys_on_the_disk_of_the_home_are_said_once_there_is_a_backup(story: Story) -> None:
    assert found(story) is None
    story.backs_up()
    trouble = found(story)
    assert trouble is not None
    assert trouble.level == "warning"
    assert "on the disk of the home" in trouble.said


def test_a_lost_folder_is_named_until_there_is_another_backup(story: Story, tmp_path: Path) -> None:
    story.backs_up()
    (epoch,) = story.keys.epochs()
    shutil.rmtree(story.keys.folder)
    trouble = found(story)
    assert trouble is not None
    assert trouble.level == "problem"
    assert epoch.id in trouble.said
    assert "opened by nobody" in trouble.said
    shutil.rmtree(story.backup)
    story.backs_up()
    trouble = found(story)
    assert trouble is None or trouble.level == "warning"


def test_a_key_whose_time_was_over_is_not_missed(story: Story) -> None:
    story.backs_up()
    story.clock.advance(98 * DAY_US)
    story.keys.end_over(Terms())
    trouble = found(story)
    assert trouble is None or trouble.level == "warning"


def test_backups_of_a_clock_that_was_ahead_are_named(story: Story) -> None:
    story.backs_up()
    ahead = BackupKeys.of(
        story.home, None, ManualClock(story.clock.now() + 400 * DAY_US), SystemChance()
    )
    epoch, _ = ahead.current(Terms())
    trouble = found(story)
    assert trouble is not None
    assert epoch.id in trouble.said
    assert "can be opened until" in trouble.said
    (ahead.folder / f"{epoch.id}.key").unlink()
    trouble = found(story)
    assert trouble is None or "until" not in trouble.said


def test_a_list_that_lacks_an_erasure_is_made_whole(story: Story) -> None:
    story.erases()
    (story.keys.folder / "erased").unlink()
    trouble = found(story)
    assert trouble is not None
    assert trouble.fix is not None
    assert "could bring back who was erased" in trouble.said
    trouble.fix()
    assert found(story) is None
    assert len(story.keys.erased().kids) == 2
