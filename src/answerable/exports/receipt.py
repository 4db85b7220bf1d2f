"""COSE receipts: that an entry is in the log, for who speaks SCITT and not C2SP.

A receipt (draft-ietf-cose-merkle-tree-proofs, RFC9162_SHA256) is a COSE_Sign1 (RFC 9052 section
4.2) whose payload is detached: it is the root that the inclusion proof leads to from the entry. The
log's key signs it as it signs checkpoints; what is signed begins with CBOR for `Signature1` and can
be no signed note.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from answerable.base.errors import AnswerableError
from answerable.exports.cbor import CborError, Value, decode, encode
from answerable.exports.cose import (
    ALG,
    CRIT,
    EDDSA,
    ES256,
    Headers,
    PublicKey,
    Sign1,
    is_signed,
    read_sign1,
    to_be_signed,
)
from answerable.ledger.domain import decode_entry
from answerable.ledger.port import Signer
from answerable.ledger.tree import HASH_BYTES, ProofError, leaf_hash, root_of_inclusion

_VDS, _VDP = 395, 396
_RFC9162_SHA256 = 1
_INCLUSION = -1
_KNOWN_CRITICAL = (ALG, _VDS)


class ReceiptError(AnswerableError):
    """The receipt does not show that the entry is in the log."""

    code = "receipt_invalid"
    http_status = 400

    def __init__(self, why: str) -> None:
        super().__init__(f"The receipt is not good: {why}.", "Nothing is shown by it.")


@dataclass(frozen=True, slots=True)
class Proven:
    """What a good receipt shows: the entry's place in a tree with that root.

    The root is what is signed; `size` and `index` are what the proof says, where others would lead
    to the same root by the same path: `check_place`. A checkpoint signs root and size.
    """

    index: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class _Inclusion:
    size: int
    index: int
    path: tuple[bytes, ...]


def receipt_message(root: bytes) -> bytes:
    """What is signed in a receipt of ours: a root, and nothing that is not the same in each."""
    return to_be_signed(encode({ALG: EDDSA, _VDS: _RFC9162_SHA256}), root)


async def make_receipt(
    entry: bytes, index: int, size: int, path: Sequence[bytes], signer: Signer
) -> bytes:
    """The receipt of the entry's bytes at `index` in the tree of `size`."""
    protected = encode({ALG: EDDSA, _VDS: _RFC9162_SHA256})
    root = root_of_inclusion(leaf_hash(entry), index, size, path)
    signature = await signer.sign(receipt_message(root))
    proof = encode([size, index, list(path)])
    return Sign1(protected, {_VDP: {_INCLUSION: [proof]}}, None, signature).encode()


def verify_receipt(receipt: bytes, entry: bytes, key: PublicKey) -> Proven:
    """What it shows of the entry's bytes; raises ReceiptError.

    Of several proofs one must be of this entry; each must be well formed.
    """
    try:
        sign1 = read_sign1(receipt)
        algorithm = _algorithm(sign1.headers)
        proofs = [_inclusion(each) for each in _proofs(sign1.unprotected)]
    except CborError as error:
        raise ReceiptError(str(error)) from None
    if sign1.payload is not None:
        raise ReceiptError("its payload is attached, and must be what the proof leads to")
    leaf = leaf_hash(entry)
    for proof in proofs:
        root = _root(proof, leaf)
        message = to_be_signed(sign1.protected, root)
        if root and is_signed(algorithm, key, message, sign1.signature):
            return Proven(proof.index, proof.size, root)
    raise ReceiptError("the signature is not over a root that this entry leads to")


def check_place(proven: Proven, entry: bytes) -> None:
    """The entry itself says its place: a proof, which nobody signed, may say another that leads to
    the same root by the same path. Raises ReceiptError."""
    try:
        place = decode_entry(entry).seq
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ReceiptError("what it is of is no entry of a ledger") from None
    if place != proven.index:
        raise ReceiptError(f"its proof says entry {proven.index}, and the entry says {place}")


def _algorithm(protected: Headers) -> Value:
    """Out of the protected header alone: what is beside it nobody signed."""
    if protected.get(_VDS) != _RFC9162_SHA256:
        raise ReceiptError("its verifiable data structure is not RFC9162_SHA256")
    critical = protected.get(CRIT, [])
    if not isinstance(critical, list) or any(each not in _KNOWN_CRITICAL for each in critical):
        raise ReceiptError("it has a critical header that is not known here")
    if protected.get(ALG) not in (EDDSA, ES256):
        raise ReceiptError("its algorithm is neither EdDSA nor ES256")
    return protected[ALG]


def _proofs(unprotected: Headers) -> list[Value]:
    proofs = unprotected.get(_VDP)
    inclusion = proofs.get(_INCLUSION) if isinstance(proofs, dict) else None
    if not isinstance(inclusion, list) or not inclusion:
        raise ReceiptError("it has no inclusion proof")
    return inclusion


def _inclusion(proof: Value) -> _Inclusion:
    match decode(proof) if isinstance(proof, bytes) else None:
        case [int(size), int(index), list(path)] if 0 <= index < size:
            hashes = tuple(each for each in path if isinstance(each, bytes))
            if len(hashes) == len(path) and all(len(each) == HASH_BYTES for each in hashes):
                return _Inclusion(size, index, hashes)
    raise ReceiptError("an inclusion proof of it is malformed")


def _root(proof: _Inclusion, leaf: bytes) -> bytes:
    try:
        return root_of_inclusion(leaf, proof.index, proof.size, proof.path)
    except ProofError:
        return b""
