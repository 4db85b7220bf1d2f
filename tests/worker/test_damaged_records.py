"""A record that was damaged is said to be so, and no file leaves that nobody could verify."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from answerable.base.errors import AnswerableError
from answerable.testing.world import OWNER
from answerable.worker import verbs
from answerable.worker.commands import call
from answerable.worker.replay.homes import Asked, replay_decision, replay_ledger
from answerable.worker.stored import RecordDamaged
from offices import open_for, small_world
from stories import run

OF_ANOTHER = "UPDATE record SET data = CAST(replace(data, 'email', 'emaiI') AS BLOB)"


@pytest.mark.parametrize("damage", ["UPDATE record SET data = x'7b7d'", OF_ANOTHER])
def test_what_was_damaged_is_said_to_be_and_leaves_in_no_file(damage: str, tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "x.zip"

    async def scenario() -> None:
        world = await small_world(home)
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await life.settled()
            [entry] = await life.entries("decided")
            party = str(life.db.execute("SELECT id FROM party").fetchone()[0])
        async with open_for(world) as office:  # as it was, it is published
            await office.publisher.follow(office.house.hall.engine)
        with closing(sqlite3.connect(home / "answerable.db")) as db:
            changed = db.execute(f"{damage} WHERE key = ?", (entry.id,)).rowcount
            assert changed == 1
            db.commit()
        is_unreadable = "7b7d" in damage
        async with open_for(world) as office:
            for kind, of in (("everything", ""), ("party", party), ("decision", entry.id)):
                with pytest.raises(AnswerableError) as error:
                    await call(office, verbs.LedgerExport(str(file), kind, of))
                assert isinstance(error.value, RecordDamaged), error.value
            if is_unreadable:
                for verb in (
                    verbs.PartyExport(str(file), party, OWNER), verbs.DecisionExplain(entry.id),
                ):  # fmt: skip
                    with pytest.raises(RecordDamaged):
                        await call(office, verb)
        assert not file.exists()

    run(scenario)
    if "7b7d" in damage:
        with pytest.raises(RecordDamaged):
            replay_ledger(home, Asked())
        with closing(sqlite3.connect(home / "answerable.db")) as db:
            [key] = db.execute("SELECT key FROM record WHERE kind = 'decided'").fetchone()
        with pytest.raises(RecordDamaged):
            replay_decision(home, key)
