"""Rows of interactions: newest first by agent and by how they ended; how many a case has."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence

from answerable.effects.changes import end_of_interaction
from answerable.effects.domain import OPEN
from answerable.ledger.domain import Entry
from answerable.store.sqlite import insert_many

SCHEMA = """
CREATE TABLE interaction (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, agent TEXT NOT NULL,
                          disposition TEXT NOT NULL);
CREATE INDEX interaction_by_disposition ON interaction (disposition);
CREATE INDEX interaction_by_agent ON interaction (agent, disposition);
CREATE TABLE tally (id TEXT PRIMARY KEY, interactions INTEGER NOT NULL) WITHOUT ROWID;
"""
TABLES = ("interaction", "tally")
_SEQ_MAX = 2**63 - 1
_SEQ_OF = (  # `+`: the index of kinds would lead through every message
    "SELECT seq FROM entry WHERE interaction = ? AND interaction <> '' AND +kind = 'received'"
)


def add(db: sqlite3.Connection, entries: Sequence[tuple[Entry, str]]) -> None:
    """Entries, each with its agent, after their own rows."""
    begun = [(entry, agent) for entry, agent in entries if entry.kind == "received"]
    rows = {
        entry.interaction: [entry.seq, entry.interaction, agent, OPEN] for entry, agent in begun
    }
    earlier = []
    for entry, _ in entries:
        end = end_of_interaction(entry)
        row = rows.get(end.interaction) if end is not None else None
        if row is not None and end is not None and (end.is_own or row[-1] != OPEN):
            row[-1] = end.disposition
        elif row is None and end is not None:
            earlier.append(end)
    insert_many(db, "interaction (seq, id, agent, disposition)", list(rows.values()))
    _count(db, (entry for entry, _ in begun))
    for end in earlier:
        also_open = "" if end.is_own else f" AND disposition <> '{OPEN}'"
        db.execute(
            f"UPDATE interaction SET disposition = ? WHERE seq = ({_SEQ_OF}){also_open}",  # noqa: S608
            (end.disposition, end.interaction),
        )


def _count(db: sqlite3.Connection, begun: Iterable[Entry]) -> None:
    found: Counter[str] = Counter()
    for entry in begun:
        found[entry.case] += 1
        found[entry.subject.pid if entry.subject else ""] += 1
    del found[""]
    over = "ON CONFLICT (id) DO UPDATE SET interactions = interactions + excluded.interactions"
    insert_many(db, "tally (id, interactions)", sorted(found.items()), over)


def newest(
    db: sqlite3.Connection,
    *,
    agent: str = "",
    disposition: str = "",
    before: str = "",
    limit: int,
) -> list[str]:
    """Ids, newest first; `before` is an interaction's id."""
    most = _SEQ_MAX
    if before:
        row = db.execute(_SEQ_OF, (before,)).fetchone()
        most = int(row[0]) if row else 0
    given = {"agent": agent, "disposition": disposition}
    wanted = {name: value for name, value in given.items() if value}
    if agent and not disposition:  # a query for each way to end: each one is a walk of an index
        found = [
            one
            for end in _dispositions(db)
            for one in _walk(db, {"agent": agent, "disposition": end}, most, limit)
        ]
    else:
        found = _walk(db, wanted, most, limit)
    return [id_ for _, id_ in sorted(found, reverse=True)[:limit]]


def _walk(
    db: sqlite3.Connection, wanted: dict[str, str], most: int, limit: int
) -> list[tuple[int, str]]:
    where = "".join(f"{name} = ? AND " for name in wanted)
    sql = f"SELECT seq, id FROM interaction WHERE {where}seq < ? ORDER BY seq DESC LIMIT ?"  # noqa: S608
    return [(int(row[0]), str(row[1])) for row in db.execute(sql, (*wanted.values(), most, limit))]


def _dispositions(db: sqlite3.Connection) -> list[str]:
    """Those that there are: one step of the index each."""
    found: list[str] = []
    while True:
        row = db.execute(
            "SELECT min(disposition) FROM interaction WHERE disposition > ?",
            (found[-1] if found else "",),
        ).fetchone()
        if row is None or row[0] is None:
            return found
        found.append(str(row[0]))


def tallies(db: sqlite3.Connection, ids: Iterable[str]) -> dict[str, int]:
    """How many interactions each of these cases or parties has."""
    return {id_: _tally(db, id_) for id_ in ids}


def _tally(db: sqlite3.Connection, id_: str) -> int:
    row = db.execute("SELECT interactions FROM tally WHERE id = ?", (id_,)).fetchone()
    return int(row[0]) if row else 0
