"""Policy sets that were ever in force: out of the entries of the releases that they came with."""

from answerable.base.errors import Unreadable
from answerable.engine.port import Feed, Record
from answerable.ledger.bodies import open_body
from answerable.ledger.domain import decode_entry
from answerable.ledger.named_sets import RELEASE_KINDS
from answerable.policy.load import PolicySet, load_kept
from answerable.store.keys import KeyStore


class PolicySets:
    """By digest. What is kept is believed by its digest alone."""

    def __init__(self, keys: KeyStore, loaded: PolicySet | None = None) -> None:
        self._keys = keys
        self._kept: dict[str, Record] = {}
        self._sets: dict[str, PolicySet] = {loaded.digest: loaded} if loaded else {}

    async def follow(self, feed: Feed) -> None:
        async for record in feed.read(0, RELEASE_KINDS):
            self.take(record)

    def take(self, record: Record) -> None:
        """The record of a release, with the set that came with it."""
        if record.body is not None:
            self._kept.setdefault(decode_entry(record.data).changed("policy"), record)

    def find(self, digest: str) -> PolicySet | None:
        """None where it was not kept. Raises Unreadable where what is kept is not that set."""
        known = self._sets.get(digest)
        if known is not None:
            return known
        record = self._kept.get(digest)
        body = decode_entry(record.data).body if record is not None else None
        if record is None or body is None or record.body is None:
            return None
        key = self._keys.get(body.kid)
        found = load_kept(open_body(key, body.kid, record.key, record.body), digest)
        self._sets[digest] = found
        return found


def kept_text(sets: PolicySets, digest: str) -> PolicySet | None:
    """The same for who can do without."""
    try:
        return sets.find(digest)
    except Unreadable:
        return None
