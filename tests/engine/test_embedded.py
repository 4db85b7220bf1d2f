"""What the embedded journal promises beyond the port: one fsync for many, state, an orderly end."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import closing
from typing import TypeVar

import pytest

from answerable.adapters.engines.embedded import EmbeddedJournal
from answerable.adapters.engines.embedded.journal import JournalClosed
from answerable.adapters.engines.embedded.state import State
from answerable.base.clock import ManualClock
from answerable.base.errors import Broken, Busy
from answerable.engine.port import Arrival, Claim, Conflict, Fence, Record

T = TypeVar("T")
Opened = Callable[..., EmbeddedJournal]
FENCE = Fence(0, 0)  # of a journal that nobody has claimed yet

SEEN = "CREATE TABLE seen (key TEXT PRIMARY KEY, position INTEGER NOT NULL);"


def run(story: Coroutine[object, object, T]) -> T:
    return asyncio.run(story)


def message(name: str, inbox: str = "cas_1") -> Arrival:
    return Arrival(name, inbox, "message", b"hello")


def record(key: str, size: int = 10) -> Record:
    return Record(key, "decided", b"d" * size)


async def keys(journal: EmbeddedJournal) -> list[str]:
    return [one.key async for one in journal.read(0)]


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
    journal = opened(state=State(schema=SEEN, project=_project))

    async def story() -> None:
        positions = await journal.append(FENCE, [record("a"), record("b")])
        rows = journal.reader().execute("SELECT key, position FROM seen").fetchall()
        assert rows == list(zip(["a", "b"], positions, strict=True))

    run(story())


def test_an_append_that_cannot_be_projected_fails_alone_and_leaves_nothing(opened: Opened) -> None:
    journal = opened(state=State(schema=SEEN, project=_project))

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


# What is done


def test_of_a_finished_arrival_only_its_id_is_kept(opened: Opened) -> None:
    journal = opened()

    def stored() -> list[tuple[str, bytes]]:
        query = "SELECT id, data FROM arrival ORDER BY position"
        return journal.reader().execute(query).fetchall()

    async def story() -> None:
        await journal.accept([message("m1"), message("m2"), Arrival("t1", "c", "timer", b"due")])
        await journal.append(FENCE, [record("a")], ["m1", "t1"])
        assert stored() == [("m1", b""), ("m2", b"hello"), ("t1", b"")]
        assert [one.is_new for one in await journal.accept([message("m1")])] == [False]
        assert stored()[0] == ("m1", b"")

    run(story())


def test_arrivals_that_an_earlier_program_finished_are_emptied_as_well(opened: Opened) -> None:
    journal = opened()
    run(journal.accept([message("m1"), message("m2")]))
    journal.close()
    with closing(sqlite3.connect(journal.path)) as file:
        file.executescript(
            "ALTER TABLE arrival DROP COLUMN sum; ALTER TABLE fence DROP COLUMN sum;"
            "UPDATE arrival SET done = 1 WHERE id = 'm1'; PRAGMA user_version = 2"
        )
    again = opened()
    rows = again.reader().execute("SELECT id, data FROM arrival ORDER BY position").fetchall()
    assert rows == [("m1", b""), ("m2", b"hello")]


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
