"""Which key may have signed a checkpoint of which size: a log's key can be handed over.

A handing-over is an entry (`key.rotated`, `change` names the old and the new key) which is the last
of its batch, and whose seal *both* keys sign. So who knows the first key can follow to the last
one, and who knows the last one is told by it, through the tree, who signed before. Anybody can
write such an entry: without that seal it hands over nothing. A key that was handed over signs
nothing larger any more: what its thief signs is not believed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from answerable.ledger.domain import Entry
from answerable.ledger.note import VerifierKey, note_text, parse_checkpoint

ROTATION = "rot"  # prefix of the ids of such entries: a few, found without reading all others
SIGNER = "signer"  # `change.key` of an entry that hands the log's key over


@dataclass(frozen=True, slots=True)
class HandingOver:
    """`new` signs what is larger than `size`; `old` signed up to it, it included."""

    size: int
    old: VerifierKey
    new: VerifierKey


def handing_over(entry: Entry) -> HandingOver | None:
    """What the entry hands over, if it does. Raises NoteError where its keys are none."""
    change = entry.change or {}
    if entry.kind != "key.rotated" or change.get("key") != SIGNER:
        return None
    old, new = (VerifierKey.parse(str(change.get(name, ""))) for name in ("old", "new"))
    return HandingOver(entry.seq + 1, old, new)


class KeyChain:
    """The keys of a log by the sizes that they sign; `known` are those that its reader trusts.

    If none of the known ones is in the chain of handings-over, the chain says nothing to this
    reader, and only the known ones count.
    """

    def __init__(self, known: Iterable[VerifierKey], handings: Sequence[HandingOver] = ()) -> None:
        self._known = list(known)
        ordered = sorted(handings, key=lambda each: each.size)
        links = {key.encode() for each in ordered for key in (each.old, each.new)}
        is_whole = all(a.new == b.old for a, b in pairwise(ordered))
        is_ours = any(key.encode() in links for key in self._known)
        self._handings = ordered if is_whole and is_ours else []

    @property
    def is_followed(self) -> bool:
        """Whether there is a chain, and a known key is in it."""
        return bool(self._handings)

    def at(self, size: int) -> list[VerifierKey]:
        """Who may sign a checkpoint of that size."""
        if not self._handings:
            return self._known
        for each in self._handings:
            if size <= each.size:
                return [each.old]
        return [self._handings[-1].new]

    def each_at(self, size: int) -> Iterator[list[VerifierKey]]:
        """Of each of these one must have signed the seal of that size: both at a handing-over."""
        yield self.at(size)
        for each in self._handings:
            if size == each.size:
                yield [each.new]

    def handed_over_within(self, first: int, size: int) -> int | None:
        """The size of a handing-over after `first` and before `size`, if there is one."""
        return next((each.size for each in self._handings if first < each.size < size), None)

    def of(self, note: str) -> list[VerifierKey]:
        """Who may have signed this checkpoint. Raises NoteError where it is none."""
        return self.at(parse_checkpoint(note_text(note)).size)


def chain_of(keys: "Iterable[VerifierKey] | KeyChain") -> KeyChain:
    """A chain as it is; a few keys as one without handings-over."""
    return keys if isinstance(keys, KeyChain) else KeyChain(keys)
