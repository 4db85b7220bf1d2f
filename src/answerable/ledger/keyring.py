"""The home's keys in use: how rooms name people without knowing them, seal and open bodies."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from answerable.base.chance import Chance
from answerable.ledger import bodies
from answerable.ledger.keyed import hmac_sha256
from answerable.store.keys import KeyStore
from answerable.store.threads import beside_the_loop

_KEY_BYTES = 32
_NONCE_BYTES = 12
_FRESH_MAX = 10_000  # new parties of units still on their way; far above what can wait at once
_ADDRESSES_CACHED = 8_000  # of some 300 bytes
_HASH_BYTES = 16


@dataclass(slots=True)
class _Batch:
    """Addresses that are looked up together; `kids` once they have been."""

    names: dict[str, None] = field(default_factory=dict)
    kids: dict[str, str] = field(default_factory=dict)


class Keyring:
    """Keyed hashes for deduplication and identifiers; fresh keys for addresses and parties."""

    def __init__(self, home_key: bytes, store: KeyStore, chance: Chance) -> None:
        self.store = store
        self._chance = chance
        self._fresh: OrderedDict[str, bytes] = OrderedDict()
        self._addresses: OrderedDict[str, str] = OrderedDict()  # hash -> key id
        self._destructions = 0
        self._next = _Batch()
        self._writing = asyncio.Lock()
        self._dedup = hmac_sha256(home_key, b"answerable/dedup")
        self._identifier = hmac_sha256(home_key, b"answerable/identifier")

    def new_key(self) -> tuple[str, bytes]:
        """A fresh key and its id. It is durable once a unit has carried it to the key store."""
        key = self._chance.token(_KEY_BYTES)
        kid = bodies.new_kid(key)
        self._fresh[kid] = key
        if len(self._fresh) > _FRESH_MAX:
            self._fresh.popitem(last=False)
        return kid, key

    def key(self, kid: str) -> bytes:
        """A key by its id, durable already or on its way. Raises KeyDestroyed."""
        return self._fresh.get(kid) or self.store.get(kid)

    def seal(self, kid: str, body_id: str, plaintext: bytes) -> bytes:
        return bodies.seal(self.key(kid), body_id, plaintext, self._chance.token(_NONCE_BYTES))

    def open(self, kid: str, body_id: str, ciphertext: bytes) -> bytes:
        return bodies.open_body(self.key(kid), kid, body_id, ciphertext)

    def commit(self, kid: str, name: str, data: bytes) -> str:
        """A keyed commitment: says that `data` was meant, tells nothing to who lacks the key."""
        return bodies.commit(self.key(kid), name, data)

    async def address_kids(self, addresses: Sequence[str]) -> dict[str, str]:
        """The key id of each sending address, made where it is new; durable on return.

        Many addresses are one write, and it is made beside the loop; those that are asked for
        while it is on its way are the next one.
        """
        before = self._destructions
        kids = {name: self._addresses[name] for name in addresses if name in self._addresses}
        missing = [name for name in dict.fromkeys(addresses) if name not in kids]
        if missing:
            kids |= await self._found_or_made(missing)
        if before == self._destructions:
            self._addresses.update(kids)
        while len(self._addresses) > _ADDRESSES_CACHED:
            self._addresses.popitem(last=False)
        return kids

    async def _found_or_made(self, missing: list[str]) -> dict[str, str]:
        batch = self._next
        batch.names.update(dict.fromkeys(missing))
        async with self._writing:
            if not batch.kids:  # the first of a batch writes for all; if it is cancelled, the next
                if self._next is batch:
                    self._next = _Batch()
                names = list(batch.names)
                batch.kids = await beside_the_loop(
                    lambda: self.store.kids_of_addresses(names, self.new_key)
                )
        return {name: batch.kids[name] for name in missing}

    def destroy(self, kids: Iterable[str]) -> None:
        """Forget these keys everywhere: in the store for ever, and in all that we hold in memory.

        Raises Busy where bytes of a key may still lie in the file: call it again.
        """
        gone = frozenset(kids)
        self.forget(gone)
        self.store.destroy(gone)

    def forget(self, kids: Iterable[str]) -> None:
        """Out of memory, for who destroys them in the store: before that, and when it is done, for
        a message of theirs that comes in between has brought them back.

        An address that had one of them gets another key with its next message.
        """
        gone = frozenset(kids)
        self._destructions += 1
        for kid in gone:
            self._fresh.pop(kid, None)
        for name in [name for name, kid in self._addresses.items() if kid in gone]:
            del self._addresses[name]

    def identifier_hash(self, kind: str, identifier: str) -> str:
        """How an address is looked up: keyed, so that rows cannot be guessed back to people."""
        return _keyed(self._identifier, f"{kind}\n{identifier}")

    def dedup_id(self, rail: str, external_id: str) -> str:
        """The arrival id of a message: one external id on one rail is one arrival."""
        return _keyed(self._dedup, f"{rail}\n{external_id}")


def _keyed(key: bytes, text: str) -> str:
    return hmac_sha256(key, text.encode())[:_HASH_BYTES].hex()
