"""Every sealed body: does its key open it, and is what has no key erased?"""

from collections.abc import Sequence
from dataclasses import dataclass

from answerable.engine.port import Feed, Record
from answerable.ledger.archive import archive_in
from answerable.ledger.bodies import open_body
from answerable.ledger.domain import ARCHIVED, KINDS, SEAL_KIND, UNSEALED_KIND, decode_entry
from answerable.ledger.sealing import STEP_KIND, kid_of
from answerable.store.keys import KEYS, KeyDestroyed, KeyStore
from answerable.worker.deep.found import Found

_KINDS = KINDS | {SEAL_KIND, STEP_KIND, UNSEALED_KIND}


@dataclass(frozen=True, slots=True)
class Gone:
    """Keys that are destroyed in the store; and those of them that a restore has destroyed."""

    kids: Sequence[str]
    by_restore: frozenset[str]


class Bodies:
    """How many bodies there are, each of them tried."""

    def __init__(self, found: Found, keys: KeyStore, gone: Gone) -> None:
        self._found = found
        self._keys = keys
        self._gone = gone
        self._stepless = (0, "")  # the last step without a body: those before it are as archived
        self._destroyed: dict[str, str] = {}  # keys that the ledger says are gone, and where
        self._archived = 0  # the position up to which bodies were put away
        self.readable = 0
        self.erased = 0
        self.unsaid = 0  # keys that a restore destroyed, before a worker has said so

    async def check(self, feed: Feed) -> None:
        """Each record in turn. That ciphertext is what its entry commits to, the proof shows."""
        after = 0
        async for record in feed.read(0):
            where = f"record {record.position} '{record.key}'"
            if record.position != after + 1:
                self._found.add("ledger", where, f"no record stands at {after + 1}")
            after = record.position
            with self._found.looking("bodies", where):
                self._take(record, where)
        if self._stepless[0] > self._archived:
            self._found.add("bodies", self._stepless[1], "a step without what it remembers")
        for kid in self._keys.alive(list(self._destroyed)):
            self._found.add("keys", self._destroyed[kid], f"key '{kid}' that it destroyed is there")
        for kid in self._gone.kids:
            self._check_said(kid)

    def _check_said(self, kid: str) -> None:
        """A key is destroyed by an entry that names it, or nobody answers for it."""
        if kid in self._destroyed:
            return
        if kid in self._gone.by_restore:
            self.unsaid += 1
            return
        where = f"{KEYS}, table key, kid '{kid}'"
        self._found.add("keys", where, "it was destroyed, and no entry says so")

    def _take(self, record: Record, where: str) -> None:
        if record.kind in ("erasure.done", "gap.declared"):
            kids = decode_entry(record.data).changed("kids").split()
            self._destroyed.update(dict.fromkeys(kids, where))
        if record.kind not in _KINDS:
            self._found.add("ledger", where, f"there is no kind '{record.kind}'")
        elif record.body is not None:
            self._open(record, record.body)
        elif record.kind == STEP_KIND:
            self._stepless = (record.position, where)
        elif record.kind == ARCHIVED:
            archive = archive_in(decode_entry(record.data))
            self._archived = max(self._archived, archive.until if archive else 0)

    def _open(self, record: Record, body: bytes) -> None:
        kid = kid_of(record)
        try:
            open_body(self._keys.get(kid), kid, record.key, body)
        except KeyDestroyed:
            self.erased += 1
        else:
            self.readable += 1
