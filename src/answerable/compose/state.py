"""State: rows that a stage may read, projected from records in the append's own transaction."""

import sqlite3
from collections.abc import Callable, Sequence

from answerable.adapters.engines.embedded.state import State
from answerable.agents import rows as agents
from answerable.agents import spending
from answerable.cases import rows as cases
from answerable.desk import rows as desk
from answerable.effects import rows as effects
from answerable.engine.port import Record
from answerable.ledger import rows as ledger
from answerable.ledger.domain import KINDS, SEAL_KIND, Entry, decode_entry
from answerable.parties import rows as parties
from answerable.people import rows as people

_ROOMS = (ledger, people, parties, agents, spending, cases, effects, desk)

TABLES = tuple(table for room in _ROOMS for table in room.TABLES)

_Project = Callable[[sqlite3.Connection, Entry], None]
_BY_KIND: dict[str, list[_Project]] = {kind: [] for kind in KINDS}
for _room in (people, parties, agents, spending, cases, desk):
    for _kind in _room.KINDS:
        _BY_KIND[_kind].append(_room.project)


def project(db: sqlite3.Connection, records: Sequence[Record]) -> None:
    """Write the state rows of appended records, in feed order; sums once, at the end."""
    entries: list[Entry] = []
    used = effects.Usage()
    seal = None
    for record in records:
        if record.kind in KINDS:
            entry = decode_entry(record.data)
            entries.append(entry)
            for room in _BY_KIND[entry.kind]:
                room(db, entry)
            if entry.kind in effects.KINDS:
                effects.project(db, entry, record.position, used)
        elif record.kind == SEAL_KIND:
            seal = record.data
    ledger.project(db, entries)
    used.write(db)
    if seal is not None:
        ledger.project_seal(db, seal)


STATE = State(schema="\n".join(room.SCHEMA for room in _ROOMS), project=project, edition=1)
"""Another digest than a home was left with, and its state is made again from the feed. Raise
`edition` when a projection writes other rows into the tables that it had."""
