"""Is a home's ledger what was signed? Reads the whole feed once, trusts nothing but the keys.

Each seal carries the leaf hashes of its batch beside the signed root. Either alone shows that
something is wrong; together they show which entry, or that it is the seal that was touched.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from hashlib import sha256

import msgspec

from answerable.engine.port import Record
from answerable.ledger.archive import KINDS as MAY_BE_ARCHIVED
from answerable.ledger.archive import archive_in
from answerable.ledger.checks import EarlierHeads, EntryChecks, Verified, first_of
from answerable.ledger.domain import (
    ARCHIVED,
    KINDS,
    SEAL_KIND,
    UNSEALED_KIND,
    Entry,
    LeafProblem,
    Seal,
    decode_entry,
)
from answerable.ledger.keychain import KeyChain, chain_of
from answerable.ledger.note import NoteError, VerifierKey, verify_checkpoint
from answerable.ledger.tiles import WIDTH
from answerable.ledger.tree import CompactRange, leaf_hash

__all__ = ["FeedVerifier", "LeafProblem", "Verified", "verify_feed"]


async def verify_feed(
    records: AsyncIterator[Record],
    vkeys: Iterable[VerifierKey] | KeyChain,
    earlier: Iterable[str] = (),
) -> Verified:
    """Verify the records of a feed, from its first to its last; stops at the first problem.

    `earlier` are checkpoints that were saved before, a published one among them: the ledger must
    begin with what they signed. Raises NoteError where one of those is not signed by `vkeys`.
    """
    verifier = FeedVerifier(vkeys, earlier)
    async for record in records:
        if verifier.problem is None:
            verifier.take(record)
        elif verifier.misses_bodies:
            verifier.hear(record)
        else:
            break
    return verifier.finish()


class FeedVerifier:
    """Takes records one by one. Memory: the leaves of one batch, a number per party and person."""

    def __init__(
        self, vkeys: Iterable[VerifierKey] | KeyChain, earlier: Iterable[str] = ()
    ) -> None:
        self._vkeys = chain_of(vkeys)
        self._earlier = EarlierHeads(earlier, self._vkeys)
        self._checks = EntryChecks()
        self._sealed = CompactRange()  # as of the last good seal
        self._tree = CompactRange()
        self._batch: list[bytes] = []  # leaves since the last seal
        self._waits_at = 0  # the size for which a home says that its signature is on its way
        self._suspect: LeafProblem | None = None  # until its seal tells whether it is the first
        self._seals = 0
        self._gone: dict[int, int] = {}  # the first body that is not here, by number of its bundle
        self._archived = 0
        self._archives: list[tuple[int, int]] = []
        self.problem: LeafProblem | None = None

    def against(self, checkpoint: str) -> None:
        """Demand that the ledger begins with what this saved checkpoint signed. Before `take`."""
        if self._tree.size:
            raise RuntimeError("a checkpoint to compare with comes before the first record")
        self._earlier = EarlierHeads([*self._earlier.texts, checkpoint], self._vkeys)

    def take(self, record: Record) -> None:
        """The next record of the feed; those that are not the ledger's are passed over."""
        if record.kind in KINDS:
            self._take_entry(record)
        elif record.kind == SEAL_KIND:
            self._take_seal(record)
        elif record.kind == UNSEALED_KIND:
            self._waits_at = self._tree.size

    @property
    def misses_bodies(self) -> bool:
        """Whether a later entry may still say where a body went: see `hear`."""
        return bool(self._gone)

    def hear(self, record: Record) -> None:
        """After the first problem: only whether something was archived."""
        if record.kind != ARCHIVED:
            return
        with suppress(msgspec.DecodeError, UnicodeDecodeError, KeyError, ValueError):
            archive = archive_in(decode_entry(record.data))
            if archive is not None:
                self._archives.append((archive.first, archive.end))

    def finish(self) -> Verified:
        """The verdict, after the last record."""
        size = self._tree.size
        located = self.problem
        unsigned = 0
        if located is self._suspect is None and self._batch and self._waits_at == size:
            unsigned, size = len(self._batch), self._sealed.size  # durable, and signed next
            self._tree, self._batch = self._sealed, []
        if located is None and self._batch:
            uncovered = LeafProblem(self._sealed.size, "no signed checkpoint covers it")
            located = first_of([self._suspect, uncovered])
        problem = self._earlier.problem(size, first_of([located, self._missing()]))
        return Verified(
            size, self._tree.root().hex(), self._seals, problem, self._archived,
            tuple(self._archives), unsigned,
        )  # fmt: skip

    def _missing(self) -> LeafProblem | None:
        """The first body that is not here and that no entry says was archived."""
        for index in self._gone.values():
            if not any(first <= index < end for first, end in self._archives):
                return LeafProblem(index, "its body is missing")
        return None

    def _take_entry(self, record: Record) -> None:
        leaf = leaf_hash(record.data)
        if self._suspect is None and (reason := self._wrong(record)) is not None:
            self._suspect = LeafProblem(self._tree.size, reason)
        self._tree.append(leaf)
        self._batch.append(leaf)
        if self._tree.size == self._earlier.next_size:
            self._earlier.see(self._tree)

    def _wrong(self, record: Record) -> str | None:
        entry = self._checks.take(record.data)
        if isinstance(entry, str):
            return entry
        if entry.kind != record.kind or entry.id != record.key:
            return f"it is kept as {record.kind} '{record.key}'"
        self.hear(record)
        return self._wrong_body(entry, record.body)

    def _wrong_body(self, entry: Entry, body: bytes | None) -> str | None:
        if entry.body is None:
            return None if body is None else "it has a body that it does not commit to"
        if body is None:
            return self._without_body(entry)
        if sha256(body).hexdigest() != entry.body.sha256:
            return "its body is not the one that it commits to"
        return None

    def _without_body(self, entry: Entry) -> str | None:
        """Missing, unless it was archived: an entry that comes later says so."""
        if entry.kind not in MAY_BE_ARCHIVED:
            return "its body is missing"
        self._archived += 1
        self._gone.setdefault(entry.seq // WIDTH, entry.seq)
        return None

    def _take_seal(self, record: Record) -> None:
        try:
            seal = msgspec.json.decode(record.data, type=Seal)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            found = [LeafProblem(self._sealed.size, f"its seal cannot be read: {error}")]
        else:
            found = [*self._uncovered(seal), *self._unsigned(seal, record.key)]
        self.problem = first_of([self._suspect, *found])
        if self.problem is None:
            self._seals += 1
            self._sealed = self._tree.copy()
            self._batch = []

    def _uncovered(self, seal: Seal) -> Iterator[LeafProblem]:
        """The seal must speak of exactly the entries since the last one."""
        first, size = self._sealed.size, self._tree.size
        if seal.size > size:
            yield LeafProblem(size, f"it is missing: its seal is over {seal.size} entries")
        if seal.size < size:
            yield LeafProblem(max(first, seal.size), "the seal after it does not cover it")
        if seal.size - len(seal.leaves) != first:
            yield LeafProblem(first, "the seal over it is missing or altered")
        handed_over = self._vkeys.handed_over_within(first, size)
        if handed_over is not None:
            reason = "it hands the log's key over, and no seal that both keys signed ends with it"
            yield LeafProblem(handed_over - 1, reason)

    def _unsigned(self, seal: Seal, key: str) -> Iterator[LeafProblem]:
        """The seal's signature, its leaves and its root must be those of the entries."""
        first, size, root = self._sealed.size, self._tree.size, self._tree.root()
        try:
            for keys in self._vkeys.each_at(seal.size):
                head = verify_checkpoint(seal.note, keys)
        except NoteError as error:
            yield LeafProblem(first, f"its seal is not signed: {error}")
            return
        if (head.size, head.root.hex(), f"ckp_{head.size}") != (seal.size, seal.root, key):
            yield LeafProblem(first, "its seal says one thing and its signed checkpoint another")
        other = self._first_other_leaf(seal)
        if other is not None:
            yield LeafProblem(other, self._which_is_wrong(seal, head.root))
        elif head.size == size and head.root != root:
            yield LeafProblem(first, "the signed checkpoint is over other entries")
        elif head.size == size and seal.range != tuple(node.hex() for node in self._tree.hashes):
            yield LeafProblem(first, "its seal has another compact range than the tree")

    def _first_other_leaf(self, seal: Seal) -> int | None:
        at = seal.size - len(seal.leaves)
        first = self._sealed.size
        for index, leaf in enumerate(seal.leaves, at):
            if first <= index < self._tree.size and self._batch[index - first].hex() != leaf:
                return index
        return None

    def _which_is_wrong(self, seal: Seal, root: bytes) -> str:
        """The entry or its leaf in the seal: the one that does not lead to the signed root."""
        if self._tree.root() == root:
            return "it is what was signed, but its leaf in the seal was altered"
        tree = self._sealed.copy()
        for leaf in seal.leaves:
            tree.append(_hash(leaf))
        if tree.root() == root:
            return "it is not what was signed"
        return "it is not what its seal says, and neither leads to the signed root"


def _hash(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
