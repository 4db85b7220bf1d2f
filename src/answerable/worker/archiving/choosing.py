"""Which entries may be archived: whole bundles in which everything had ended before a time.

Said by the feed alone, whatever state says: an interaction has ended with its outcome, a case is at
rest while an agent holds it. The range ends before the first entry of what had not.
"""

from dataclasses import dataclass, field

from answerable.engine.port import Cursor, Feed, Record
from answerable.ledger.archive import KINDS as ARCHIVED_KINDS
from answerable.ledger.domain import KINDS, Entry, decode_entry
from answerable.ledger.tiles import WIDTH

BUNDLES_MAX = 4_096  # a million entries an archive; the next run takes what comes after


@dataclass(frozen=True, slots=True)
class From:
    """Where the next archive begins, after the ones that there are."""

    index: int = 0
    position: Cursor = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Entries from `first` up to `end`; empty where nothing may go, and `because` says why."""

    first: int
    end: int
    after: Cursor  # its records are those at (after, until]
    until: Cursor
    bodies: int = 0
    bytes: int = 0
    because: str = ""  # why it ends where it does

    @property
    def bundles(self) -> range:
        return range(self.first // WIDTH, self.end // WIDTH)


@dataclass(slots=True)
class _Bundle:
    """How far a bundle reaches."""

    position: Cursor = 0
    bodies: int = 0
    bytes: int = 0


class OpenWork:
    """What had begun and not ended, entry by entry: where each began.

    A message's interaction and a person's reply each begin with an entry that has their name in its
    id, and end with the outcome that has it.
    """

    def __init__(self) -> None:
        self._begun: dict[str, tuple[int, str]] = {}
        self._newest: dict[str, int] = {}  # of each case, where its newest message stands
        self._with_people: dict[str, int] = {}

    def take(self, entry: Entry) -> None:
        name = entry.id.partition("_")[2]
        if entry.kind in ("received", "decided"):
            self._begun.setdefault(name.rpartition("-")[0], (entry.seq, entry.interaction))
        if entry.kind == "received":
            self._newest[entry.case] = entry.seq
        if entry.kind == "outcome":
            self._begun.pop(name.partition(".")[0], None)
        holder = entry.changed("holder")
        if entry.kind in ("lease", "escalated", "handback") and holder:
            self._held(entry, holder)

    def _held(self, entry: Entry, holder: str) -> None:
        if holder.startswith("agent:"):
            self._with_people.pop(entry.case, None)
        else:
            since = self._newest.get(entry.case, entry.seq)
            self._with_people.setdefault(entry.case, since)

    def first(self) -> tuple[int, str] | None:
        """The index at which the oldest of it began, and which it is."""
        open_ = [(at, f"{who} has not ended") for at, who in self._begun.values()]
        held = [(at, f"{case} is with people") for case, at in self._with_people.items()]
        return min([*open_, *held], default=None)


@dataclass(slots=True)
class _Look:
    first: int
    size: int
    work: OpenWork = field(default_factory=OpenWork)
    bundles: list[_Bundle] = field(default_factory=list)
    now: _Bundle = field(default_factory=_Bundle)
    stopped: tuple[int, str] | None = None  # an index that may not go, and why

    def take(self, record: Record, before_us: int, undone: frozenset[str]) -> bool:
        """Whether to look on."""
        if record.arrival in undone:
            self.stopped = self.stopped or (self.size, f"arrival {record.arrival} is not finished")
        if record.kind in KINDS:
            entry = decode_entry(record.data)
            if entry.ts >= before_us:
                return False
            self.work.take(entry)
            self.size += 1
        if record.kind in ARCHIVED_KINDS and record.body is not None:
            self.now.bodies += 1
            self.now.bytes += len(record.body)
        if record.kind in KINDS and self.size % WIDTH == 0:
            self.now.position = record.position
            self.bundles.append(self.now)
            self.now = _Bundle()
        return True


async def choose(
    feed: Feed, start: From, *, before_us: int, undone: frozenset[str], size: int
) -> Range:
    """The range that may be archived now, of a log of `size` published entries.

    `undone` are arrivals that wait: what was recorded for them is read back when they are taken up.
    """
    look = _Look(start.index, start.index)
    async for record in feed.read(start.position):
        if not look.take(record, before_us, undone):
            break
    limits = [(look.size, "everything after it is younger"), (size, "the rest is not published")]
    limits += [one for one in (look.work.first(), look.stopped) if one is not None]
    end, because = min(limits)
    whole = end // WIDTH - start.index // WIDTH
    if whole > BUNDLES_MAX:
        whole, because = BUNDLES_MAX, "one archive holds no more: run it again"
    taken = look.bundles[: max(whole, 0)]
    return Range(
        first=start.index, end=start.index + len(taken) * WIDTH, after=start.position,
        until=taken[-1].position if taken else start.position,
        bodies=sum(each.bodies for each in taken), bytes=sum(each.bytes for each in taken),
        because=because,
    )  # fmt: skip
