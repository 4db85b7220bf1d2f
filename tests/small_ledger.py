"""A small ledger, made as the committer makes it: entries, bodies, seals."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import msgspec

from answerable.adapters.signers.file import FileSigner
from answerable.engine.port import Record
from answerable.ledger.domain import (
    OWNED_KINDS,
    SEAL_KIND,
    Action,
    AgentRef,
    BodyRef,
    Entry,
    Kind,
    Owner,
    Seal,
    Subject,
    encode_entry,
)
from answerable.ledger.note import checkpoint_body, sign_note
from answerable.ledger.tiles import TileWriter
from answerable.ledger.tree import CompactRange, leaf_hash

SIGNER = FileSigner("log.example/home", bytes(32))
KEYS = [SIGNER.vkey]
KINDS: tuple[Kind, ...] = (
    "received",
    "identified",
    "decided",
    "effect.started",
    "effect.done",
    "outcome",
)
OWNERS = ("per_ada", "per_ben")
PARTIES = ("pty_1", "pty_2", "pty_3")
POWERS: tuple[tuple[Kind, dict[str, str | int]], ...] = (
    ("owner.accepted", {"agent": "support", "person": "per_ada"}),
    ("owner.accepted", {"agent": "support", "person": "per_ben"}),
    ("release.registered", {"agent": "support", "policy": "set_1", "release": "rel_1"}),
)
"""What the others stand on: the first entries of each ledger."""


class Ledger:
    """Records of a home's feed, sealed batch by batch as they are added."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.entries: list[Entry] = []
        self.tree = CompactRange()
        self._counters: dict[str, int] = {}

    def next(self, name: str) -> int:
        self._counters[name] = self._counters.get(name, 0) + 1
        return self._counters[name]

    def entry(self, **changed: object) -> tuple[Entry, bytes | None]:
        """The next entry of a plausible day."""
        seq = self.tree.size
        kind = KINDS[seq % len(KINDS)] if seq >= len(POWERS) else POWERS[seq][0]
        given = POWERS[seq][1] if seq < len(POWERS) else None
        number = seq % len(OWNERS)
        person = OWNERS[number]
        party = PARTIES[seq % len(PARTIES)]
        is_owned = kind in OWNED_KINDS
        body = f"ciphertext {seq}".encode() if seq % 2 == 0 else None
        entry = Entry(
            v=1,
            id=f"ent_{seq}",
            seq=seq,
            ts=1_767_225_600_000_000 + seq,
            kind=kind,
            actor=None if is_owned else "per_operator",
            owner=Owner(person=person, accepted_at=number) if is_owned else None,
            oseq=self.next(f"o/{person}") if is_owned else None,
            agent=AgentRef(id="support", release="rel_1") if is_owned else None,
            subject=Subject(pid=party, sseq=self.next(f"s/{party}")) if seq % 4 else None,
            action=Action(kind="tool", name="refund", commit="00ff", amount_minor=4_000)
            if kind == "decided"
            else None,
            change={"from": "Zoë \U0001f600", "to": 7} if kind == "outcome" else given,
            body=BodyRef(sha256=hashlib.sha256(body).hexdigest(), alg="A256GCM", kid="kid_1")
            if body is not None
            else None,
        )
        return msgspec.structs.replace(entry, **changed), body

    def batch(self, count: int, signer: FileSigner = SIGNER) -> None:
        """Add `count` entries and their seal."""
        leaves: list[str] = []
        for _ in range(count):
            entry, body = self.entry()
            leaves.append(self.add(entry, body).hex())
        self.seal(leaves, signer)

    def add(self, entry: Entry, body: bytes | None = None) -> bytes:
        """Add one entry, not yet sealed; returns its leaf hash."""
        data = encode_entry(entry)
        self.entries.append(entry)
        self.records.append(Record(entry.id, entry.kind, data, body))
        leaf = leaf_hash(data)
        self.tree.append(leaf)
        return leaf

    def seal(self, leaves: Sequence[str], signer: FileSigner = SIGNER) -> None:
        size, root = self.tree.size, self.tree.root()
        note = asyncio.run(sign_note(checkpoint_body(signer.name, size, root), signer))
        sealed = Seal(
            size=size,
            root=root.hex(),
            note=note,
            leaves=tuple(leaves),
            range=tuple(node.hex() for node in self.tree.hashes),
        )
        self.records.append(Record(f"ckp_{size}", SEAL_KIND, msgspec.json.encode(sealed)))
        self.records.append(Record(f"mem_{size}", "step", b"kid_1", b"memo, not of the ledger"))

    @property
    def checkpoint(self) -> str:
        """The last signed head."""
        seals = [r for r in self.records if r.kind == SEAL_KIND]
        return msgspec.json.decode(seals[-1].data, type=Seal).note

    def data(self) -> list[bytes]:
        """The canonical bytes of all entries."""
        return [encode_entry(entry) for entry in self.entries]

    def publish(self, folder: Path) -> None:
        TileWriter(folder, sync=False).publish(0, self.data(), self.checkpoint)


def ledger_of(*batches: int) -> Ledger:
    ledger = Ledger()
    for count in batches:
        ledger.batch(count)
    return ledger


async def feed(records: Iterable[Record]) -> AsyncIterator[Record]:
    for record in records:
        yield record
