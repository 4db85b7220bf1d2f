"""The one writer: a unit is written whole or not at all, and harms no neighbour."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from answerable.adapters.engines.embedded.journal import EmbeddedJournal
from answerable.base import faults
from answerable.base.chance import SeededChance
from answerable.base.errors import AnswerableError, Broken
from answerable.engine.port import Conflict, Fence, Fenced, Record
from answerable.ledger import bodies
from answerable.ledger.committer import CommitterEnded
from answerable.ledger.domain import Entry, EntryTooLarge, decode_entry
from answerable.ledger.draft import Body, Committed, Memo, Unit
from answerable.ledger.verify import verify_feed
from answerable.store.keys import KeyDestroyed, KeyStore, home_key
from answerable.store.keys_wrong import KeyMissing
from answerable.store.sqlite import DiskFull
from committing import Desk, draft


class Odd:
    """An engine that does as it is told; `refuse` is raised by the next appends."""

    refuse: AnswerableError | None = None

    def __init__(self, journal: EmbeddedJournal) -> None:
        self._journal = journal
        self.accept, self.claim, self.renew = journal.accept, journal.claim, journal.renew
        self.read, self.find, self.waiting = journal.read, journal.find, journal.waiting
        self.waiting_in = journal.waiting_in
        self.drop = journal.drop
        self.before: list[bool] = []

    async def append(
        self, fence: Fence, records: Sequence[Record], done: Sequence[str] = ()
    ) -> list[int]:
        if Odd.refuse is not None:
            raise Odd.refuse
        return await self._journal.append(fence, records, done)


@asynccontextmanager
async def open_desk(tmp_path: Path, *, wrap: type[Odd] | None = None) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path / "home", wrap=wrap)
    desk.committer.start(await desk.fence())
    try:
        yield desk
        verified = await verify_feed(desk.journal.read(0), [desk.signer.vkey])
        assert verified.problem is None
        assert verified.entries == desk.committer.size
    finally:
        await desk.committer.stop()
        desk.journal.close()
        desk.keys.close()


def unit(name: str, number: int = 0) -> Unit:
    return Unit(drafts=[draft(f"{name}-1", number), draft(f"{name}-2", number + 1)])


async def results(desk: Desk, units: Sequence[Unit]) -> list[Committed | BaseException]:
    return await asyncio.gather(*map(desk.committer.commit, units), return_exceptions=True)


def assert_contiguous(entries: Sequence[Entry]) -> None:
    counted: defaultdict[str, list[int]] = defaultdict(list)
    for entry in entries:
        if entry.subject is not None:
            counted[entry.subject.pid].append(entry.subject.sseq)
        if entry.owner is not None and entry.oseq is not None:
            counted[entry.owner.person].append(entry.oseq)
    assert [entry.seq for entry in entries] == list(range(len(entries)))
    for whose, numbers in counted.items():
        assert numbers == list(range(1, len(numbers) + 1)), whose


def test_a_conflict_evicts_only_its_unit_and_the_others_are_sealed_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with open_desk(tmp_path) as desk:
            await desk.committer.commit(unit("taken"))
            units = [unit(f"u{n}", n) for n in range(12)]
            for guilty in (3, 7, 8):
                units[guilty].drafts.insert(1, draft("taken-1"))
            done = await results(desk, units)
            for number, result in enumerate(done):
                if number in (3, 7, 8):
                    assert isinstance(result, Conflict)
                    assert result.first.key == "taken-1"
                else:
                    assert isinstance(result, Committed)
            entries = await desk.entries()
            assert len(entries) == 2 + 9 * 2
            assert_contiguous(entries)
            for result in done:
                if isinstance(result, Committed):
                    at = [decode_entry(record.data).seq for record in result.records]
                    assert tuple(at) == result.indexes

    asyncio.run(scenario())


def test_two_units_with_one_key_the_first_wins(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with open_desk(tmp_path) as desk:
            first, second = await results(desk, [unit("same"), unit("same")])
            assert isinstance(first, Committed)
            assert isinstance(second, Conflict)
            both = Unit(drafts=[draft("twice"), draft("twice")])
            neighbour, twin = await results(desk, [unit("next"), both])
            assert isinstance(neighbour, Committed)
            assert isinstance(twin, Conflict)

    asyncio.run(scenario())


def test_a_unit_that_cannot_be_sealed_costs_only_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with open_desk(tmp_path) as desk:
            key = bytes(range(32))
            kid = bodies.new_kid(key)
            desk.keys.put_many({kid: key})
            desk.keys.destroy([kid])
            units = [unit(f"u{n}", n) for n in range(8)]
            units[0].drafts.append(draft("large", 0, change={"note": "x" * 70_000}))
            units[3].memos.append(Memo(key="step", body=Body(kid=kid, data=b"forgotten")))
            units[5].drafts.append(draft("no key", 5, body=Body(kid="nobody's", data=b"x")))
            units[6].drafts.append(draft("no text", 6, change={"note": "\ud800"}))
            done = await results(desk, units)
            assert isinstance(done[0], EntryTooLarge)
            assert isinstance(done[3], KeyDestroyed)
            assert isinstance(done[5], KeyMissing)
            assert isinstance(done[6], UnicodeEncodeError)
            good = [done[n] for n in (1, 2, 4, 7)]
            assert all(isinstance(result, Committed) for result in good)
            entries = await desk.entries()
            assert [entry.id for entry in entries] == [
                f"u{n}-{part}" for n in (1, 2, 4, 7) for part in (1, 2)
            ]
            assert_contiguous(entries)
            alone = await results(desk, [Unit(drafts=[draft("x", change={"n": "x" * 70_000})])])
            assert isinstance(alone[0], EntryTooLarge)

    asyncio.run(scenario())


def test_counters_are_contiguous_under_concurrency_and_across_restarts(tmp_path: Path) -> None:
    async def scenario() -> None:
        for life in range(3):
            async with open_desk(tmp_path) as desk:

                async def lane(which: int, life: int = life, desk: Desk = desk) -> None:
                    for number in range(10):
                        await desk.committer.commit(
                            unit(f"{life}-{which}-{number}", which + number)
                        )

                await asyncio.gather(*map(lane, range(16)))
                entries = await desk.entries()
                assert len(entries) == (life + 1) * 16 * 10 * 2
                assert_contiguous(entries)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "refusal", [Fenced(Fence(0, 1), 2), DiskFull("No space is left.", "Nothing was written.")]
)
def test_what_the_engine_refuses_reaches_every_waiter_and_nothing_is_written(
    tmp_path: Path, refusal: AnswerableError
) -> None:
    async def scenario() -> None:
        async with open_desk(tmp_path, wrap=Odd) as desk:
            await desk.committer.commit(unit("before"))
            Odd.refuse = refusal
            try:
                done = await results(desk, [unit(f"u{n}", n) for n in range(20)])
                late = await results(desk, [unit("late")])
            finally:
                Odd.refuse = None
            assert {type(result) for result in [*done, *late]} == {type(refusal)}
            assert len(await desk.entries()) == 2
            assert isinstance((await results(desk, [unit("after")]))[0], Committed)
            assert_contiguous(await desk.entries())

    asyncio.run(scenario())


def test_a_newer_holder_fences_the_committer_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with open_desk(tmp_path) as desk:
            await desk.committer.commit(unit("before"))
            await desk.fence()
            done = await results(desk, [unit(f"u{n}", n) for n in range(5)])
            assert all(isinstance(result, Fenced) for result in done)
            assert len(await desk.entries()) == 2

    asyncio.run(scenario())


def test_a_new_key_is_durable_before_the_append_that_uses_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        key = bytes(range(32))
        kid = bodies.new_kid(key)
        seen: list[bytes] = []

        async with open_desk(tmp_path) as desk:

            async def look(name: str) -> None:
                if name == "committer.before_append":
                    other = KeyStore.open(tmp_path / "home" / "keys.db", secret)
                    seen.append(other.get(kid))
                    other.close()

            secret = home_key(tmp_path / "home", SeededChance(7))
            faults.install(look)
            try:
                mine = Unit(
                    new_keys={kid: key},
                    drafts=[draft("with a body", body=Body(kid=kid, data=b"personal"))],
                )
                await desk.committer.commit(mine)
            finally:
                faults.install(None)
        assert seen == [key]

    asyncio.run(scenario())


def test_a_caller_who_stops_waiting_harms_nobody(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with open_desk(tmp_path) as desk:
            tasks = [asyncio.create_task(desk.committer.commit(unit(f"u{n}", n))) for n in range(9)]
            await asyncio.sleep(0)
            tasks[4].cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert [isinstance(result, Committed) for result in done].count(True) == 8
            assert_contiguous(await desk.entries())

    asyncio.run(scenario())


def test_a_projection_that_fails_costs_only_the_unit_whose_record_it_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with open_desk(tmp_path) as desk:
            poison = Unit(drafts=[draft("poison", kind="stop", change={})])  # no `is_on`
            units = [unit("u0"), unit("u1", 1), poison, unit("u3", 2)]
            done = await results(desk, units)
            assert isinstance(done[2], KeyError)
            assert [isinstance(result, Committed) for result in done] == [True, True, False, True]
            entries = await desk.entries()
            assert [entry.id for entry in entries] == [
                f"u{n}-{part}" for n in (0, 1, 3) for part in (1, 2)
            ]
            assert_contiguous(entries)

    asyncio.run(scenario())


class Lying:
    """An engine that returns fewer positions than it wrote: a defect that the committer meets."""

    def __init__(self, journal: EmbeddedJournal) -> None:
        self._journal = journal

    async def append(
        self, fence: Fence, records: Sequence[Record], done: Sequence[str] = ()
    ) -> list[int]:
        return (await self._journal.append(fence, records, done))[:-2]


def test_when_the_writer_ends_who_waits_is_told_and_who_comes_later(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = Desk(tmp_path / "home", wrap=Lying)  # type: ignore[arg-type]
        desk.committer.start(await desk.fence())
        async with asyncio.timeout(5):
            done = await results(desk, [unit("same"), unit("other"), unit("same")])
            late = await results(desk, [unit("late")])
        assert isinstance(done[0], Committed)  # it was, before the defect was met
        assert {type(result) for result in [*done[1:], *late]} == {CommitterEnded}
        assert isinstance(late[0], Broken)
        assert isinstance(late[0].__cause__, ValueError)
        await desk.committer.stop()
        desk.journal.close()
        desk.keys.close()

    asyncio.run(scenario())


def test_a_stopped_writer_refuses_instead_of_letting_anybody_wait(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with open_desk(tmp_path) as desk:
            await desk.committer.stop()
            async with asyncio.timeout(5):
                (late,) = await results(desk, [unit("late")])
            assert isinstance(late, CommitterEnded)

    asyncio.run(scenario())
