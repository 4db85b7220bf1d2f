"""A home of the last release, made by its own code, goes on under today's: nothing is lost."""

import asyncio
import dataclasses
import json
import sqlite3
import sys
import tarfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from answerable.base.clock import ManualClock
from answerable.compose.configured import plan
from answerable.compose.house import Plan, open_house
from answerable.compose.rebuild import dump, rebuild
from answerable.effects.domain import EffectState, Status
from answerable.store.sqlite import NewerSchema
from answerable.testing.world import Life
from answerable.views.index import EntryIndex
from answerable.worker.verification import verify_home
from homes import Said, cli

FIXTURE = Path(__file__).parents[1] / "fixtures" / "home-0.1.0.tar.gz"
TRUTH = {"answerable.db": ("arrival", "record"), "keys.db": ("home", "key", "address")}
LATER_US = 1_767_225_610_000_000 + 60_000_000  # a minute after its last day


@pytest.fixture
def old_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tarfile.open(FIXTURE) as tar:
        tar.extractall(tmp_path, filter="data")
    monkeypatch.syspath_prepend(tmp_path / "home")
    yield tmp_path / "home"
    sys.modules.pop("old_agent", None)


def plan_of(home: Path) -> Plan:
    return dataclasses.replace(plan(home), clock=ManualClock(LATER_US), is_threaded=False)


@asynccontextmanager
async def living(home: Path) -> AsyncIterator[Life]:
    life = Life(open_house(plan_of(home)))
    try:
        await life.dispatcher.start()
        yield life
    finally:
        await life.close()


def noted(home: Path, name: str) -> list[dict[str, str]]:
    path = home / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def one(life: Life, name: str, status: Status) -> EffectState:
    [found] = [each for each in life.effects(status) if each.name == name]
    return found


def test_what_waited_in_a_home_of_the_last_release_goes_on(old_home: Path) -> None:
    async def scenario() -> None:
        async with living(old_home) as life:
            await life.settled()
            held = one(life, "refund", Status.HELD)
            await life.answer(held, "grant")
            await life.answer(one(life, "courier", Status.ASKED), "done")
            await life.run_out()
            assert life.dispatcher.failure is None
            assert {e.status for e in life.effects() if e.kind == "tool"} == {
                Status.DONE, Status.REFUSED,
            }  # fmt: skip
            assert life.house.journal.backlog == 0
            assert (await life.verified()).problem is None
            assert await life.entries("gap.declared") == []

    asyncio.run(scenario())
    paid = Counter(line["order"] for line in noted(old_home, "paid.jsonl"))
    assert paid == {"A1": 1, "slow": 1, "closed": 1, "B2": 1}, "each once, the killed one too"
    assert len(noted(old_home, "couriers.jsonl")) == 1
    assert [line["key"] for line in noted(old_home, "steps.jsonl")] == ["step S1"]
    texts = Counter(line["text"] for line in noted(old_home, "sent.jsonl"))
    assert set(texts.values()) == {1}
    assert {"Looked up.", "About hello later.", "Done: slow.", "Done: closed.", "Done: B2."} <= set(
        texts
    )


def test_a_new_message_of_a_known_party_is_known_again(old_home: Path) -> None:
    async def scenario() -> None:
        async with living(old_home) as life:
            await life.settled()
            parties = life.db.execute("SELECT count(*) FROM party").fetchone()
            ack = await life.say("hello", external_id="m0", sender="kim0@example.org")
            assert not ack.is_new, "it was answered by the last release"
            await life.say("again", external_id="n0", sender="kim0@example.org")
            await life.settled()
            assert life.db.execute("SELECT count(*) FROM party").fetchone() == parties

    asyncio.run(scenario())


def test_its_state_can_be_dropped_and_is_the_same_again(old_home: Path) -> None:
    async def scenario() -> None:
        async with living(old_home) as life:
            await life.settled()

    asyncio.run(scenario())
    with closing(sqlite3.connect(old_home / "answerable.db")) as database:
        before = dump(database)
    assert rebuild(old_home) > 90
    with closing(sqlite3.connect(old_home / "answerable.db")) as database:
        assert dump(database) == before


def test_its_ledger_verifies_before_and_after(old_home: Path) -> None:
    before = verify_home(old_home)
    assert before.verified, before.sentence
    assert before.entries > before.published, "it was killed before it had published all"
    checkpoint = old_home.parent / "saved"
    checkpoint.write_text((old_home / "ledger" / "checkpoint").read_text())
    in_home(old_home, "person", "add", "new@acme.example", "--name", "Nele").check()
    after = verify_home(old_home, [checkpoint])
    assert after.verified, after.sentence
    assert after.entries > before.entries


def test_its_views_are_made_again(old_home: Path) -> None:
    async def scenario() -> None:
        async with living(old_home) as life:
            await life.settled()
            index = EntryIndex.open(old_home)
            await index.follow(life.house.hall.engine)
            assert index.count("decided") == len(await life.entries("decided"))
            index.close()

    asyncio.run(scenario())


def test_commands_read_what_the_last_release_wrote(old_home: Path) -> None:
    assert "Olga Owner" in in_home(old_home, "person", "list").check().out
    assert "support" in in_home(old_home, "agent", "list").check().out
    assert "B2" in in_home(old_home, "approval", "list").check().out
    assert "courier" in in_home(old_home, "effect", "unknown").check().out
    who = in_home(old_home, "decision", "who", "--random", "--json").check().out
    assert json.loads(who)["owner_name"] == "Olga Owner"


def test_what_the_last_release_did_not_keep_is_named_in_a_bundle_that_verifies(
    old_home: Path,
) -> None:
    bundle = old_home.parent / "all.zip"
    said = in_home(old_home, "ledger", "export", "-o", str(bundle)).check()
    assert "Entries name release rel_" in said.err
    verified = in_home(old_home, "ledger", "verify", "--bundle", str(bundle)).check().out
    assert "Its entries name what is not in it: " in verified
    assert "release rel_" in verified


@pytest.mark.parametrize("file", ["answerable.db", "keys.db"])
def test_a_home_of_a_newer_release_is_refused_and_not_touched(old_home: Path, file: str) -> None:
    with closing(sqlite3.connect(old_home / file)) as database:
        database.execute("PRAGMA user_version = 99")
    before = content(old_home)
    for _ in range(2):
        with pytest.raises(NewerSchema, match="99"):
            open_house(plan_of(old_home))
    assert content(old_home) == before


def test_once_opened_it_is_a_home_that_the_last_release_refuses(old_home: Path) -> None:
    """It would meet entries that it cannot read: its own number tells it so at once."""
    last_release = 3
    in_home(old_home, "person", "list").check()
    with closing(sqlite3.connect(old_home / "answerable.db")) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
    assert version > last_release


def content(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of both files that is the truth: state may have been made again, sums added."""
    rows: dict[str, list[tuple[object, ...]]] = {}
    for name, tables in TRUTH.items():
        with closing(sqlite3.connect(home / name)) as database:
            for table in tables:
                found = database.execute(f'SELECT * FROM "{table}"')
                kept = [n for n, column in enumerate(found.description) if column[0] != "sum"]
                rows[f"{name}/{table}"] = [tuple(row[n] for n in kept) for row in found]
    return rows


def in_home(home: Path, *arguments: str) -> Said:
    return cli(*arguments, "--home", str(home))
