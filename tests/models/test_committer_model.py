"""The committer and its tree against a list: what is written is written once, whole, numbered
without a gap, and under a root that a few lines of RFC 6962 compute as well."""

import asyncio
import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from answerable.engine.port import Conflict, Fenced, Record
from answerable.ledger import bodies
from answerable.ledger.committer import CommitterEnded
from answerable.ledger.domain import KINDS, SEAL_KIND, Entry, EntryTooLarge, Seal, decode_entry
from answerable.ledger.draft import Body, Committed, Draft, Memo, Unit
from answerable.ledger.tree import (
    consistency_proof,
    inclusion_proof,
    verify_consistency,
    verify_inclusion,
)
from answerable.store.keys import KeyDestroyed
from answerable.store.keys_wrong import KeyMissing
from answerable.store.sqlite import DiskFull
from answerable.testing.conformance.dying import Died
from committing import Desk, Trouble, Troubled, draft
from machines import SETTINGS, Machine
from naive_tree import mth, path, subproof

Flaw = Literal["", "too large", "no key", "destroyed", "not projected"]
FLAWS: tuple[Flaw, ...] = ("", "", "", "", "", "too large", "no key", "destroyed", "not projected")
TROUBLES: tuple[Trouble, ...] = ("", "", "", "", "full", "fenced", "dies before", "dies after")
REASON = {
    "too large": EntryTooLarge, "no key": KeyMissing, "destroyed": KeyDestroyed,
    "not projected": KeyError,
}  # fmt: skip
KEY = bytes(range(32))
KID = bodies.new_kid(KEY)


@dataclass(frozen=True)
class Asked:
    """A unit to be: its keys, who answers, and what is wrong with it."""

    keys: tuple[int, ...]
    who: int
    flaw: Flaw
    has_memo: bool

    @property
    def names(self) -> list[str]:
        return [f"key-{key}" for key in self.keys] + [f"step-{self.keys[0]}"] * self.has_memo

    def unit(self) -> Unit:
        drafts = [draft(f"key-{key}", self.who + n) for n, key in enumerate(self.keys)]
        memos = [Memo(key=f"step-{self.keys[0]}", body=Body(kid=KID, data=b"a step"))]
        unit = Unit(drafts=drafts, memos=memos if self.has_memo else [])
        last = f"flaw-{self.keys[0]}"
        match self.flaw:
            case "too large":
                unit.drafts.append(draft(last, change={"note": "x" * 70_000}))
            case "no key":
                unit.drafts.append(draft(last, body=Body(kid="nobody's", data=b"x")))
            case "destroyed":
                unit.drafts.append(draft(last, body=Body(kid="gone", data=b"x")))
            case "not projected":
                unit.drafts.append(Draft(kind="stop", id=last, actor="test", change={}))
        return unit


units = st.builds(
    Asked,
    keys=st.lists(st.integers(0, 60), min_size=1, max_size=3, unique=True).map(tuple),
    who=st.integers(0, 5), flaw=st.sampled_from(FLAWS), has_memo=st.booleans(),
)  # fmt: skip


