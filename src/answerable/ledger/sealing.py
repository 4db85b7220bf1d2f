"""Sealing: units in, numbered canonical entries and the new tree head out. Pure, but reads keys."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from answerable.engine.port import Record
from answerable.ledger import bodies, note
from answerable.ledger.domain import (
    CLOSED,
    SEAL_KIND,
    BodyRef,
    Entry,
    Seal,
    Subject,
    decode_entry,
    encode_entry,
)
from answerable.ledger.draft import Body, Draft, Unit
from answerable.ledger.port import Signer
from answerable.ledger.tree import CompactRange, leaf_hash
from answerable.store.keys import KeyStore

_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log stands: its tree and the counters that were touched since it was opened."""

    tree: CompactRange
    counters: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """What a batch is sealed from. `lasts` gives counters' values on disk, 0 where new, `closing`
    what a close has to commit of all that is on disk."""

    units: list[Unit]
    head: Head
    ts: int
    lasts: Callable[[Collection[str]], Mapping[str, int]]
    keys: KeyStore
    nonces: bytes
    closing: Callable[[], Mapping[str, str | int]] = dict


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes into one append. A unit that cannot be sealed is in `failed`, and nowhere else."""

    records: list[Record]
    head: Head
    leaves: tuple[bytes, ...]
    indexes: tuple[tuple[int, ...], ...]  # of each unit's drafts, in the order of the units
    failed: Mapping[int, Exception]  # by the unit's place in the batch

    async def signed(self, signer: Signer, *cosigners: Signer) -> Record:
        """The checkpoint over the tree after this batch, signed, as a record of the same append."""
        size, root = self.head.tree.size, self.head.tree.root()
        body = note.checkpoint_body(signer.name, size, root)
        sealed = Seal(
            size=size,
            root=root.hex(),
            note=await note.sign_note(body, signer, *cosigners),
            leaves=tuple(leaf.hex() for leaf in self.leaves),
            range=tuple(node.hex() for node in self.head.tree.hashes),
        )
        return Record(f"ckp_{size}", SEAL_KIND, msgspec.json.encode(sealed))


def seal(sealing: Sealing) -> Batch:
    """Number, encrypt, encode and hash a batch. The keys of its bodies are in the store."""
    counting = _Counting(sealing)
    tree = sealing.head.tree.copy()
    nonces = _nonces(sealing.nonces)
    records: list[Record] = []
    leaves: list[bytes] = []
    indexes: list[tuple[int, ...]] = []
    failed: dict[int, Exception] = {}
    for place, unit in enumerate(sealing.units):
        try:
            mine = _seal_unit(unit, tree.size, counting, sealing, nonces)
        except Exception as error:  # noqa: BLE001 - too large, its key destroyed: its own affair
            counting.forget()
            failed[place] = error
            indexes.append(())
            continue
        counting.keep()
        first = tree.size
        for record in mine[: len(unit.drafts)]:
            leaf = leaf_hash(record.data)
            tree.append(leaf)
            leaves.append(leaf)
        indexes.append(tuple(range(first, tree.size)))
        records.extend(mine)
    return Batch(records, Head(tree, counting.after), tuple(leaves), tuple(indexes), failed)


def _seal_unit(
    unit: Unit, first: int, counting: "_Counting", sealing: Sealing, nonces: Iterator[bytes]
) -> list[Record]:
    """A unit's records, drafts first; nothing outside `counting` knows of them yet."""
    records: list[Record] = []
    for index, draft in enumerate(_told(unit.drafts, first, sealing), first):
        reference, ciphertext = _seal_body(sealing.keys, draft.id, draft.body, nonces)
        data = encode_entry(_number(draft, index, sealing.ts, counting, reference))
        records.append(Record(draft.id, draft.kind, data, ciphertext, unit.arrival))
    for memo in unit.memos:
        _, ciphertext = _seal_body(sealing.keys, memo.key, memo.body, nonces)
        kid = memo.body.kid.encode()
        records.append(Record(memo.key, STEP_KIND, kid, ciphertext, unit.arrival))
    return records


