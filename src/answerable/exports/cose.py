"""COSE_Sign1 (RFC 9052 section 4.2): one signer, EdDSA over Ed25519 or ES256 over P-256."""

from typing import NamedTuple, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from answerable.exports.cbor import CborError, Key, Tag, Value, decode, encode

PublicKey: TypeAlias = Ed25519PublicKey | EllipticCurvePublicKey
Headers: TypeAlias = dict[Key, Value]

ALG, CRIT = 1, 2
EDDSA, ES256 = -8, -7  # RFC 9053 section 2
_TAG = 18
_NO_HEADERS = b"\xa0"  # an empty map
_BYTES_MAX = 1_048_576
_ES256_BYTES = 64


class Sign1(NamedTuple):
    """Its four parts; `protected` as it was signed. A payload of None is detached."""

    protected: bytes
    unprotected: Headers
    payload: bytes | None
    signature: bytes

    def encode(self) -> bytes:
        parts: list[Value] = [self.protected, self.unprotected, self.payload, self.signature]
        return encode(Tag(_TAG, parts))

    @property
    def headers(self) -> Headers:
        """The protected ones. Raises CborError."""
        headers = decode(self.protected) if self.protected else {}
        if not isinstance(headers, dict):
            raise CborError("the protected header is no map")
        return headers


def read_sign1(data: bytes) -> Sign1:
    """Its parts, with its tag or without, nothing verified. Raises CborError."""
    if len(data) > _BYTES_MAX:
        raise CborError(f"more than {_BYTES_MAX} bytes")
    value = decode(data)
    if isinstance(value, Tag) and value.number == _TAG:
        value = value.value
    match value:
        case [bytes(protected), dict(unprotected), bytes() | None as payload, bytes(signature)]:
            return Sign1(protected, unprotected, payload, signature)
    raise CborError("it is no COSE_Sign1")


def to_be_signed(protected: bytes, payload: bytes, external: bytes = b"") -> bytes:
    """The Sig_structure of section 4.4; a protected header without a word is signed as none."""
    signed = b"" if protected == _NO_HEADERS else protected
    return encode(["Signature1", signed, external, payload])


def is_signed(algorithm: Value, key: PublicKey, message: bytes, signature: bytes) -> bool:
    """Whether the key is of that algorithm and signed the message."""
    try:
        if algorithm == EDDSA and isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
            return True
        if algorithm == ES256 and isinstance(key, EllipticCurvePublicKey):
            return _is_signed_es256(key, message, signature)
    except InvalidSignature:
        return False
    return False


def _is_signed_es256(key: EllipticCurvePublicKey, message: bytes, signature: bytes) -> bool:
    if not isinstance(key.curve, SECP256R1) or len(signature) != _ES256_BYTES:
        return False
    half = _ES256_BYTES // 2
    pair = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    key.verify(encode_dss_signature(*pair), message, ECDSA(SHA256()))
    return True
