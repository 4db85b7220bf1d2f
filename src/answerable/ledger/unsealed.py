"""Durable, then signed: the order that a strict signer asks for.

A signer that never signs another history would stop an honest home which died between a signature
and its batch: that home comes back with a smaller tree. So a batch for such a signer is durable
before it is signed, with a record of the tree that it makes; its seal is the next record. What a
death leaves without its seal is sealed first when the home is opened again: by that record, which
carries a MAC under the home's key, so that nobody gets words signed by writing them into the file.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from answerable.base.errors import AnswerableError, Broken
from answerable.engine.port import Record
from answerable.ledger.domain import KINDS, UNSEALED_KIND
from answerable.ledger.keyed import hmac_sha256
from answerable.ledger.note import checkpoint_body
from answerable.ledger.port import Signer, StrictSigner
from answerable.ledger.sealing import Batch, Head
from answerable.ledger.tree import CompactRange, consistency_proof, leaf_hash, perfect_root

_PURPOSE = b"answerable/unsealed"


class SignerAway(AnswerableError):
    """The process that signs does not answer. What waits goes on waiting for it."""

    code = "signer_away"
    http_status = 503

    def __init__(self, where: str, why: str, next_command: str) -> None:
        super().__init__(
            f"The signer at '{where}' does not answer: {why}.",
            "Nothing of this was written. What was taken in before waits until it answers.",
            next_command,
        )


class SignerRefused(Broken):
    """The signer says no: it would be another history, or it has another key."""

    code = "signer_refused"


class Unsealed(msgspec.Struct, frozen=True, kw_only=True):
    """The tree that the batch before this record makes, until its seal follows."""

    size: int
    root: str  # hex
    mac: str  # hex, under a key of the home


@dataclass(frozen=True, slots=True)
class Tail:
    """What is durable and under no signature: sealed before anything else is written.

    `cosigners` sign beside the signer, and `after` is called when the seal is durable: where the
    tail ends by handing the log over.
    """

    batch: Batch
    before: CompactRange
    cosigners: tuple[Signer, ...] = ()
    after: Callable[[], None] = lambda: None


def unsealed_record(head: Head, origin: str, naming_key: bytes) -> Record:
    """What goes with a batch that is not signed yet."""
    size, root = head.tree.size, head.tree.root()
    said = Unsealed(size=size, root=root.hex(), mac=_mac(origin, size, root, naming_key))
    return Record(f"uns_{size}", UNSEALED_KIND, msgspec.json.encode(said))


def tail_of(head: Head, records: Iterable[Record], origin: str, naming_key: bytes) -> Batch | None:
    """The batch that waits for its seal, out of the records after the last one.

    Raises Broken where those records are not what this home wrote: they are never signed.
    """
    tree, leaves, last = head.tree.copy(), list[bytes](), None
    for record in records:
        if record.kind in KINDS:
            leaves.append(leaf_hash(record.data))
            tree.append(leaves[-1])
        elif record.kind == UNSEALED_KIND:
            last = record
    if not leaves:
        return None
    if last is None or not _is_ours(last, tree, origin, naming_key):
        raise Broken(
            f"Entries {head.tree.size} to {tree.size - 1} are under no signature, and were not "
            "written by this home.",
            "They were not signed, and nothing was written.",
            "answerable ledger verify",
        )
    return Batch([], Head(tree, {}), tuple(leaves), (), {})


def _is_ours(record: Record, tree: CompactRange, origin: str, naming_key: bytes) -> bool:
    try:
        said = msgspec.json.decode(record.data, type=Unsealed)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    mac = _mac(origin, tree.size, tree.root(), naming_key)
    return said == Unsealed(size=tree.size, root=tree.root().hex(), mac=mac)


def _mac(origin: str, size: int, root: bytes, naming_key: bytes) -> str:
    key = hmac_sha256(naming_key, _PURPOSE)
    return hmac_sha256(key, checkpoint_body(origin, size, root).encode()).hex()


async def check_agrees(signer: StrictSigner, head: Head, tail: Tail | None) -> None:
    """The signer must stand where the home does, or one signature ahead, which its tail explains.

    Raises SignerRefused before anything is written, SignerAway.
    """
    size, root = await signer.signed_last()
    trees = [head.tree] if tail is None else [tail.before, tail.batch.head.tree]
    if (size, root) in [(tree.size, tree.root()) for tree in trees]:
        return
    raise SignerRefused(
        f"The signer of '{signer.name}' signed a tree of {size} entries last, and this home stands "
        f"at another of {trees[-1].size}: an older copy of one of them was put back, or another "
        "home writes under this name.",
        "Nothing was written or signed.",
        "put back the newest home; if it is lost: answerable signer go-back CHECKPOINT",
    )


async def seal_of(
    batch: Batch, before: CompactRange, signer: Signer, cosigners: Sequence[Signer] = ()
) -> Record:
    """The batch's seal, each strict signer shown that its tree begins with the one before.

    Raises SignerAway, SignerRefused.
    """
    proof = growth_proof(before, batch.leaves)
    signers = [
        _Shown(each, before.size, proof) if isinstance(each, StrictSigner) else each
        for each in (signer, *cosigners)
    ]
    return await batch.signed(*signers)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A strict signer as one for this one checkpoint."""

    signer: StrictSigner
    size: int
    proof: Sequence[bytes]

    @property
    def name(self) -> str:
        return self.signer.name

    @property
    def public_key(self) -> bytes:
        return self.signer.public_key

    async def sign(self, message: bytes) -> bytes:
        return await self.signer.sign_tree(message, self.size, self.proof)


def growth_proof(before: CompactRange, leaves: Sequence[bytes]) -> list[bytes]:
    """PROOF(before, before and leaves) of RFC 6962: out of the compact range and the new leaves,
    which are all that it is made of. Empty from an empty tree, and where nothing was added."""
    size = before.size
    if not size or not leaves:
        return []
    known: dict[tuple[int, int], bytes] = {}
    at = 0
    for node in before.hashes:
        level = (size - at).bit_length() - 1
        known[level, at >> level] = node
        at += 1 << level

    def get_node(level: int, index: int) -> bytes:
        if (level, index) in known:
            return known[level, index]
        first = (index << level) - size
        return perfect_root(leaves[first : first + (1 << level)])

    return consistency_proof(size, size + len(leaves), get_node)