class Writing(Machine):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []  # ids of the entries, in their order
        self.feed: list[Record] = []
        self.looked_at = 0  # the size up to which seals were looked at: the feed only grows
        self.open()
        self.desk.keys.put_many({KID: KEY, "gone": bytes(32)})
        self.desk.keys.destroy(["gone"])

    def open(self) -> None:
        self.desk = Desk(self.folder / "home", wrap=Troubled)
        self.do(self._start())

    async def _start(self) -> None:
        self.desk.committer.start(await self.desk.fence())

    def close(self, *, is_crash: bool) -> None:
        self.do(self.desk.committer.stop())
        self.desk.journal.abandon() if is_crash else self.desk.journal.close()
        self.desk.keys.close()

    @rule(asked=st.lists(units, min_size=1, max_size=8), trouble=st.sampled_from(TROUBLES))
    def write(self, asked: list[Asked], trouble: Trouble) -> None:
        assert isinstance(self.desk.engine, Troubled)
        self.desk.engine.trouble = trouble
        before = len(self.written)
        results = self.do(self._together(asked))
        self.desk.engine.trouble = ""
        if trouble.startswith("dies"):
            self.another_life(is_crash=True)
        self.feed = self.do(self.desk.records())
        is_known = set(self.written)
        self.written = [record.key for record in self.feed if record.kind in KINDS]
        new = self.written[before:]
        for one, result in zip(asked, results, strict=True):
            self._check(one, result, trouble, is_known)
        if trouble:
            assert trouble == "dies after" or not new, "nothing was to be written"
            return
        ours = [name for one, r in zip(asked, results, strict=True) if isinstance(r, Committed)
                for name in one.names if name.startswith("key")]  # fmt: skip
        assert Counter(new) == Counter(ours), "what was acknowledged is there, and nothing else"
        self._nobody_suffers(asked, results, is_known)

    async def _together(self, asked: list[Asked]) -> list[Committed | BaseException]:
        writing = [self.desk.committer.commit(one.unit()) for one in asked]
        return await asyncio.gather(*writing, return_exceptions=True)

    def _check(
        self, one: Asked, result: object, trouble: Trouble, is_known: set[str]
    ) -> None:  # fmt: skip
        """Each unit is told what became of it, and it is so."""
        match result:
            case Committed(records, indexes):
                assert not one.flaw
                assert is_known.isdisjoint(one.names)
                assert [record.key for record in records] == one.names
                assert [self.written[index] for index in indexes] == one.names[: len(indexes)]
                assert list(indexes) == list(range(indexes[0], indexes[0] + len(one.keys)))
                kept = {record.key: record for record in self.feed}
                assert all(kept[record.key] == record for record in records)
            case Conflict(first=first):
                assert first in self.feed, "the first write of that key"
                assert first.key in one.names
            case DiskFull() | Fenced():
                assert trouble in ("full", "fenced")
            case Died() | CommitterEnded():
                assert trouble.startswith("dies")
            case BaseException():
                assert one.flaw, result
                assert isinstance(result, REASON[one.flaw]), result

    def _nobody_suffers(
        self, asked: list[Asked], results: Sequence[object], is_known: set[str]
    ) -> None:
        """A unit of its own keys, without a flaw, is written whatever its neighbours are."""
        wanted = Counter(name for one in asked for name in one.names)
        for one, result in zip(asked, results, strict=True):
            is_alone = all(wanted[name] == 1 for name in one.names)
            is_new = (is_known.isdisjoint(one.names) and not any(
                record.key in one.names for record in self.feed if record.kind == "step"
            )) or isinstance(result, Committed)  # fmt: skip
            if is_alone and is_new and not one.flaw:
                assert isinstance(result, Committed), (one, result)

    @rule(is_crash=st.booleans())
    def another_life(self, *, is_crash: bool) -> None:
        self.close(is_crash=is_crash)
        self.open()
        assert self.do(self.desk.records())[: len(self.feed)] == self.feed, "nothing is lost"

    @property
    def leaves(self) -> list[bytes]:
        entries = [record for record in self.feed if record.kind in KINDS]
        return [hashlib.sha256(b"\x00" + record.data).digest() for record in entries]

    @invariant()
    def numbers_have_no_gaps(self) -> None:
        entries: list[Entry] = [decode_entry(r.data) for r in self.feed if r.kind in KINDS]
        counted: Counter[str] = Counter()
        for index, entry in enumerate(entries):
            assert entry.seq == index
            assert entry.subject
            assert entry.owner
            counted.update([entry.subject.pid, entry.owner.person])
            assert entry.subject.sseq == counted[entry.subject.pid]
            assert entry.oseq == counted[entry.owner.person]
        assert len(set(self.written)) == len(self.written), "a key was written twice"
        assert self.desk.committer.size == len(entries)

    @invariant()
    def every_batch_is_sealed(self) -> None:
        """A seal follows the entries of its append, and signs the root over all before it."""
        size, since, leaves = 0, 0, self.leaves
        for record in self.feed:
            if record.kind != SEAL_KIND:
                size += record.kind in KINDS
                continue
            seal = msgspec.json.decode(record.data, type=Seal)
            assert seal.size == size > since
            if size > self.looked_at:
                assert [bytes.fromhex(leaf) for leaf in seal.leaves] == leaves[since:size]
                assert seal.root == mth(leaves[:size]).hex()
                self._is_signed(seal)
            since = size
        self.looked_at = since
        assert since == size, "entries without a seal"

    def _is_signed(self, seal: Seal) -> None:
        text, _, signature = seal.note.partition("\n\n")
        assert text.splitlines()[1:] == [
            str(seal.size), base64.b64encode(bytes.fromhex(seal.root)).decode()
        ]  # fmt: skip
        raw = base64.b64decode(signature.split()[2])[4:]
        key = base64.b64decode(self.desk.signer.vkey.encode().split("+", 2)[2])[1:]
        Ed25519PublicKey.from_public_bytes(key).verify(raw, f"{text}\n".encode())

    @precondition(lambda self: self.feed)
    @rule(one=st.integers(0, 1000), two=st.integers(0, 1000))
    def prove(self, one: int, two: int) -> None:
        leaves = self.leaves
        if not leaves:
            return
        size = one % len(leaves) + 1
        index, old = two % size, two % size + 1

        def node(level: int, at: int) -> bytes:
            return mth(leaves[at << level : (at + 1) << level])

        proof = inclusion_proof(index, size, node)
        assert proof == path(index, leaves[:size])
        verify_inclusion(leaves[index], index, size, proof, mth(leaves[:size]))
        consistent = consistency_proof(old, size, node)
        assert consistent == subproof(old, leaves[:size], is_whole=True)
        verify_consistency(old, size, consistent, mth(leaves[:old]), mth(leaves[:size]))

    def gone(self) -> None:
        self.close(is_crash=True)


TestWriting = Writing.TestCase
TestWriting.settings = SETTINGS
