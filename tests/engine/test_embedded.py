"""What the embedded journal promises beyond the port: one file, one process, one fsync for many."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from answerable.adapters.engines.embedded import DATABASE, EmbeddedJournal
from answerable.adapters.engines.embedded.journal import JournalClosed
from answerable.base.clock import ManualClock
from answerable.base.errors import Broken, Busy
from answerable.engine.port import Arrival, Claim, Conflict, Fence, Record
from answerable.store.lock import HomeHeld, WrongHome
from answerable.store.sqlite import CorruptPage, DiskFull, NewerSchema, StorageFailed

T = TypeVar("T")
FENCE = Fence(0, 0)  # of a journal that nobody has claimed yet

STATE = [(2, "CREATE TABLE seen (key TEXT PRIMARY KEY, position INTEGER NOT NULL);")]


def run(story: Coroutine[object, object, T]) -> T:
    return asyncio.run(story)


def message(name: str, inbox: str = "cas_1") -> Arrival:
    return Arrival(name, inbox, "message", b"hello")


def record(key: str, size: int = 10) -> Record:
    return Record(key, "decided", b"d" * size)


async def keys(journal: EmbeddedJournal) -> list[str]:
    return [one.key async for one in journal.read(0)]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., EmbeddedJournal]]:
    """Opens journals on `tmp_path/home`; leaves none open."""
    journals: list[EmbeddedJournal] = []

    def opener(**options: object) -> EmbeddedJournal:
        journal = EmbeddedJournal.open(tmp_path / "home", clock=ManualClock(), **options)  # type: ignore[arg-type]
        journals.append(journal)
        return journal

    yield opener
    for journal in journals:
        journal.abandon()


Opened = Callable[..., EmbeddedJournal]


# One fsync for many


@pytest.mark.parametrize("threaded", [True, False])
def test_what_waits_together_is_committed_together(opened: Opened, threaded: bool) -> None:  # noqa: FBT001 - a parameter
    journal = opened(threaded=threaded)

    async def story() -> None:
        await asyncio.gather(*(journal.accept([message(f"m{n}")]) for n in range(500)))
        assert journal.commits == 1
        await asyncio.gather(*(journal.append(FENCE, [record(f"k{n}")]) for n in range(500)))
        assert journal.commits == 2

    run(story())


def test_a_commit_is_synced_to_the_disk(opened: Opened) -> None:
    journal = opened()
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal.reader().execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        journal.reader().execute("DELETE FROM record")


def test_positions_have_no_holes_even_after_rejected_appends(opened: Opened) -> None:
    journal = opened()

    async def story() -> list[int]:
        await asyncio.gather(
            *(journal.append(FENCE, [record(f"k{n % 7}"), record(f"x{n}")]) for n in range(30)),
            return_exceptions=True,
        )
        return [one.position async for one in journal.read(0)]

    assert run(story()) == list(range(1, 15))


def test_two_records_with_one_key_in_one_append_are_a_conflict(opened: Opened) -> None:
    journal = opened()

    async def story() -> None:
        with pytest.raises(Conflict):
            await journal.append(FENCE, [record("k"), record("other"), record("k")])
        assert await keys(journal) == []

    run(story())


# State


def _project(connection: sqlite3.Connection, records: Sequence[Record]) -> None:
    connection.executemany(
        "INSERT INTO seen VALUES (?, ?)", [(one.key, one.position) for one in records]
    )
    if any(one.data == b"poison" for one in records):
        raise ValueError("poison")


def test_state_is_written_with_its_record_and_readable_at_once(opened: Opened) -> None:
    journal = opened(project=_project, migrations=STATE)

    async def story() -> None:
        positions = await journal.append(FENCE, [record("a"), record("b")])
        rows = journal.reader().execute("SELECT key, position FROM seen").fetchall()
        assert rows == list(zip(["a", "b"], positions, strict=True))

    run(story())


def test_an_append_that_cannot_be_projected_fails_alone_and_leaves_nothing(opened: Opened) -> None:
    journal = opened(project=_project, migrations=STATE)

    async def story() -> None:
        poison = Record("bad", "decided", b"poison")
        results = await asyncio.gather(
            journal.append(FENCE, [record("a")]),
            journal.append(FENCE, [record("with-bad"), poison]),
            journal.accept([message("m1")]),
            journal.append(FENCE, [record("b")]),
            return_exceptions=True,
        )
        assert isinstance(results[1], ValueError)
        assert [results[0], results[3]] == [[1], [2]]
        assert await keys(journal) == ["a", "b"]
        assert journal.reader().execute("SELECT key FROM seen ORDER BY 1").fetchall() == [
            ("a",),
            ("b",),
        ]
        assert journal.commits == 1

    run(story())


# Too much waits


def test_messages_are_refused_when_too_many_wait_and_answers_never(opened: Opened) -> None:
    journal = opened(backlog_max=3)

    async def story() -> None:
        await journal.accept([message("m1"), message("m2")])
        with pytest.raises(Busy) as refused:
            await journal.accept([message("m3"), message("m4")])
        assert refused.value.retry_after_s > 0
        await journal.accept([Arrival(f"yes{n}", "cas_1", "answer", b"") for n in range(5)])
        await journal.accept([Arrival(f"t{n}", "cas_1", "timer", b"", 10**18) for n in range(5)])
        assert [a.is_new for a in await journal.accept([message("m3")])] == [True]
        redelivered = await journal.accept([message("m1"), message("m3")])
        assert [a.is_new for a in redelivered] == [False, False]
        await journal.append(FENCE, [], ["m1", "yes1", "m1"])
        await journal.append(FENCE, [], ["m1"])
        assert [a.is_new for a in await journal.accept([message("m5")])] == [True]
        with pytest.raises(Busy):
            await journal.accept([message("m6")])

    run(story())
    journal.abandon()
    again = opened(backlog_max=3)
    with pytest.raises(Busy):
        run(again.accept([message("m6")]))


def test_a_timer_that_is_finished_before_its_time_never_fires(opened: Opened) -> None:
    journal = opened()
    clock = journal._clock
    assert isinstance(clock, ManualClock)

    async def story() -> None:
        claims = journal.claim("w", 10)
        due_us = clock.now() + 10
        await journal.accept([Arrival("t1", "cas_1", "timer", b"", due_us), message("m1")])
        first = await anext(claims)
        await journal.accept([message("m2")])
        await journal.append(first.fence, [], ["m1", "t1", "m2"])
        clock.advance(100)
        await journal.accept([message("m3")])
        assert (await anext(claims)).arrivals[0].id == "m3"
        await _close(claims)

    run(story())


async def _close(claims: AsyncIterator[Claim]) -> None:
    await claims.aclose()  # type: ignore[attr-defined]


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
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 2 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no `mount` on this machine")
    if done.returncode != 0:
        pytest.skip(f"mounting needs root: {done.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("threaded", [True, False])
def test_a_full_disk_refuses_keeps_what_was_acknowledged_and_recovers(
    tiny_disk: Path,
    threaded: bool,  # noqa: FBT001 - a parameter
) -> None:
    home = tiny_disk / "home"
    journal = EmbeddedJournal.open(home, clock=ManualClock(), threaded=threaded)
    ballast = tiny_disk / "ballast"
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


def test_a_file_of_a_newer_version_is_left_alone(opened: Opened) -> None:
    opened(migrations=STATE).close()
    with pytest.raises(NewerSchema, match="schema 2; this program knows 1"):
        opened()
    opened(migrations=STATE).close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(opened: Opened) -> None:
    journal = opened()
    run(journal.append(FENCE, [record("a")]))
    journal.close()
    with pytest.raises(sqlite3.OperationalError):
        opened(migrations=[(2, "CREATE TABLE half (x); CREATE TABLE half (x);")])
    again = opened(migrations=STATE)
    assert run(keys(again)) == ["a"]
    with pytest.raises(ValueError, match="ascending"):
        EmbeddedJournal.open(
            again.path.parent.parent / "other", clock=ManualClock(), migrations=[(1, "")]
        )


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


# The end


def test_closing_finishes_what_waits_and_can_be_repeated(opened: Opened) -> None:
    journal = opened()

    async def story() -> None:
        waiting = [asyncio.ensure_future(journal.append(FENCE, [record(f"k{n}")])) for n in (1, 2)]
        await asyncio.sleep(0)
        journal.close()
        assert await asyncio.gather(*waiting) == [[1], [2]]
        journal.close()
        journal.abandon()
        with pytest.raises(JournalClosed):
            await journal.accept([message("m1")])

    run(story())
    assert run(keys(opened())) == ["k1", "k2"]


def test_abandoning_writes_nothing_more_and_tells_nobody(opened: Opened) -> None:
    journal = opened()

    async def story() -> None:
        await journal.append(FENCE, [record("before")])
        waiting = asyncio.ensure_future(journal.append(FENCE, [record("after")]))
        claiming = asyncio.ensure_future(anext(journal.claim("w", 1)))
        await asyncio.sleep(0)
        journal.abandon()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises((asyncio.CancelledError, Broken)):
            await claiming

    run(story())
    assert run(keys(opened())) == ["before"]


def test_a_claimer_that_waits_is_told_that_the_journal_closed(opened: Opened) -> None:
    journal = opened()

    async def story() -> None:
        await journal.accept([message("m1")])
        claims = journal.claim("w", 1)
        await anext(claims)
        waiting = asyncio.ensure_future(anext(claims))
        await asyncio.sleep(0)
        journal.close()
        with pytest.raises(JournalClosed):
            await waiting

    run(story())


def test_an_event_loop_that_ends_inside_a_commit_does_not_stop_the_next_one(opened: Opened) -> None:
    journal = opened()

    async def cut_short() -> None:
        asyncio.get_running_loop().create_task(journal.append(FENCE, [record("cut")]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    run(cut_short())
    run(journal.append(FENCE, [record("next")]))
    assert run(keys(journal)) == ["cut", "next"]
