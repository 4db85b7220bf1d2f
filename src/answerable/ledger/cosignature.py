"""What a witness says of a checkpoint: C2SP tlog-cosignature (c2sp.org/tlog-cosignature).

"As of this second, the largest tree of this log that I have seen has this root, and it continues
all that I have seen before." Two kinds of keys, both with a time in front of their signature:

    0x04  Ed25519 over `cosignature/v1`, the time and the checkpoint's text
    0x06  ML-DSA-44 over a binary message that also names the witness
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from answerable.ledger import mldsa
from answerable.ledger.note import (
    NoteError,
    check_name,
    decode_base64,
    encode_base64,
    parse_checkpoint,
    split_note,
    verify_signature,
)

ED25519, ML_DSA_44 = 0x04, 0x06

_KEY_BYTES = {ED25519: 32, ML_DSA_44: mldsa.PUBLIC_BYTES}
_SIGNATURE_BYTES = {ED25519: 64, ML_DSA_44: mldsa.SIGNATURE_BYTES}
_LABEL = b"subtree/v1\n\0"
_TIME_BYTES = 8
_TIME_MAX = 2**63 - 1
_ID_BYTES = 4


@dataclass(frozen=True, slots=True)
class CosignerKey:
    """A witness's name and public key: what a verifier must be given by another way."""

    name: str
    type: int
    public_key: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.public_key) != _KEY_BYTES.get(self.type):
            raise NoteError(
                f"The key of '{self.name}' is no key of a witness: those are of type 4 (Ed25519) "
                "or 6 (ML-DSA-44)."
            )

    @property
    def id(self) -> bytes:
        """The four bytes that, with the name, say which key signed."""
        typed = bytes([self.type]) + self.public_key
        return sha256(self.name.encode() + b"\n" + typed).digest()[:_ID_BYTES]

    def encode(self) -> str:
        """The key as a vkey: `<name>+<id in hex>+<base64 of type and key>`."""
        typed = bytes([self.type]) + self.public_key
        return f"{self.name}+{self.id.hex()}+{encode_base64(typed)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a vkey. Raises NoteError where it is none, or not a witness's."""
        name, _, rest = text.strip().partition("+")
        id_hex, _, encoded = rest.partition("+")
        typed = decode_base64(encoded)
        parsed = cls(name, typed[0] if typed else 0, typed[1:])
        if parsed.id.hex() != id_hex:
            raise NoteError(f"The key id of '{name}' is not the hash of its key.")
        return parsed


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's word on a checkpoint, verified."""

    key: CosignerKey
    at_s: int
    """Seconds since 1970, by the witness's clock."""


def cosigned_message(key: CosignerKey, body: str, at_s: int) -> bytes:
    """The bytes that a witness signs over the text of a checkpoint. Raises NoteError."""
    if key.type == ED25519:
        return f"cosignature/v1\ntime {at_s}\n{body}".encode()
    head = parse_checkpoint(body)
    name, origin = key.name.encode(), head.origin.encode()
    if max(len(name), len(origin)) > 255:
        raise NoteError(f"The name of a log or witness has more than 255 bytes: '{head.origin}'.")
    return b"".join(
        (
            _LABEL, bytes([len(name)]), name, at_s.to_bytes(8, "big"), bytes([len(origin)]),
            origin, (0).to_bytes(8, "big"), head.size.to_bytes(8, "big"), head.root,
        )
    )  # fmt: skip


def cosign(key: CosignerKey, sign: Callable[[bytes], bytes], body: str, at_s: int) -> str:
    """The signature line, with its newline, of `key` over a checkpoint's text."""
    signature = at_s.to_bytes(_TIME_BYTES, "big") + sign(cosigned_message(key, body, at_s))
    return f"— {key.name} {encode_base64(key.id + signature)}\n"


def cosignatures(note: str, keys: Iterable[CosignerKey]) -> list[Cosignature]:
    """Each word of a known witness on this checkpoint, in the note's order.

    Signatures of unknown keys are passed over. Raises NoteError where a known key's is wrong.
    """
    body, signatures = split_note(note)
    known = {(key.name, key.id): key for key in keys}
    found: dict[tuple[str, bytes], Cosignature] = {}
    for name, signature in signatures:
        which = name, signature[:_ID_BYTES]
        if which in known:
            found[which] = _verified(known[which], body, signature[_ID_BYTES:])
    return list(found.values())


def _verified(key: CosignerKey, body: str, signature: bytes) -> Cosignature:
    at_s = int.from_bytes(signature[:_TIME_BYTES], "big")
    given = signature[_TIME_BYTES:]
    if len(given) == _SIGNATURE_BYTES[key.type] and at_s <= _TIME_MAX:
        message = cosigned_message(key, body, at_s)
        check = verify_signature if key.type == ED25519 else mldsa.verify
        if check(key.public_key, message, given):
            return Cosignature(key, at_s)
    raise NoteError(f"The cosignature of '{key.name}' is not over this checkpoint.")