def _told(drafts: Sequence[Draft], first: int, sealing: Sealing) -> Sequence[Draft]:
    """As they are; a close with what it commits, which is known only before its whole batch."""
    if all(draft.kind != CLOSED for draft in drafts):
        return drafts
    if len(drafts) != 1 or first != sealing.head.tree.size:
        raise ValueError("a close is a unit of its own, and the first of its batch")
    change = {**(drafts[0].change or {}), **sealing.closing()}
    return [msgspec.structs.replace(drafts[0], change=change)]


class _Counting:
    """Counters of this batch over those of the head: thrown away if the append fails.

    What a unit counts joins the batch's with `keep`, or was never counted with `forget`.
    """

    def __init__(self, sealing: Sealing) -> None:
        before = sealing.head.counters
        self.after = dict(before) if len(before) < _COUNTERS_KEPT else {}
        self._unit: dict[str, int] = {}
        unknown = _counted(sealing.units) - self.after.keys()
        self._on_disk = sealing.lasts(sorted(unknown)) if unknown else {}

    def next(self, name: str) -> int:
        value = self._unit.get(name) or self.after.get(name) or self._on_disk[name]
        self._unit[name] = value + 1
        return value + 1

    def keep(self) -> None:
        self.after |= self._unit
        self._unit = {}

    def forget(self) -> None:
        self._unit = {}


def _counted(units: Sequence[Unit]) -> set[str]:
    """The counters that a batch moves."""
    names: set[str] = set()
    for unit in units:
        for draft in unit.drafts:
            if draft.party is not None:
                names.add(f"s/{draft.party}")
            if draft.owner is not None:
                names.add(f"o/{draft.owner.person}")
    return names


_COUNTERS_KEPT = 512  # beyond this the rows on disk are asked again: memory does not grow


def _number(draft: Draft, seq: int, ts: int, counting: _Counting, body: BodyRef | None) -> Entry:
    party, owner = draft.party, draft.owner
    subject = oseq = None
    if party is not None:
        subject = Subject(pid=party, sseq=counting.next(f"s/{party}"))
    if owner is not None:
        oseq = counting.next(f"o/{owner.person}")
    return Entry(
        v=1, id=draft.id, seq=seq, ts=ts, kind=draft.kind,
        actor=draft.actor, owner=owner, oseq=oseq, agent=draft.agent, subject=subject,
        parent=draft.parent, trace=draft.trace, inputs=draft.inputs, evidence=draft.evidence,
        policy=draft.policy, action=draft.action, effect=draft.effect, outcome=draft.outcome,
        change=None if draft.change is None else dict(draft.change), model=draft.model,
        body=body,
    )  # fmt: skip


def _seal_body(
    keys: KeyStore, body_id: str, body: Body | None, nonces: Iterator[bytes]
) -> tuple[BodyRef | None, bytes | None]:
    if body is None:
        return None, None
    ciphertext = body.data
    if not body.is_sealed:
        ciphertext = bodies.seal(keys.get(body.kid), body_id, body.data, next(nonces))
    digest = hashlib.sha256(ciphertext).hexdigest()
    return BodyRef(sha256=digest, alg="A256GCM", kid=body.kid), ciphertext


STEP_KIND = "step"  # record kind of a memo; its data is the key id of its body


def kid_of(record: Record) -> str:
    """The id of the key that a record's body is under; empty where it names none."""
    if record.kind == STEP_KIND:
        return record.data.decode()
    body = decode_entry(record.data).body
    return body.kid if body is not None else ""


def _nonces(chance: bytes) -> Iterator[bytes]:
    for start in range(0, len(chance), _NONCE_BYTES):
        yield chance[start : start + _NONCE_BYTES]


def empty_head() -> Head:
    return Head(CompactRange(), {})


def head_from(data: bytes) -> Head:
    """Where the log stood when `data`, the last Seal, was written."""
    last = msgspec.json.decode(data, type=Seal)
    return Head(CompactRange(last.size, [bytes.fromhex(h) for h in last.range]), {})
