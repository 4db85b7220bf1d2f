"""Interactions are found by agent and by how they ended, newest first, by walks of an index."""

import asyncio
import sqlite3
from pathlib import Path

from answerable.effects import rows as effects
from answerable.testing.world import SPECIALIST, Till
from answerable.views import interactions
from offices import office_of
from stories import HOLD_TOOLS, inline_world, run, support


def test_the_rows_say_what_state_says_also_after_people_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()), policy=HOLD_TOOLS)
        await world.found()
        async with world.running() as life:
            said = []
            for number, text in enumerate(("hello", "human", "refund", "hi", "refund again")):
                sender = f"kim{number % 4}@example.org"
                said.append(await life.say(text, external_id=f"m{number}", sender=sender))
                await life.settled()
            ids = [ack.interaction for ack in said]
            refund = next(one for one in life.effects() if one.interaction == ids[2])
            if refund.status.value == "held":
                await life.answer(refund, "grant", by=life.person(SPECIALIST))
            await life.settled()
            index = office_of(life).index
            await index.follow(life.house.hall.engine)
            db = index.db
            assert interactions.newest(db, limit=10) == ids[::-1]
            assert interactions.newest(db, limit=2) == ids[:2:-1]
            assert interactions.newest(db, before=ids[2], limit=10) == [ids[1], ids[0]]
            assert interactions.newest(db, agent="support", limit=3) == ids[:1:-1]
            assert interactions.newest(db, agent="nobody", limit=3) == []
            assert interactions.newest(db, before="int_none", limit=3) == []
            states = {id_: effects.interaction_of(life.db, id_) for id_ in ids}
            for disposition in ("open", "answered", "escalated"):
                expected = [
                    id_ for id_, row in states.items() if row and row.disposition == disposition
                ][::-1]
                assert expected, disposition
                assert interactions.newest(db, disposition=disposition, limit=9) == expected
                of_agent = interactions.newest(
                    db, agent="support", disposition=disposition, limit=9
                )
                assert of_agent == expected
            cases = {row.case for row in states.values() if row}
            assert sum(interactions.tallies(db, cases).values()) == 5
            assert max(interactions.tallies(db, cases).values()) == 2
            index.close()

    run(scenario)


def plan(db: sqlite3.Connection, sql: str, *values: object) -> str:
    return "\n".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", values))


def test_no_query_of_a_list_scans_or_sorts(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = inline_world(tmp_path / "home", support(Till()))
        await world.found()
        async with world.running() as life:
            index = office_of(life).index
            asked: list[str] = []
            index.db.set_trace_callback(asked.append)
            await life.say("hello", external_id="m1")
            await life.settled()
            await index.follow(life.house.hall.engine)
            for agent in ("", "support"):
                for disposition in ("", "open"):
                    for before in ("", "int_1"):
                        interactions.newest(
                            index.db, agent=agent, disposition=disposition, before=before, limit=5
                        )
            index.db.set_trace_callback(None)
            queries = [sql for sql in asked if sql.startswith(("SELECT", "UPDATE"))]
            assert len(queries) > 8
            for sql in queries:
                steps = plan(index.db, sql)
                assert "TEMP B-TREE" not in steps, (sql, steps)
                full = [line for line in steps.splitlines() if line.startswith("SCAN")]
                assert all("cursor" in line for line in full), (sql, steps)
            index.close()

    asyncio.run(scenario())
