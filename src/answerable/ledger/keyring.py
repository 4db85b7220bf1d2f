"""The home's derived keys and the making of new ones: how rooms name people without knowing them."""

import hashlib
import hmac

from answerable.base.chance import Chance
from answerable.ledger import bodies

_KEY_BYTES = 32
_HASH_BYTES = 16


class Keyring:
    """Keyed hashes for deduplication and identifiers; fresh keys for addresses and parties."""

    def __init__(self, home_key: bytes, chance: Chance) -> None:
        self._chance = chance
        self._dedup = hmac.digest(home_key, b"answerable/dedup", hashlib.sha256)
        self._identifier = hmac.digest(home_key, b"answerable/identifier", hashlib.sha256)

    def new_key(self) -> tuple[str, bytes]:
        """A fresh key and its id. It exists nowhere until a unit carries it to the key store."""
        key = self._chance.token(_KEY_BYTES)
        return bodies.new_kid(key), key

    def nonce(self) -> bytes:
        return self._chance.token(12)

    def identifier_hash(self, kind: str, identifier: str) -> str:
        """How an address is looked up: keyed, so that rows cannot be guessed back to people."""
        return _keyed(self._identifier, f"{kind}\n{identifier.strip().casefold()}")

    def dedup_id(self, rail: str, external_id: str) -> str:
        """The arrival id of a message: the same external id on the same rail is the same arrival."""
        return _keyed(self._dedup, f"{rail}\n{external_id}")


def _keyed(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), hashlib.sha256)[:_HASH_BYTES].hex()
