"""What the embedded journal says when the disk, the file or the home is not as it must be."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest

from answerable.adapters.engines.embedded import DATABASE, EmbeddedJournal
from answerable.base.clock import ManualClock
from answerable.engine.port import Arrival, Fence, Record
from answerable.store.lock import HomeHeld, WrongHome
from answerable.store.sqlite import CorruptPage, DiskFull, NewerSchema, StorageFailed, open_writer
from disks import small_disk

T = TypeVar("T")
WITHOUT_SUMS = "ALTER TABLE arrival DROP COLUMN sum; ALTER TABLE fence DROP COLUMN sum;"
Opened = Callable[..., EmbeddedJournal]
FENCE = Fence(0, 0)  # of a journal that nobody has claimed yet


def run(story: Coroutine[object, object, T]) -> T:
    return asyncio.run(story)


def message(name: str) -> Arrival:
    return Arrival(name, "cas_1", "message", b"hello")


def record(key: str, size: int = 10) -> Record:
    return Record(key, "decided", b"d" * size)


async def keys(journal: EmbeddedJournal) -> list[str]:
    return [one.key async for one in journal.read(0)]


# The disk


def test_a_full_file_leaves_nothing_of_the_batch_and_later_writes_succeed(opened: Opened) -> None:
    journal = opened()
    connection = journal._connection

    async def story() -> None:
        await journal.append(FENCE, [record("before")])
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        results = await asyncio.gather(
            journal.append(FENCE, [record("small")]),
            journal.append(FENCE, [record("big", 100_000)], []),
            journal.accept([message("m1")]),
            return_exceptions=True,
        )
        assert all(isinstance(one, DiskFull) for one in results)
        assert await keys(journal) == ["before"]
        connection.execute("PRAGMA max_page_count = 1000000")
        assert await journal.append(FENCE, [record("big", 100_000)]) == [2]
        assert [a.is_new for a in await journal.accept([message("m1")])] == [True]

    run(story())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, megabytes=2) as mounted:
        yield mounted


@pytest.mark.parametrize("threaded", [True, False])
def test_a_full_disk_refuses_keeps_what_was_acknowledged_and_recovers(
    disk: Path,
    threaded: bool,  # noqa: FBT001 - a parameter
) -> None:
    home = disk / "home"
    journal = EmbeddedJournal.open(home, clock=ManualClock(), threaded=threaded)
    ballast = disk / "ballast"
    ballast.write_bytes(b"x" * 600_000)

    async def fill() -> list[str]:
        acknowledged: list[str] = []

        async def write_for_ever() -> None:
            for number in range(1_000):
                await journal.append(FENCE, [record(f"k{number}-{n}", 9_000) for n in range(2)])
                acknowledged.extend(f"k{number}-{n}" for n in range(2))

        with pytest.raises(DiskFull) as full:
            await write_for_ever()
        assert str(home) in str(full.value)
        assert await keys(journal) == acknowledged
        return acknowledged

    acknowledged = run(fill())
    ballast.unlink()
    run(journal.append(FENCE, [record("after")]))
    journal.abandon()
    again = EmbeddedJournal.open(home, clock=ManualClock())
    assert run(keys(again)) == [*acknowledged, "after"]
    again.close()


class _Failing:
    """A connection whose COMMIT fails as a disk may."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str) -> sqlite3.Cursor:
        if sql == "COMMIT":
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error
        return self._connection.execute(sql)


@pytest.mark.parametrize("threaded", [True, False])
def test_after_a_commit_of_unknown_outcome_nothing_is_written_until_reopened(
    opened: Opened,
    threaded: bool,  # noqa: FBT001 - a parameter
) -> None:
    journal = opened(threaded=threaded)
    run(journal.append(FENCE, [record("before")]))
    journal._writer._connection = _Failing(journal._connection)  # type: ignore[assignment]

    async def story() -> None:
        results = await asyncio.gather(
            journal.append(FENCE, [record("a")]),
            journal.accept([message("m1")]),
            return_exceptions=True,
        )
        assert all(isinstance(one, StorageFailed) for one in results)
        with pytest.raises(StorageFailed, match="may or may not"):
            await journal.append(FENCE, [record("b")])
        with pytest.raises(StorageFailed, match="may or may not"):
            await journal.renew(FENCE)
        assert await keys(journal) == ["before"]

    run(story())
    journal.close()
    again = opened()
    assert run(keys(again)) == ["before"]
    assert run(again.append(FENCE, [record("a")])) == [2]


