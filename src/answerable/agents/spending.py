"""Rows of what each agent's model has used on each day, summed from entries."""

import sqlite3

from answerable.base.clock import day_of
from answerable.ledger.domain import Entry
from answerable.policy.budget import Spent

SCHEMA = """
CREATE TABLE model_use (agent TEXT NOT NULL, day TEXT NOT NULL, calls INTEGER NOT NULL,
                        attempts INTEGER NOT NULL, tokens INTEGER NOT NULL,
                        cost_micros INTEGER NOT NULL, unpriced INTEGER NOT NULL,
                        PRIMARY KEY (agent, day)) WITHOUT ROWID;
"""
TABLES = ("model_use",)
KINDS = ("decided", "escalated", "outcome")

_ADD = (
    "INSERT INTO model_use (agent, day, calls, attempts, tokens, cost_micros, unpriced)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (agent, day) DO UPDATE"
    " SET calls = calls + excluded.calls, attempts = attempts + excluded.attempts,"
    " tokens = tokens + excluded.tokens, cost_micros = cost_micros + excluded.cost_micros,"
    " unpriced = unpriced + excluded.unpriced"
)


def project(db: sqlite3.Connection, entry: Entry) -> None:
    use = entry.model
    if use is None or entry.agent is None:
        return
    tokens = use.input_tokens + use.output_tokens
    counted = (use.calls, use.attempts, tokens, use.cost_micros, use.unpriced)
    db.execute(_ADD, (entry.agent.id, day_of(entry.ts), *counted))


def spent(db: sqlite3.Connection, agent: str, day: str) -> Spent:
    """What the entries of a day `2026-03-02` say that the agent's model has used."""
    row = db.execute(
        "SELECT tokens, cost_micros FROM model_use WHERE agent = ? AND day = ?", (agent, day)
    ).fetchone()
    return Spent(*row) if row else Spent()
