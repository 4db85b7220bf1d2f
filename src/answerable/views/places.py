"""Rows of entries: where each stands, and whatever else it can be found by."""

import sqlite3
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from answerable.ledger.domain import OWNED_KINDS, Entry
from answerable.store.sqlite import insert_many

SCHEMA = """
CREATE TABLE entry (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL,
                    interaction TEXT NOT NULL, position INTEGER NOT NULL, at INTEGER NOT NULL,
                    "case" TEXT NOT NULL, agent TEXT NOT NULL, verdict TEXT NOT NULL,
                    action TEXT NOT NULL);
CREATE UNIQUE INDEX entry_by_id ON entry (id);
CREATE INDEX entry_by_interaction ON entry (interaction) WHERE interaction <> '';
CREATE INDEX entry_by_case ON entry ("case") WHERE "case" <> '';
CREATE INDEX entry_by_kind ON entry (kind, seq);
CREATE INDEX decision_by_verdict ON entry (verdict) WHERE verdict <> '';
CREATE INDEX decision_by_agent ON entry (agent, verdict) WHERE verdict <> '';
CREATE TABLE about (id TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (id, seq)) WITHOUT ROWID;
CREATE TABLE kind_count (kind TEXT PRIMARY KEY, entries INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE milestone (kind TEXT NOT NULL, number INTEGER NOT NULL, seq INTEGER NOT NULL,
                        PRIMARY KEY (kind, number)) WITHOUT ROWID;
"""
TABLES = ("entry", "about", "kind_count", "milestone")

