"""How long each stage took each of the newest interactions: telemetry, kept while there is room."""

import sqlite3
from collections.abc import Sequence

from answerable.store.sqlite import insert_many
from answerable.telemetry.passages import NOT_MEASURED, STAGES, Passage

SCHEMA = f"""
CREATE TABLE passage (number INTEGER PRIMARY KEY AUTOINCREMENT, interaction TEXT NOT NULL,
                      kind TEXT NOT NULL, began_us INTEGER NOT NULL,
                      {", ".join(f"{stage} INTEGER NOT NULL" for stage in STAGES)});
CREATE INDEX passage_by_interaction ON passage (interaction);
"""
TABLES = ("passage",)
_COLUMNS = f"interaction, kind, began_us, {', '.join(STAGES)}"


def add(db: sqlite3.Connection, passages: Sequence[Passage], *, kept: int) -> None:
    """Keep these; the oldest make room."""
    rows = [
        (it.interaction, it.kind, it.began_us, *(it.took_us.get(s, NOT_MEASURED) for s in STAGES))
        for it in passages
    ]
    insert_many(db, f"passage ({_COLUMNS})", rows)
    db.execute("DELETE FROM passage WHERE number <= (SELECT max(number) FROM passage) - ?", (kept,))


def of_interaction(db: sqlite3.Connection, interaction: str) -> list[Passage]:
    """Oldest first; of each the stages that were measured."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM passage WHERE interaction = ? ORDER BY number",  # noqa: S608
        (interaction,),
    )
    return [
        Passage(
            id_, kind, began,
            {s: us for s, us in zip(STAGES, took, strict=True) if us != NOT_MEASURED},
        )
        for id_, kind, began, *took in rows.fetchall()
    ]  # fmt: skip
