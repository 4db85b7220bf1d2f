"""Sealed bodies: personal bytes under a key that can be destroyed.

One 32-byte key per party or sending address; each body has its own content key, HKDF-Expand
(RFC 5869 section 2.3, one block of SHA-256) of that key with the body's id, and is encrypted with
AES-256-GCM (NIST SP 800-38D) under it, the body's id as associated data.

Why the nonce is an argument, random, and stored before the ciphertext: the content key is unique
to the body id, so a fixed nonce would do if a body were sealed once. But a turn that is run again
after a crash may seal *different* bytes under the same id before the first ones were appended, and
a nonce repeated over two plaintexts gives both away. 96 random bits under a key that is used a
handful of times are far from any bound.

Why the key id is a commitment: AES-GCM does not commit to its key, so one ciphertext can be made
to open under two keys to two texts. The id, hashed from the key and inside the entry, rules the
second key out.
"""

import base64
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from answerable.base.errors import Unreadable
from answerable.ledger.keyed import hmac_sha256

ALG = "A256GCM"  # RFC 7518 section 5.3
KEY_BYTES = 32
NONCE_BYTES = 12

_TAG_BYTES = 16
_KID_BYTES = 24


class BodyUnreadable(Unreadable):
    """The key, the id and the ciphertext do not belong together."""

    code = "body_unreadable"


def new_kid(key: bytes) -> str:
    """The id of a key: a commitment to it, 32 characters of base64url."""
    return base64.urlsafe_b64encode(expand(key, b"answerable/kid")[:_KID_BYTES]).decode()


def seal(key: bytes, body_id: str, plaintext: bytes, nonce: bytes) -> bytes:
    """Nonce and ciphertext of a body; `nonce` is 12 bytes of chance, fresh for each call."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes, not {len(nonce)}")
    identity = body_id.encode()
    content_key = expand(key, b"answerable/body/" + identity)
    return nonce + AESGCM(content_key).encrypt(nonce, plaintext, identity)


def open_body(key: bytes, kid: str, body_id: str, ciphertext: bytes) -> bytes:
    """The bytes that were sealed; raises BodyUnreadable where anything does not belong."""
    if len(key) != KEY_BYTES or not hmac.compare_digest(new_kid(key), kid):
        raise BodyUnreadable(f"The key is not '{kid}', the one that body '{body_id}' names.")
    if len(ciphertext) < NONCE_BYTES + _TAG_BYTES:
        raise BodyUnreadable(f"Body '{body_id}' is cut short.")
    identity = body_id.encode()
    content_key = expand(key, b"answerable/body/" + identity)
    nonce, sealed = ciphertext[:NONCE_BYTES], ciphertext[NONCE_BYTES:]
    try:
        return AESGCM(content_key).decrypt(nonce, sealed, identity)
    except InvalidTag:
        raise BodyUnreadable(f"Body '{body_id}' is not as it was sealed.") from None


def commit(key: bytes, name: str, data: bytes) -> str:
    """Keyed commitment to named bytes: hex HMAC-SHA-256 (RFC 2104) under a sub-key.

    Keyed, because guessable data (an order number, a yes) would be read out of a bare hash by
    trying; once the key is destroyed the commitment says nothing. The name's length goes first,
    so that no two pairs of name and data are the same message.
    """
    label = name.encode()
    message = len(label).to_bytes(4, "big") + label + data
    return hmac_sha256(expand(key, b"answerable/commit"), message).hex()


def expand(key: bytes, info: bytes) -> bytes:
    """HKDF-Expand to 32 bytes: the first block of RFC 5869 section 2.3."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    return hmac_sha256(key, info + b"\x01")
