"""Answers that are complete, out of the files of a home: beside the worker, or without one.

`LedgerClose` comes first: it writes the close, publishes tiles and brings the index up to it.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from answerable.adapters.engines.embedded.journal import FeedFile
from answerable.base.errors import NotFound
from answerable.ledger import closes
from answerable.ledger.answer import Answer, Question, answer_of, glimpse
from answerable.ledger.counted import Counted
from answerable.ledger.domain import decode_entry
from answerable.ledger.many import many_proof
from answerable.ledger.note import note_text, parse_checkpoint
from answerable.ledger.tiles import TileReader, read_checkpoint
from answerable.store.sqlite import open_reader
from answerable.views import places
from answerable.views.index import VIEWS
from answerable.worker.publisher import TILES

_AT_ONCE = 2_000
_TRIES = 10
_NEIGHBOURS_AT_ONCE = 16


class NotClosed(NotFound):
    """There is no close yet, or it came just now, and what follows it has not seen it."""

    code = "not_closed"

    def __init__(self) -> None:
        super().__init__(
            "The last close of this ledger is not published yet: nothing shows that an answer is "
            "complete.",
            "Nothing was answered.",
            "answerable ledger about ID",
        )


def answer_as_of_now(home: Path, asked: Callable[[], Question]) -> Answer:
    """`asked` closes the ledger, and again where another close came in between."""
    for _ in range(_TRIES):
        question = asked()
        with suppress(NotClosed):
            return answer_from(home, question)
    raise NotClosed


@dataclass(frozen=True, slots=True)
class _Close:
    seq: int
    counted: Counted


def answer_from(home: Path, question: Question) -> Answer:
    """The answer as of the last close. Raises NotClosed, TileMissing, Broken."""
    feed = FeedFile(home)
    with closing(feed), closing(open_reader(home / VIEWS)) as views:
        close = _last_close(feed.state, question)
        found = _Finder(feed, views, question, close).entries()
        found[close.seq] = _data(feed, views, close.seq)
    checkpoint = read_checkpoint(home / TILES)
    size = parse_checkpoint(note_text(checkpoint)).size
    if size <= close.seq:
        raise NotClosed
    indexes = sorted(found)
    hashes = many_proof(indexes, size, TileReader(home / TILES, size).node)
    return answer_of(
        question, close.seq, close.counted, [found[index] for index in indexes],
        checkpoint=checkpoint, hashes=hashes,
    )  # fmt: skip


def _last_close(state: sqlite3.Connection, question: Question) -> _Close:
    """Of one instant: a close that comes meanwhile changes the rows."""
    state.execute("BEGIN")
    try:
        seq = closes.standing(state).seq
        if seq < 0:
            raise NotClosed
        counted = closes.counted(state, question.name)
    finally:
        state.execute("ROLLBACK")
    return _Close(seq, counted)


def _data(feed: FeedFile, views: sqlite3.Connection, seq: int) -> bytes:
    place = places.at(views, seq)
    if place is None:
        raise NotClosed
    return feed.data_at([place.position])[0]


class _Finder:
    """Finds what an answer has: who is asked about, from a neighbour before to one after."""

    def __init__(
        self, feed: FeedFile, views: sqlite3.Connection, question: Question, close: _Close
    ) -> None:
        self._feed, self._views = feed, views
        self._question, self._end = question, close.seq
        said = decode_entry(_data(feed, views, close.seq)).change or {}
        self._skew = int(said["skew"])

    def entries(self) -> dict[int, bytes]:
        """By index."""
        question, skew = self._question, self._skew
        first = self._boundary(0, lambda ts: ts + skew < question.since)
        end = self._boundary(first, lambda ts: ts - skew < question.until)
        who = question.party or question.owner
        found: dict[int, bytes] = {}
        for some in _pages(places.about(self._views, who, first, end)):
            found |= self._theirs(some)
        found |= self._neighbours(
            lambda at: places.before(self._views, who, at, _NEIGHBOURS_AT_ONCE), first,
            lambda ts: ts + skew < question.since,
        )  # fmt: skip
        return found | self._neighbours(
            lambda at: places.after(self._views, who, at, _NEIGHBOURS_AT_ONCE), end - 1,
            lambda ts: ts - skew >= question.until,
        )  # fmt: skip

    def _boundary(self, first: int, is_before: Callable[[int], bool]) -> int:
        """The index from which on entries are not before; times are in order, or nearly so."""
        low, high = first, self._end
        while low < high:
            middle = (low + high) // 2
            place = places.at(self._views, middle)
            if place is not None and is_before(place.at):
                low = middle + 1
            else:
                high = middle
        return low

    def _neighbours(
        self,
        more: Callable[[int], list[tuple[int, int]]],
        at: int,
        is_beyond: Callable[[int], bool],
    ) -> dict[int, bytes]:
        """From `at` on outwards, up to the first of theirs that is beyond the times asked for."""
        found: dict[int, bytes] = {}
        while some := [one for one in more(at) if one[0] < self._end]:
            for one in some:
                theirs = self._theirs([one])
                found |= theirs
                if any(is_beyond(glimpse(data).ts) for data in theirs.values()):
                    return found
            at = some[-1][0]
        return found

    def _theirs(self, some: list[tuple[int, int]]) -> dict[int, bytes]:
        """Of entries that name them (index, position) those that count for them."""
        found = {}
        for data in self._feed.data_at([position for _, position in some]):
            seen = glimpse(data)
            if self._question.number(seen):
                found[seen.seq] = data
        return found


def _pages(rows: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    for at in range(0, len(rows), _AT_ONCE):
        yield rows[at : at + _AT_ONCE]


def encode_answer(answer: Answer) -> bytes:
    """As it is written to a file: one line."""
    return msgspec.json.encode(answer) + b"\n"
