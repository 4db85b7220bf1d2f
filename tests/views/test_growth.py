"""What the views do for an entry does not grow with the history behind it: counted, not timed."""

import sqlite3
from collections.abc import Iterator

import pytest

from answerable.ledger.domain import AgentRef, Entry, Kind, Owner, Subject, Trace
from answerable.views import places
from answerable.views.index import EntryIndex

_KINDS: tuple[Kind, ...] = ("received", "effect.done", "outcome")
_EACH = len(_KINDS)  # entries of a case


@pytest.fixture
def index() -> Iterator[EntryIndex]:
    made = EntryIndex.scratch()
    yield made
    made.close()


def history(first: int, count: int) -> list[tuple[Entry, int]]:
    """Interactions of ever new cases, and where their entries stand."""
    found = []
    for number in range(first, first + count):
        trace = Trace(interaction=f"int_{number:08d}", case=f"cas_{number:08d}")
        subject = Subject(pid=f"pty_{number % 97}", sseq=number // 97 + 1)
        for at, kind in enumerate(_KINDS):
            seq = number * _EACH + at
            is_act = kind == "effect.done"
            entry = Entry(
                v=1, id=f"ent_{seq}", seq=seq, ts=seq, kind=kind, trace=trace, subject=subject,
                owner=Owner(person="per_1", accepted_at=0) if is_act else None,
                oseq=number + 1 if is_act else None,
                agent=AgentRef(id="support", release="rel_1") if is_act else None,
            )  # fmt: skip
            found.append((entry, seq + 1))
    return found


def steps_of_one_more(db: sqlite3.Connection, number: int) -> int:
    """What SQLite does for one more entry about the newest case, which nothing remembers."""
    seq, taken = number * _EACH, [0]

    def step() -> int:
        taken[0] += 1
        return 0

    trace = Trace(interaction="int_new", case=f"cas_{number - 1:08d}")
    entry = Entry(v=1, id=f"ent_{seq}", seq=seq, ts=seq, kind="outcome", trace=trace)
    db.set_progress_handler(step, 1)
    (written,) = places.Places(db).add([(entry, seq + 1)])
    db.set_progress_handler(None, 1)
    assert written.agent == "support"
    return taken[0]


def test_an_entry_costs_the_same_work_after_a_history_ten_times_as_long(index: EntryIndex) -> None:
    db = index.db
    places.Places(db).add(history(0, 300))
    short = steps_of_one_more(db, 300)
    places.Places(db).add(history(301, 3_000))
    long = steps_of_one_more(db, 3_301)
    assert long < short * 1.2, f"{short} steps behind 300 interactions, {long} behind 3,300"
