"""What each verifier of ours asks: is every entry as it must be, is the past still there."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from answerable.ledger.closes import CloseChecks
from answerable.ledger.domain import (
    ENTRY_BYTES_MAX,
    OWNED_KINDS,
    Entry,
    LeafProblem,
    decode_entry,
    is_canonical,
)
from answerable.ledger.keychain import KeyChain, chain_of
from answerable.ledger.note import VerifierKey, verify_checkpoint
from answerable.ledger.powers import Powers
from answerable.ledger.tree import CompactRange


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verifier saw, and the first index at which it is not what was signed."""

    entries: int
    root: str  # hex, of the entries as they were found
    seals: int
    problem: LeafProblem | None
    archived: int = 0  # bodies that were put away: in archives, and not here
    archives: tuple[tuple[int, int], ...] = ()  # indexes (first, end) of what was put away
    unsigned: int = 0  # entries after those, whose signature is on its way


def first_of(found: Iterable[LeafProblem | None]) -> LeafProblem | None:
    """The problem of the lowest index, with all that was said about that index."""
    problems = [each for each in found if each is not None]
    if not problems:
        return None
    index = min(each.index for each in problems)
    said = dict.fromkeys(each.problem for each in problems if each.index == index)
    return LeafProblem(index, "; ".join(said))


class EntryChecks:
    """Entries in ledger order. Remembers a number per party and person, and who was given power.

    The counters are what makes "everything about this party" provable: one left out, or one put
    in between, breaks its party's or its owner's count, whoever held the signing key.
    """

    def __init__(self) -> None:
        self._index = 0
        self._counts: dict[str, int] = {}
        self._closes = CloseChecks()
        self._powers = Powers()
        self._is_gapless = True

    def take(self, data: bytes) -> Entry | str:
        """The next entry, or what is wrong with it; after a wrong one there is no next.

        What a close commits is known only to who has counted from the first entry on.
        """
        index, self._index = self._index, self._index + 1
        if len(data) > ENTRY_BYTES_MAX:
            return f"it has {len(data)} bytes, more than {ENTRY_BYTES_MAX}"
        try:
            entry = decode_entry(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return f"it is not an entry: {error}"
        if not is_canonical(data, entry):
            return "it is not in canonical form"
        if entry.seq != index:
            return f"it says that it is entry {entry.seq}"
        return (
            self._owner(entry)
            or self._subject(entry)
            or (self._closes.take(entry, self._counts) if self._is_gapless else None)
            or self._powers.take(entry)
            or entry
        )

    def skip(self, count: int) -> None:
        """Entries that are not here to be looked at: whoever comes next counts on from there."""
        self._index += count
        self._counts.clear()
        self._powers.skip(self._index)
        self._is_gapless = False

    def _owner(self, entry: Entry) -> str | None:
        if entry.owner is None:
            if entry.kind in OWNED_KINDS:
                return f"it is '{entry.kind}' and names no accountable owner"
            return None if entry.oseq is None else "it counts for an owner whom it does not name"
        return self._count("o/" + entry.owner.person, entry.oseq)

    def _subject(self, entry: Entry) -> str | None:
        if entry.subject is None:
            return None
        return self._count("s/" + entry.subject.pid, entry.subject.sseq)

    def _count(self, name: str, said: int | None) -> str | None:
        expected = self._counts.get(name, 0) + 1
        if not self._is_gapless and name not in self._counts:
            expected = max(said or 0, 1)
        if said != expected:
            return f"its counter of '{name[2:]}' is {said or 0}, not {expected}"
        self._counts[name] = expected
        self._closes.move(name)
        return None


class EarlierHeads:
    """Checkpoints that somebody saved: whatever is shown today must begin with what they signed.

    It is the one defence against who holds the key: a rolled back, cut or rewritten ledger can be
    signed afresh, but not so that an old checkpoint still fits.
    """

    def __init__(self, checkpoints: Iterable[str], vkeys: Iterable[VerifierKey] | KeyChain) -> None:
        """Read them; raises NoteError for one that no known key signed."""
        keys = chain_of(vkeys)
        self.texts = tuple(checkpoints)
        heads = [verify_checkpoint(text, keys.of(text)) for text in self.texts]
        self._heads = sorted(heads, key=lambda head: -head.size)
        self._agreed = 0
        self._until = 0
        self._problem: LeafProblem | None = None
        self.next_size = -1
        self.see(CompactRange())

    def see(self, tree: CompactRange) -> None:
        """Compare the tree, which has just reached `next_size`."""
        while self._heads and self._heads[-1].size == tree.size:
            head = self._heads.pop()
            if head.root == tree.root():
                self._agreed = head.size
            elif self._problem is None:
                self._problem = LeafProblem(
                    self._agreed,
                    f"the ledger is not the one whose first {head.size} entries were signed "
                    f"earlier; it differs at or after this index, before {head.size}",
                )
                self._until = head.size
        self.next_size = self._heads[-1].size if self._heads else -1

    def problem(self, size: int, located: LeafProblem | None) -> LeafProblem | None:
        """The verdict on a ledger of `size`: `located` explains it where it lies in that range."""
        if located is not None and (self._problem is None or located.index < self._until):
            return located
        if self._problem is None and self._heads:
            return LeafProblem(
                size,
                f"a checkpoint signed earlier speaks of {self._heads[0].size} entries: "
                "the end of the ledger was cut off, or an older state put back",
            )
        return self._problem
