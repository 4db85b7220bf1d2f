"""Rows of effects, interactions and usage: what the hallway reads to go on."""

import sqlite3
from dataclasses import dataclass
from typing import Any

from answerable.base.clock import day_of
from answerable.cases.domain import Lease
from answerable.effects.domain import LATE, EffectState, Interaction, Status, counted_as
from answerable.ledger.domain import Entry, Owner
from answerable.policy.limits import Key, Used
from answerable.store.sqlite import insert_many

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
KINDS = (
    "received", "outcome", "escalated", "decided", "approval",
    "effect.started", "effect.done", "effect.failed", "effect.unknown",
)  # fmt: skip

_COLUMNS = (
    'id, decision, position, interaction, "case", party, agent, release, kind, name, repeat,'
    " status, attempt, after, holder, epoch, expires_at, day, amount_minor, currency,"
    " owner, accepted_at, via, started_at"
)
_INSERT_EFFECT = f"INSERT INTO effect ({_COLUMNS}) VALUES ({', '.join('?' * 24)})"  # noqa: S608
_UNENDED = "status NOT IN ('done', 'failed', 'refused', 'denied')"  # as the index says it
_SELECT = f"SELECT {_COLUMNS} FROM effect"  # noqa: S608 - a constant
_SELECT_INTERACTION = (
    'SELECT id, inbox, rail, party, "case", position, disposition, is_escalated FROM interaction'
)
_USAGE = "usage (agent, tool, party, currency, day, effects, amount_minor)"
_ADD_USAGE = (
    "ON CONFLICT (agent, tool, party, currency, day) DO UPDATE"
    " SET effects = effects + excluded.effects, amount_minor = amount_minor + excluded.amount_minor"
)


class Usage:
    """What a run of entries adds to what is used of tools and rails on a day."""

    def __init__(self) -> None:
        self._added: dict[tuple[str, str, str, str, str], tuple[int, int]] = {}

    def count(
        self, whose: tuple[str, str, str], when: tuple[str, str], change: tuple[int, int]
    ) -> None:
        """Count an effect for its party and for all; take it back when it ended as not done.

        The row without a currency counts effects of any, the row of a currency sums its amounts.
        """
        agent, tool, party = whose
        currency, day = when
        effects, amount_minor = change
        for counted in (party, ""):
            self._add((agent, tool, counted, "", day), effects, 0)
            if currency:
                self._add((agent, tool, counted, currency, day), effects, amount_minor)

    def _add(self, row: tuple[str, str, str, str, str], effects: int, amount_minor: int) -> None:
        before = self._added.get(row, (0, 0))
        self._added[row] = (before[0] + effects, before[1] + amount_minor)

    def write(self, db: sqlite3.Connection) -> None:
        rows = [(*row, *added) for row, added in self._added.items()]
        insert_many(db, _USAGE, rows, _ADD_USAGE)


def project(db: sqlite3.Connection, entry: Entry, position: int, usage: Usage) -> None:
    match entry.kind:
        case "received":
            _received(db, entry, position)
        case "outcome":
            _concluded(db, entry)
        case "escalated" if entry.trace is not None:
            escalate = "UPDATE interaction SET is_escalated = 1 WHERE id = ?"
            db.execute(escalate, (entry.trace.interaction,))
        case "decided":
            _decided(db, entry, position, usage)
        case _:
            _moved(db, entry, usage)


def _received(db: sqlite3.Connection, entry: Entry, position: int) -> None:
    change, trace, subject = entry.change or {}, entry.trace, entry.subject
    if trace is None or subject is None:
        return
    db.execute(
        'INSERT INTO interaction (id, inbox, rail, party, "case", position)'
        " VALUES (?, ?, ?, ?, ?, ?)",
        (trace.interaction, change["inbox"], change["rail"], subject.pid, trace.case, position),
    )


