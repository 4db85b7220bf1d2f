"""SIGKILL at each step of making a key, ending an epoch, noting an erasure, a backup, a restore."""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from answerable.base.clock import DAY_US
from answerable.base.errors import NotFound
from answerable.store import threads
from answerable.store.epochs import EpochEnded, Terms
from answerable.worker.backup import MANIFEST
from answerable.worker.restore import read_manifest
from epochs import Story, canaries

_STEPS = ("fsync", "replace", "unlink", "pwrite", "ftruncate", "chmod")
_KIDS = ["k" * 32, "l" * 32]


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do it in a process of its own, killed before its step of that number; False if it ended."""
    child = os.fork()
    if child == 0:
        threads._pool.cache_clear()  # its threads are the parent's
        signal.alarm(60)
        count = 0

        def dying(call: Callable[..., object]) -> Callable[..., object]:
            def called(*given: object, **more: object) -> object:
                nonlocal count
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*given, **more)

            return called

        for name in _STEPS:
            setattr(os, name, dying(getattr(os, name)))
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it may not go on as a second pytest
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def deaths(work: Callable[[], object], *, every: int = 1) -> Iterator[int]:
    """Each step at which it died, until it dies no more."""
    step = 1
    while killed_at(step, work):
        yield step
        step += every


@pytest.fixture
def story(tmp_path: Path) -> Story:
    made = Story(tmp_path)
    made.says("hello")
    return made


def key_files(story: Story) -> list[Path]:
    return [path for path in story.keys.folder.iterdir() if ".key" in path.name]


def test_a_key_that_was_being_made_is_there_or_is_nothing(story: Story) -> None:
    steps = 0
    for _ in deaths(lambda: story.keys.current(Terms())):
        steps += 1
        there = key_files(story)
        story.keys.end_over(Terms())
        assert key_files(story) == there, "its dates may be on their way"
    assert steps >= 5
    story.clock.advance(99 * DAY_US)
    story.keys.end_over(Terms())
    assert {path.name for path in key_files(story)} <= half_made(story), "they go with their time"
    epoch, key = story.keys.current(Terms())
    assert (epoch, key) == story.keys.current(Terms())
    assert story.keys.key_of(epoch.id) == key


def half_made(story: Story) -> set[str]:
    """Never used, and written over or gone with the next one."""
    return {path.name for path in key_files(story) if path.name.endswith(".tmp")}


def test_an_epoch_that_was_being_ended_opens_its_backups_or_is_over(story: Story) -> None:
    story.backs_up()
    (epoch,) = story.keys.epochs()
    key = story.keys.key_of(epoch.id)
    before = story.clock.now()
    story.clock.advance(97 * DAY_US)
    steps = 0
    for _ in deaths(lambda: story.keys.end_over(Terms())):
        steps += 1
        path = story.keys.folder / f"{epoch.id}.key"
        assert path.read_bytes() in (key, bytes(32)) if path.exists() else True
        with pytest.raises(EpochEnded):
            story.keys.key_of(epoch.id)
        path.write_bytes(key)  # the next death is another one's
    assert steps >= 3
    assert before < epoch.over_us
    assert key_files(story) == []


def test_an_erasure_is_noted_or_is_not(story: Story) -> None:
    story.keys.note_erased(["a" * 32])
    path = story.keys.folder / "erased"
    before = path.read_bytes()
    steps = 0
    for _ in deaths(lambda: story.keys.note_erased(_KIDS)):
        steps += 1
        said = story.keys.erased()
        assert said.is_whole
        assert said.kids in (("a" * 32,), ("a" * 32, *_KIDS))
        path.write_bytes(before)
    assert steps >= 3
    assert story.keys.erased().kids == ("a" * 32, *_KIDS)


def test_a_backup_that_was_being_made_is_one_or_is_none(story: Story, tmp_path: Path) -> None:
    made = 0
    for _ in deaths(story.backs_up, every=2):
        if (story.backup / MANIFEST).exists():
            read_manifest(story.backup)
            made += 1
        elif story.backup.exists():
            with pytest.raises(NotFound):
                story.restored()
        shutil.rmtree(story.backup, ignore_errors=True)
        made += 1
    assert made >= 5
    story.erases()
    world, _ = story.restored()
    assert canaries(world.home) == []


def test_a_home_that_was_being_restored_is_there_whole_or_not_at_all(
    story: Story, tmp_path: Path
) -> None:
    story.erased_after_a_backup("more")
    steps = 0
    for _ in deaths(story.restored):
        steps += 1
        home = tmp_path / "again"
        if home.exists():
            assert canaries(home) == []
            shutil.rmtree(home)
    assert steps >= 3
    assert canaries(tmp_path / "again") == []
