"""Rows of effects, interactions and usage: what the hallway reads to go on.

`changes.py` writes them.
"""

import sqlite3
from typing import Any

from answerable.cases.domain import Lease
from answerable.effects.domain import EffectState, Interaction, Status
from answerable.ledger.domain import Owner
from answerable.policy.limits import Key, Used

SCHEMA = """
CREATE TABLE interaction (id TEXT PRIMARY KEY, inbox TEXT NOT NULL, rail TEXT NOT NULL,
                          party TEXT NOT NULL, "case" TEXT NOT NULL, position INTEGER NOT NULL,
                          disposition TEXT NOT NULL DEFAULT 'open',
                          is_escalated INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX interaction_of_case ON interaction ("case", position);
CREATE INDEX interaction_open ON interaction (id) WHERE disposition = 'open';
CREATE TABLE effect (id TEXT PRIMARY KEY, decision TEXT NOT NULL, position INTEGER NOT NULL,
                     interaction TEXT NOT NULL, "case" TEXT NOT NULL, party TEXT NOT NULL,
                     agent TEXT NOT NULL, release TEXT NOT NULL, kind TEXT NOT NULL,
                     name TEXT NOT NULL, repeat TEXT NOT NULL, status TEXT NOT NULL,
                     attempt INTEGER NOT NULL, after TEXT, holder TEXT NOT NULL,
                     epoch INTEGER NOT NULL, expires_at INTEGER NOT NULL, day TEXT NOT NULL,
                     amount_minor INTEGER NOT NULL, currency TEXT NOT NULL,
                     owner TEXT NOT NULL, accepted_at INTEGER NOT NULL, via TEXT,
                     started_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX effect_of_interaction ON effect (interaction);
CREATE INDEX effect_unended ON effect (status, id)
  WHERE status NOT IN ('done', 'failed', 'refused', 'denied');
CREATE TABLE usage (agent TEXT NOT NULL, tool TEXT NOT NULL, party TEXT NOT NULL,
                    currency TEXT NOT NULL, day TEXT NOT NULL, effects INTEGER NOT NULL,
                    amount_minor INTEGER NOT NULL,
                    PRIMARY KEY (agent, tool, party, currency, day)) WITHOUT ROWID;
"""
TABLES = ("interaction", "effect", "usage")

COLUMNS = (
    'id, decision, position, interaction, "case", party, agent, release, kind, name, repeat,'
    " status, attempt, after, holder, epoch, expires_at, day, amount_minor, currency,"
    " owner, accepted_at, via, started_at"
)
_UNENDED = "status NOT IN ('done', 'failed', 'refused', 'denied')"  # as the index says it
_SELECT = f"SELECT {COLUMNS} FROM effect"  # noqa: S608 - a constant
_SELECT_INTERACTION = (
    'SELECT id, inbox, rail, party, "case", position, disposition, is_escalated FROM interaction'
)
_POSITION_MAX = 2**63 - 1


def used(db: sqlite3.Connection, key: Key, day: str) -> Used:
    """What `key` has used on `day`, held and unfinished effects included."""
    row = db.execute(
        "SELECT effects, amount_minor FROM usage WHERE agent = ? AND tool = ? AND party = ?"
        " AND currency = ? AND day = ?",
        (key.agent, key.tool, key.party or "", key.currency or "", day),
    ).fetchone()
    return Used(*row) if row else Used()


def find(db: sqlite3.Connection, effect_id: str) -> EffectState | None:
    row = db.execute(f"{_SELECT} WHERE id = ?", (effect_id,)).fetchone()
    return None if row is None else _state(row)


def list_of_interaction(db: sqlite3.Connection, interaction: str) -> list[EffectState]:
    """In the order in which they were proposed."""
    rows = db.execute(f"{_SELECT} WHERE interaction = ? ORDER BY position, id", (interaction,))
    return [_state(row) for row in rows]


def list_in_status(
    db: sqlite3.Connection, status: Status, limit: int = 1_000, agent: str = ""
) -> list[EffectState]:
    """Longest waiting first, of one agent or of all."""
    rows = db.execute(
        f"{_SELECT} WHERE status = ?1 AND {_UNENDED} AND (?3 = '' OR agent = ?3)"
        " ORDER BY id LIMIT ?2",
        (status, limit, agent),
    )
    return [_state(row) for row in rows.fetchall()]


def list_unended_of_party(db: sqlite3.Connection, party: str) -> list[EffectState]:
    """Looks through what has not ended, whoever's it is, and through no history."""
    sql = _SELECT.replace(" FROM effect", " FROM effect INDEXED BY effect_unended")
    rows = db.execute(f"{sql} WHERE {_UNENDED} AND party = ? ORDER BY id", (party,))
    return [_state(row) for row in rows.fetchall()]


def list_open_of_party(db: sqlite3.Connection, party: str) -> list[Interaction]:
    """The same, of interactions."""
    sql = f"{_SELECT_INTERACTION} INDEXED BY interaction_open"
    rows = db.execute(f"{sql} WHERE disposition = 'open' AND party = ? ORDER BY id", (party,))
    return [_interaction(row) for row in rows.fetchall()]