OPEN = "open"
_POSITION_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class InteractionEnd:
    """How an interaction ended, as an outcome says; one that is not its own leaves open ones be."""

    interaction: str
    disposition: str
    is_own: bool


def end_of_interaction(entry: Entry) -> InteractionEnd | None:
    """An interaction's own outcome ends it. A person's reply has one as well: it says who answered
    what had ended without, and leaves alone what is open."""
    if entry.kind != "outcome" or entry.outcome is None or entry.trace is None:
        return None
    status, interaction = entry.outcome.status, entry.trace.interaction or ""
    is_own = entry.id.partition("_")[2].partition(".")[0] == interaction.partition("_")[2]
    if not is_own and status != "answered_by_person":
        return None
    return InteractionEnd(interaction, status, is_own)


def _concluded(db: sqlite3.Connection, entry: Entry) -> None:
    end = end_of_interaction(entry)
    if end is not None:
        also_open = "" if end.is_own else f" AND disposition != '{OPEN}'"
        db.execute(
            f"UPDATE interaction SET disposition = ? WHERE id = ?{also_open}",  # noqa: S608
            (end.disposition, end.interaction),
        )


_STATUS_OF_VERDICT = {"allow": Status.READY, "hold": Status.HELD, "deny": Status.DENIED}


def _decided(db: sqlite3.Connection, entry: Entry, position: int, usage: Usage) -> None:
    effect, action, trace = entry.effect, entry.action, entry.trace
    if effect is None or action is None or trace is None or entry.subject is None:
        return
    if entry.owner is None:
        return
    change = entry.change or {}
    status = _STATUS_OF_VERDICT[entry.policy[-1].verdict]
    if status is Status.READY and effect.after is not None:
        status = Status.BLOCKED
    day = str(change.get("day") or day_of(entry.ts))
    agent, release = (entry.agent.id, entry.agent.release) if entry.agent else ("", "")
    amount, currency = action.amount_minor or 0, action.currency or ""
    db.execute(
        _INSERT_EFFECT,
        (
            effect.id, entry.id, position, trace.interaction, trace.case, entry.subject.pid,
            agent, release, action.kind, action.name, effect.repeat,
            status, 1, effect.after, change["holder"], change["epoch"],
            change.get("expires_at", 0), day, amount, currency,
            entry.owner.person, entry.owner.accepted_at, entry.owner.via, entry.ts,
        ),
    )  # fmt: skip
    if status is not Status.DENIED:
        what = counted_as(action.kind, action.name)
        usage.count((agent, what, entry.subject.pid), (currency, day), (1, amount))


_STATUS_OF_KIND = {
    "effect.started": Status.READY,
    "effect.done": Status.DONE,
}


def _moved(db: sqlite3.Connection, entry: Entry, usage: Usage) -> None:
    if entry.effect is None:
        return
    said = entry.outcome.status if entry.outcome else ""
    if said == LATE:
        return
    status = Status(_STATUS_OF_KIND.get(entry.kind) or said)
    owner = entry.owner
    if entry.kind == "effect.started" and owner is not None:
        db.execute(
            "UPDATE effect SET owner = ?, accepted_at = ?, via = ?, started_at = ? WHERE id = ?",
            (owner.person, owner.accepted_at, owner.via, entry.ts, entry.effect.id),
        )
    db.execute(
        "UPDATE effect SET status = ?, attempt = ? WHERE id = ?",
        (status, entry.effect.attempt, entry.effect.id),
    )
    if status in (Status.FAILED, Status.REFUSED):
        state = find(db, entry.effect.id)
        if state is not None:
            whose = (state.agent, counted_as(state.kind, state.name), state.party)
            usage.count(whose, (state.currency, state.day), (-1, -state.amount_minor))


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
    rows = db.execute(
        'SELECT "case", max(id) FROM interaction WHERE disposition = \'open\' GROUP BY "case"'
    )
    return [(row[0], row[1]) for row in rows.fetchall()]
