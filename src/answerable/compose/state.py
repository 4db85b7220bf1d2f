"""State: rows that a stage may read, projected from records in the append's own transaction."""

import sqlite3
from collections.abc import Callable, Sequence

from answerable.adapters.engines.embedded.state import State
from answerable.agents import rows as agents
from answerable.agents import spending
from answerable.cases import rows as cases
from answerable.desk import rows as desk
from answerable.effects import changes
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
for _room in (people, agents, spending, desk):
    for _kind in _room.KINDS:
        _BY_KIND[_kind].append(_room.project)


def project(db: sqlite3.Connection, records: Sequence[Record]) -> None:
    """Write the state rows of appended records, in feed order; many rows to a statement."""
    entries: list[Entry] = []
    seal = None
    of_parties, of_cases, of_effects = parties.Changes(db), cases.Changes(db), changes.Changes(db)
    for record in records:
        if record.kind in KINDS:
            entry = decode_entry(record.data)
            entries.append(entry)
            for room in _BY_KIND[entry.kind]:
                room(db, entry)
            if entry.kind in parties.KINDS:
                of_parties.take(entry)
            if entry.kind in cases.KINDS:
                of_cases.take(entry)
            if entry.kind in changes.KINDS:
                of_effects.take(entry, record.position)
        elif record.kind == SEAL_KIND:
            seal = record.data
    of_parties.write()
    of_cases.write()
    of_effects.write()
    ledger.project(db, entries)
    if seal is not None:
        ledger.project_seal(db, seal)


STATE = State(schema="\n".join(room.SCHEMA for room in _ROOMS), project=project, edition=1)
"""Another digest than a home was left with, and its state is made again from the feed. Raise
`edition` when a projection writes other rows into the tables that it had."""