def list_held(db: sqlite3.Connection, case: str) -> list[EffectState]:
    """All of a case that wait for a yes, by the indexes of the case: however many others do."""
    rows = db.execute(
        f'{_SELECT} WHERE interaction IN (SELECT id FROM interaction WHERE "case" = ?)'  # noqa: S608
        " AND status = ? ORDER BY id",
        (case, Status.HELD),
    )
    return [_state(row) for row in rows.fetchall()]


def _state(row: tuple[Any, ...]) -> EffectState:
    (id_, decision, position, interaction, case, party, agent, release, kind, name, repeat,
     status, attempt, after, holder, epoch, expires_at, day, amount_minor, currency,
     owner, accepted_at, via, started_at) = row  # fmt: skip
    return EffectState(
        id=id_, decision=decision, position=position, interaction=interaction, case=case,
        party=party, agent=agent, release=release, kind=kind, name=name, repeat=repeat,
        status=Status(str(status)), attempt=attempt, after=after, lease=Lease(holder, epoch),
        expires_at=expires_at, day=day, amount_minor=amount_minor, currency=currency,
        owner=Owner(person=owner, accepted_at=accepted_at, via=via), started_at=started_at,
    )  # fmt: skip


def interaction_of(db: sqlite3.Connection, interaction: str) -> Interaction | None:
    row = db.execute(f"{_SELECT_INTERACTION} WHERE id = ?", (interaction,)).fetchone()
    return None if row is None else _interaction(row)


def _interaction(row: tuple[Any, ...]) -> Interaction:
    id_, inbox, rail, party, case, position, disposition, is_escalated = row
    return Interaction(id_, inbox, rail, party, case, position, disposition, bool(is_escalated))


def count_open(db: sqlite3.Connection) -> int:
    """Interactions that have not ended, and effects of which it is not known how they ended."""
    count = "SELECT count(*) FROM"
    open_ = db.execute(f"{count} interaction WHERE disposition = 'open'").fetchone()
    unended = db.execute(f"{count} effect WHERE {_UNENDED}").fetchone()
    return int(open_[0]) + int(unended[0])


def rails_awaited(db: sqlite3.Connection) -> list[str]:
    """The rails on which something has not ended: an interaction, or a reply."""
    rows = db.execute(
        "SELECT rail FROM interaction WHERE disposition = 'open'"  # noqa: S608 - a constant
        f" UNION SELECT name FROM effect WHERE kind = 'reply' AND {_UNENDED} ORDER BY 1"
    )
    return [str(row[0]) for row in rows]


def list_of_case(
    db: sqlite3.Connection, case: str, limit: int, *, before: str = ""
) -> list[Interaction]:
    """The case's interactions, newest first in the order in which they were taken up, older than
    `before` if it is given."""
    newer = interaction_of(db, before) if before else None
    if before and newer is None:
        return []
    rows = db.execute(
        f'{_SELECT_INTERACTION} WHERE "case" = ? AND position < ? ORDER BY position DESC LIMIT ?',
        (case, newer.position if newer else _POSITION_MAX, limit),
    )
    return [_interaction(row) for row in rows.fetchall()]


def last_of_case(db: sqlite3.Connection, case: str) -> str:
    """The case's newest interaction, or empty."""
    newest = list_of_case(db, case, 1)
    return newest[0].id if newest else ""


def count_by_status(db: sqlite3.Connection, agent: str | None = None) -> dict[Status, int]:
    """How many effects that have not ended are where, of one agent or of all."""
    rows = db.execute(
        f"SELECT status, count(*) FROM effect INDEXED BY effect_unended WHERE {_UNENDED}"  # noqa: S608
        " AND (?1 IS NULL OR agent = ?1) GROUP BY status",
        (agent,),
    ).fetchall()
    return {Status(str(status)): int(count) for status, count in rows}


def count_expiring(db: sqlite3.Connection, before: int) -> int:
    """Holds that nobody has answered and that become a no before then."""
    row = db.execute(
        f"SELECT count(*) FROM effect WHERE status = ? AND {_UNENDED} AND expires_at <= ?",  # noqa: S608
        (Status.HELD, before),
    ).fetchone()
    return int(row[0])


def count_open_of(db: sqlite3.Connection, agent: str) -> int:
    """Interactions of an agent's cases that have not ended."""
    row = db.execute(
        'SELECT count(*) FROM interaction i JOIN "case" c ON c.id = i."case"'
        " WHERE i.disposition = 'open' AND c.agent = ?",
        (agent,),
    ).fetchone()
    return int(row[0])


def used_on(db: sqlite3.Connection, agent: str, what: str, day: str) -> dict[str, Used]:
    """What an agent has used of a tool or a rail on a day, by currency; without one: of any."""
    rows = db.execute(
        "SELECT currency, effects, amount_minor FROM usage"
        " WHERE agent = ? AND tool = ? AND party = '' AND day = ?",
        (agent, what, day),
    ).fetchall()
    return {str(currency): Used(effects, amount) for currency, effects, amount in rows}


def cases_with_open_work(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """Each case in which something has not ended, with the interaction that is open in it."""
    rows = db.execute(  # by itself SQLite walks the index of cases: through all of history
        'SELECT "case", max(id) FROM interaction INDEXED BY interaction_open'
        " WHERE disposition = 'open' GROUP BY \"case\""
    )
    return [(row[0], row[1]) for row in rows.fetchall()]