VERDICTS = ("allow", "hold", "deny")
_COLUMNS = 'seq, id, kind, interaction, position, at, "case", agent, verdict, action'
_FOUND = _COLUMNS.replace(" id,", " entry.id,")
_SELECT = f"SELECT {_COLUMNS} FROM entry"  # noqa: S608 - a constant
_STRIDE = 1_000  # of each kind every so many entries one is marked: the n-th is near a mark
_CASES_CACHED = 8_000
_SEQ_MAX = 2**63 - 1
_NOTHING: dict[str, str | int] = {}
_COLUMN_OF = {"int": "interaction", "cas": '"case"'}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands: its ledger index and its position in the feed."""

    seq: int
    id: str
    kind: str
    interaction: str
    position: int
    at: int  # microseconds, UTC
    case: str
    agent: str  # whose act it is, or whose case it is about; empty where a person decided it
    verdict: str  # of a decision
    action: str  # of a decision: tool or reply


class Places:
    """Writes the rows of entries, in feed order."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._agents: OrderedDict[str, str] = OrderedDict()  # of cases

    def clear(self) -> None:
        """Nothing that was read belongs to this feed."""
        self._agents.clear()

    def add(self, entries: Sequence[tuple[Entry, int]]) -> list[Place]:
        """Entries and their positions; what was written of each."""
        places = [self._place(entry, position) for entry, position in entries]
        rows = [
            (p.seq, p.id, p.kind, p.interaction, p.position, p.at, p.case, p.agent, p.verdict,
             p.action)
            for p in places
        ]  # fmt: skip
        insert_many(self._db, f"entry ({_COLUMNS})", rows)
        insert_many(self._db, "about (id, seq)", sorted(_about(entry for entry, _ in entries)))
        self._mark(places)
        return places

    def _place(self, entry: Entry, position: int) -> Place:
        action = entry.action.kind if entry.action and entry.kind == "decided" else ""
        return Place(
            entry.seq, entry.id, entry.kind, entry.interaction, position,
            entry.ts, entry.case, self._agent(entry),
            entry.policy[-1].verdict if entry.policy and entry.kind == "decided" else "", action,
        )  # fmt: skip

    def _agent(self, entry: Entry) -> str:
        if entry.agent is not None:
            return entry.agent.id
        if entry.kind in OWNED_KINDS:  # a person's own act
            return ""
        case, named = entry.case, entry.changed("agent")
        if case:
            named = named or self._agents.get(case) or self._looked_up(case)
            self._agents[case] = named
            if len(self._agents) > _CASES_CACHED:
                self._agents.popitem(last=False)
        return named

    def _looked_up(self, case: str) -> str:
        row = self._db.execute(
            "SELECT agent FROM entry WHERE \"case\" = ? AND \"case\" <> '' AND agent <> ''"
            " ORDER BY seq LIMIT 1",  # `<> ''`: or SQLite may not take the index of cases
            (case,),
        ).fetchone()
        return str(row[0]) if row else ""

    def _mark(self, places: Sequence[Place]) -> None:
        counts = {kind: count(self._db, kind) for kind in {place.kind for place in places}}
        marks = []
        for place in places:
            number = counts[place.kind]
            counts[place.kind] += 1
            if number % _STRIDE == 0:
                marks.append((place.kind, number // _STRIDE, place.seq))
        insert_many(self._db, "milestone (kind, number, seq)", marks)
        over = "ON CONFLICT (kind) DO UPDATE SET entries = excluded.entries"
        insert_many(self._db, "kind_count (kind, entries)", list(counts.items()), over)


def _about(entries: Iterable[Entry]) -> set[tuple[str, int]]:
    """Each party and person that an entry names, and its index."""
    found: set[tuple[str, int]] = set()
    for entry in entries:
        seq, owner = entry.seq, entry.owner
        if entry.subject is not None:
            found.add((entry.subject.pid, seq))
        if owner is not None:
            found.add((owner.person, seq))
            if owner.via:
                found.add((owner.via, seq))
        if entry.actor is not None and entry.actor.startswith("per_"):
            found.add((entry.actor, seq))
        for word in (entry.change or _NOTHING).values():
            if isinstance(word, str) and word.startswith("per_"):
                found.add((word, seq))
    return found


def find(db: sqlite3.Connection, entry_id: str) -> Place | None:
    return _one(db, "id = ?", entry_id)


def at(db: sqlite3.Connection, seq: int) -> Place | None:
    return _one(db, "seq = ?", seq)


def count(db: sqlite3.Connection, kind: str) -> int:
    row = db.execute("SELECT entries FROM kind_count WHERE kind = ?", (kind,)).fetchone()
    return int(row[0]) if row else 0


def nth(db: sqlite3.Connection, kind: str, number: int) -> Place | None:
    """The n-th entry of a kind (0-based): how one is drawn by chance."""
    mark = db.execute(
        "SELECT seq FROM milestone WHERE kind = ? AND number = ?", (kind, number // _STRIDE)
    ).fetchone()
    if mark is None:
        return None
    where = "kind = ? AND seq >= ? ORDER BY seq LIMIT 1 OFFSET ?"
    return _one(db, where, kind, int(mark[0]), number % _STRIDE)


def of_interaction(db: sqlite3.Connection, interaction: str) -> list[Place]:
    """Oldest first."""
    return _many(db, "interaction = ? AND interaction <> '' ORDER BY seq", interaction)


def of_case(db: sqlite3.Connection, case: str, *, after: int, limit: int) -> list[Place]:
    """Oldest first, those that stand after a position of the feed."""
    where = '"case" = ? AND "case" <> \'\' AND seq >= ? ORDER BY seq LIMIT ?'
    return _many(db, where, case, _first_after(db, after), limit)


def _first_after(db: sqlite3.Connection, position: int) -> int:
    """The index of the first entry that stands after a position: both only grow."""
    row = db.execute("SELECT max(seq) FROM entry").fetchone()
    count = 0 if row[0] is None else int(row[0]) + 1
    sql = "SELECT position FROM entry WHERE seq = ?"
    return bisect_right(
        range(count), position, key=lambda seq: int(db.execute(sql, (seq,)).fetchone()[0])
    )


def newest(db: sqlite3.Connection, *, kind: str = "", before: int = 0, limit: int) -> list[Place]:
    """Newest first, of one kind or of all, before the index `before` (0: from the end)."""
    most = before or _SEQ_MAX
    if not kind:
        return _many(db, "seq < ? ORDER BY seq DESC LIMIT ?", most, limit)
    return _many(db, "kind = ? AND seq < ? ORDER BY seq DESC LIMIT ?", kind, most, limit)


def newest_about(
    db: sqlite3.Connection, id_: str, *, kind: str = "", before: int = 0, limit: int
) -> list[Place]:
    """Newest first, all that names an interaction, a case, a party or a person."""
    most, column = before or _SEQ_MAX, _COLUMN_OF.get(id_.partition("_")[0])
    table, where = "entry", f"{column} = ? AND {column} <> ''"
    if column is None:  # the left table is the outer loop: rows come in the order of its key
        table, where = "about CROSS JOIN entry USING (seq)", "about.id = ?"
    # `+`: the index of kinds would lead through all of that kind, whomever they are about
    of_kind, kinds = (" AND +kind = ?", (kind,)) if kind else ("", ())
    rows = db.execute(
        f"SELECT {_FOUND} FROM {table} WHERE {where} AND seq < ?{of_kind}"  # noqa: S608
        " ORDER BY seq DESC LIMIT ?",
        (id_, most, *kinds, limit),
    )
    return [Place(*row) for row in rows.fetchall()]


def decisions(
    db: sqlite3.Connection, *, agent: str = "", verdict: str = "", before: int = 0, limit: int
) -> list[Place]:
    """Newest first, of one agent or of all, with one verdict or any."""
    most, tail = before or _SEQ_MAX, "verdict <> '' AND seq < ? ORDER BY seq DESC LIMIT ?"
    if not agent and not verdict:
        return newest(db, kind="decided", before=before, limit=limit)
    if not agent:
        return _many(db, f"verdict = ? AND {tail}", verdict, most, limit)
    found = []
    for each in (verdict,) if verdict else VERDICTS:
        found += _many(db, f"agent = ? AND verdict = ? AND {tail}", agent, each, most, limit)
    return sorted(found, key=lambda place: -place.seq)[:limit]


def _one(db: sqlite3.Connection, where: str, *values: str | int) -> Place | None:
    row = db.execute(f"{_SELECT} WHERE {where}", values).fetchone()
    return None if row is None else Place(*row)


def _many(db: sqlite3.Connection, where: str, *values: str | int) -> list[Place]:
    return [Place(*row) for row in db.execute(f"{_SELECT} WHERE {where}", values).fetchall()]


def about(db: sqlite3.Connection, id_: str, first: int, end: int) -> list[tuple[int, int]]:
    """Index and position of each entry in [first, end) that names a party or a person."""
    return _named(db, "seq >= ? AND seq < ? ORDER BY seq", (id_, first, end))


def before(db: sqlite3.Connection, id_: str, seq: int, limit: int) -> list[tuple[int, int]]:
    """The last entries before `seq` that name them, newest first."""
    return _named(db, "seq < ? ORDER BY seq DESC LIMIT ?", (id_, seq, limit))


def after(db: sqlite3.Connection, id_: str, seq: int, limit: int) -> list[tuple[int, int]]:
    """The first entries after `seq` that name them."""
    return _named(db, "seq > ? ORDER BY seq LIMIT ?", (id_, seq, limit))


def _named(
    db: sqlite3.Connection, where: str, values: tuple[str | int, ...]
) -> list[tuple[int, int]]:
    sql = f"SELECT seq FROM about WHERE id = ? AND {where}"  # noqa: S608 - our own words
    sql = f"SELECT seq, position FROM ({sql}) CROSS JOIN entry USING (seq)"  # noqa: S608 - ours
    return [(int(seq), int(position)) for seq, position in db.execute(sql, values).fetchall()]
