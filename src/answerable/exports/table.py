"""Entries as a table: CSV (RFC 4180), one row an entry, for spreadsheets and notebooks."""

import csv
import io
from collections.abc import Iterable, Iterator

from answerable.base.clock import iso
from answerable.ledger.domain import Entry

COLUMNS = (
    "index", "at", "kind", "id", "party", "party_count", "owner", "owner_count", "via",
    "accepted_at", "agent", "release", "actor", "case", "interaction", "parent", "action_kind",
    "action", "amount_minor", "currency", "verdict", "rules", "policy_set", "effect", "attempt",
    "outcome", "reason", "model", "cost_micros",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute


def to_csv(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Lines of UTF-8, the first with the names of the columns. Words that a spreadsheet would take
    for a formula begin with an apostrophe."""
    yield line(COLUMNS)
    for entry in entries:
        yield line(_row(entry))


def line(cells: Iterable[object]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerow(map(_plain, cells))
    return written.getvalue().encode()


def _row(entry: Entry) -> list[object]:
    subject, owner, agent, action = entry.subject, entry.owner, entry.agent, entry.action
    used = entry.policy[-1] if entry.policy else None
    return [
        entry.seq, iso(entry.ts), entry.kind, entry.id,
        subject.pid if subject else None, subject.sseq if subject else None,
        owner.person if owner else None, entry.oseq, owner.via if owner else None,
        owner.accepted_at if owner else None,
        agent.id if agent else None, agent.release if agent else None,
        entry.actor, entry.case, entry.interaction, entry.parent,
        action.kind if action else None, action.name if action else None,
        action.amount_minor if action else None, action.currency if action else None,
        used.verdict if used else None, " ".join(used.reasons) if used else None,
        used.set if used else None,
        entry.effect.id if entry.effect else None, entry.effect.attempt if entry.effect else None,
        entry.outcome.status if entry.outcome else None,
        entry.outcome.reason if entry.outcome else None,
        entry.model.use if entry.model else None,
        entry.model.cost_micros if entry.model else None,
    ]  # fmt: skip


def _plain(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
