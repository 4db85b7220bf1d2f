"""What happened, counted by the hour and by agent: today's figures without reading history."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence

from answerable.base.clock import HOUR_US
from answerable.ledger.domain import Entry
from answerable.store.sqlite import insert_many

SCHEMA = """
CREATE TABLE hour (hour INTEGER NOT NULL, agent TEXT NOT NULL, what TEXT NOT NULL,
                   entries INTEGER NOT NULL, PRIMARY KEY (hour, agent, what)) WITHOUT ROWID;
"""
TABLES = ("hour",)

WHATS = (
    "interactions", "answered", "replies", "effects", "denied", "held", "escalated", "failed",
)  # fmt: skip
"""Messages taken · interactions that ended in an answer · replies sent · effect tools that did
something · decisions that policy or a limit refused · that wait for a person · cases that went to
people · effects that were tried and surely not done."""


def add(
    db: sqlite3.Connection,
    entries: Sequence[tuple[Entry, str]],
    action_of: Callable[[str], str],
) -> None:
    """Count entries, each with its agent; `action_of` a decision is `tool` or `reply`."""
    found: Counter[tuple[int, str, str]] = Counter()
    for entry, agent in entries:
        what = _what(entry, action_of)
        if what:
            found[entry.ts // HOUR_US, agent, what] += 1
    rows = [(*key, entries) for key, entries in sorted(found.items())]
    over = "ON CONFLICT (hour, agent, what) DO UPDATE SET entries = entries + excluded.entries"
    insert_many(db, "hour (hour, agent, what, entries)", rows, over)


def since(db: sqlite3.Connection, at_us: int, agent: str | None = None) -> dict[str, int]:
    """How often each happened since the hour of `at_us`, for one agent or for all."""
    rows = db.execute(
        "SELECT what, sum(entries) FROM hour WHERE hour >= ?1 AND (?2 IS NULL OR agent = ?2)"
        " GROUP BY what",
        (at_us // HOUR_US, agent),
    ).fetchall()
    return dict.fromkeys(WHATS, 0) | {str(what): int(entries) for what, entries in rows}


def by_hour(db: sqlite3.Connection, at_us: int) -> dict[tuple[int, str], int]:
    """(hour since 1970, what) and how often, since the hour of `at_us`."""
    rows = db.execute(
        "SELECT hour, what, sum(entries) FROM hour WHERE hour >= ? GROUP BY hour, what",
        (at_us // HOUR_US,),
    ).fetchall()
    return {(int(hour), str(what)): int(entries) for hour, what, entries in rows}


def _what(entry: Entry, action_of: Callable[[str], str]) -> str:
    status = entry.outcome.status if entry.outcome else ""
    match entry.kind:
        case "received":
            return "interactions"
        case "outcome":
            return "answered" if status == "answered" else ""
        case "escalated":
            return "escalated"
        case "decided":
            return {"deny": "denied", "hold": "held"}.get(entry.policy[-1].verdict, "")
        case "effect.done":
            return "replies" if action_of(entry.parent or "") == "reply" else "effects"
        case "effect.failed":
            return "failed" if status == "failed" else ""
        case _:
            return ""