def test_a_corrupt_page_is_said_and_not_served(opened: Opened, tmp_path: Path) -> None:
    journal = opened()

    async def fill() -> None:
        await journal.append(FENCE, [record(f"k{number}", 3_000) for number in range(300)])

    run(fill())
    journal.close()
    file = tmp_path / "home" / DATABASE
    damaged = bytearray(file.read_bytes())
    for start in range(4096, len(damaged), 4096):
        damaged[start : start + 64] = bytes(byte ^ 0xFF for byte in damaged[start : start + 64])
    file.write_bytes(damaged)

    def use() -> None:
        again = opened()
        run(keys(again))

    with pytest.raises(CorruptPage, match=r"damaged.*Nothing was written.*Next:"):
        use()


def test_a_file_that_is_no_database_is_said(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / DATABASE).write_bytes(b"dear diary, " * 1_000)
    with pytest.raises(CorruptPage):
        opened()


def in_file(journal: EmbeddedJournal, sql: str) -> None:
    with closing(sqlite3.connect(journal.path)) as database:
        database.executescript(sql)


def test_a_file_of_a_newer_version_is_left_alone(opened: Opened) -> None:
    journal = opened()
    run(journal.append(FENCE, [record("a")]))
    journal.close()
    in_file(journal, "PRAGMA user_version = 9")
    with pytest.raises(NewerSchema, match="schema 9; this program knows 5"):
        opened()
    in_file(journal, f"{WITHOUT_SUMS} PRAGMA user_version = 3")
    assert run(keys(opened())) == ["a"]


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    first = (1, "CREATE TABLE whole (x);")
    open_writer(tmp_path / "a.db", [first]).close()
    broken = (2, "CREATE TABLE half (x); CREATE TABLE half (x);")
    with pytest.raises(sqlite3.OperationalError):
        open_writer(tmp_path / "a.db", [first, broken])
    with closing(open_writer(tmp_path / "a.db", [first, (2, "CREATE TABLE half (x);")])) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (2,)
    with pytest.raises(ValueError, match="ascending"):
        open_writer(tmp_path / "b.db", [(2, ""), (1, "")])


# The home


def test_a_second_holder_is_refused_and_told_who_holds(opened: Opened, tmp_path: Path) -> None:
    home = tmp_path / "home"
    program = (
        "import sys, pathlib\n"
        "from answerable.store.lock import HomeLock\n"
        f"lock = HomeLock.take(pathlib.Path({str(home)!r}))\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(HomeHeld, match=f"Process {other.pid} holds"):
            opened()
        other.kill()
    opened().close()


def test_a_new_home_is_its_owners_only_and_an_old_ones_door_is_left_as_it_is(
    tmp_path: Path,
) -> None:
    mask = os.umask(0o002)
    try:
        EmbeddedJournal.open(tmp_path / "a" / "home", clock=ManualClock()).close()
        (tmp_path / "made").mkdir(mode=0o750)
        EmbeddedJournal.open(tmp_path / "made", clock=ManualClock()).close()
    finally:
        os.umask(mask)
    assert (tmp_path / "a" / "home").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o750


def test_a_second_journal_in_one_process_is_refused_until_the_first_is_closed(
    opened: Opened,
) -> None:
    first = opened()
    with pytest.raises(HomeHeld, match=f"Process {os.getpid()} holds"):
        opened()
    first.close()
    opened().abandon()
    opened()


def test_a_wrong_home_is_said_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cat.jpg").write_text("x")
    for wrong, why in (
        (file, "is a file"),
        (file / "below", "cannot be written|is a file"),
        (photos, "other things in it"),
        (Path("/proc/no/home"), "cannot be written"),
    ):
        with pytest.raises(WrongHome, match=why):
            EmbeddedJournal.open(wrong, clock=ManualClock())
    assert [one.name for one in photos.iterdir()] == ["cat.jpg"]


def test_damage_that_sqlite_cannot_even_quote_is_said(opened: Opened, tmp_path: Path) -> None:
    """It names the table whose schema it cannot read, in bytes that are no text."""
    opened().close()
    file = tmp_path / "home" / DATABASE
    whole = file.read_bytes()
    spoilt = whole.replace(b"CREATE TABLE fence", b"CREATE \xa1ABLE fence")
    spoilt = spoilt.replace(b"tablefencefence", b"tablef\xa1ncefence")
    assert spoilt != whole
    file.write_bytes(spoilt)
    with pytest.raises(CorruptPage, match=r"damaged.*Nothing was written.*Next:"):
        opened()
