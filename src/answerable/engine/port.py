"""The engine: bytes and keys, nine verbs. All above it is the same on a laptop and a fleet."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from answerable.base.errors import AnswerableError

Cursor = int
"""Position of a record in the feed; 0 is before the first."""


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """Something that came in: a message, a person's answer, a timer."""

    id: str  # the deduplication key: the same id is accepted once, for ever
    inbox: str  # arrivals of one inbox are handed out one after the other, in accept order
    kind: str
    data: bytes  # kept until it is finished, then dropped: what must stay goes into records
    not_before_us: int = 0  # a durable timer: not handed out before the clock says so


@dataclass(frozen=True, slots=True)
class Accepted:
    id: str
    is_new: bool  # False: this id was accepted before, finished or not; nothing was stored


@dataclass(frozen=True, slots=True)
class Fence:
    """A worker's proof that it still holds a partition."""

    partition: int
    epoch: int


class Record(msgspec.Struct, frozen=True, gc=False):
    """What `append` takes: the truth. The first record of a key wins, for ever."""

    key: str
    kind: str
    data: bytes
    body: bytes | None = None  # ciphertext that `data` commits to; opaque here
    arrival: str | None = None  # the arrival whose memo this record belongs to
    position: Cursor = 0  # given by the engine; 0 until appended


@dataclass(frozen=True, slots=True)
class Kept:
    """An arrival that was accepted, as far as it is kept, and what was recorded for it."""

    arrival: Arrival  # its data is empty once it is finished
    memo: tuple[Record, ...]
    is_done: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """Arrivals of one inbox to work on, and what earlier holders recorded for them."""

    fence: Fence
    arrivals: tuple[Arrival, ...]
    memo: tuple[Record, ...] = ()


class Feed(Protocol):
    """What follows the records needs of an engine, or of the file that one has left."""

    def read(self, after: Cursor, kinds: Collection[str] | None = None) -> AsyncIterator[Record]:
        """The feed in order, without gaps, from `after` up to now; ends there."""
        ...


class Engine(Feed, Protocol):
    """Durable arrivals in, durable records out.

    Raises Busy (accept: too much waits), Broken (disk, file), Fenced, Conflict (append).
    """

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Accepted]:
        """Durable on return; idempotent by id, also after the arrival is finished."""
        ...

    def claim(self, worker: str, n: int) -> AsyncIterator[Claim]:
        """Take the partition (a new epoch) and yield work, at most `n` claims unfinished at once.

        A claim ends when an append names its arrivals in `done`. Unfinished arrivals of earlier
        holders come first, with their memo. Closing the iterator gives the partition up.
        """
        ...

    async def append(
        self, fence: Fence, records: Sequence[Record], done: Sequence[str] = ()
    ) -> list[Cursor]:
        """Atomic and durable on return: all records and all `done`, or nothing.

        Of what is done the ids are kept, for `accept` to know them again, and nothing else.
        Returns the records' positions. Raises Fenced if a newer epoch exists, Conflict(first) if
        a record key exists.
        """
        ...

    async def renew(self, fence: Fence) -> None:
        """Keep holding the partition; raises Fenced if it was lost."""
        ...

    async def find(self, arrival_id: str) -> Kept | None:
        """What became of an arrival, finished or not; None if it was never accepted."""
        ...

    async def drop(self, fence: Fence, after: Cursor, upto: Cursor, kinds: Collection[str]) -> int:
        """Forget the bodies of these kinds' records at (after, upto]; the records stay.

        Durable on return, all or nothing; says how many there were. Raises Fenced.
        """
        ...

    def waiting(self, kind: str) -> AsyncIterator[Arrival]:
        """Arrivals of a kind that are accepted and not finished, in accept order, up to now."""
        ...

    async def waiting_in(self, inboxes: Collection[str]) -> list[Arrival]:
        """All of these inboxes that are accepted and not finished, timers too, up to now."""
        ...


class Fenced(AnswerableError):
    """A newer holder has the partition: this worker may no longer write."""

    code = "fenced"
    http_status = 409

    def __init__(self, fence: Fence, held_by_epoch: int) -> None:
        self.fence = fence
        super().__init__(
            f"Partition {fence.partition} is held by epoch {held_by_epoch}, not {fence.epoch}.",
            "Nothing was written.",
        )


class Conflict(AnswerableError):
    """A record with this key exists: the first write wins."""

    code = "conflict"
    http_status = 409

    def __init__(self, first: Record) -> None:
        self.first = first
        super().__init__(
            f"Record '{first.key}' exists at {first.position}.", "Nothing was written."
        )
