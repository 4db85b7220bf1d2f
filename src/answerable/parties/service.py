"""Find a party by the identifier that a message came from, or make one."""

import sqlite3
from collections import OrderedDict

from answerable.base.ids import Ids
from answerable.ledger.domain import Trace
from answerable.ledger.draft import Body, Committed, Draft, Unit
from answerable.ledger.keyring import Keyring
from answerable.parties import rows
from answerable.parties.domain import Party

_KEPT_MAX = 20_000  # of some 400 bytes each


class Parties:
    def __init__(self, db: sqlite3.Connection, ids: Ids, keyring: Keyring) -> None:
        self._db = db
        self._recent: OrderedDict[str, Party] = OrderedDict()  # by what they are found by
        self._ids = ids
        self._keyring = keyring

    def get(self, party_id: str) -> Party:
        party = rows.find(self._db, party_id)
        if party is None:
            raise LookupError(f"state names party {party_id}, which has no row")
        return party

    def find(self, identifier_hash: str) -> Party | None:
        """The party that an identifier is known to be of; that changes only when it is erased."""
        known = self._recent.get(identifier_hash)
        if known is None:
            known = rows.find_by_identifier(self._db, identifier_hash)
            if known is not None:
                self._keep(identifier_hash, known)
        return known

    def heard(self, unit: Unit, _committed: Committed) -> None:
        """Follow what has just become durable: who was new is asked for again soon."""
        for draft in unit.drafts:
            if draft.kind == "erasure.done" and draft.party is not None:
                self._forget(draft.party)
            elif draft.kind == "identified" and draft.change is not None:
                change = {name: str(value) for name, value in draft.change.items()}
                self._keep(change["identifier"], Party(change["party"], change["kid"]))

    def _forget(self, party: str) -> None:
        for found_by in [name for name, one in self._recent.items() if one.id == party]:
            del self._recent[found_by]

    def _keep(self, identifier_hash: str, party: Party) -> None:
        self._recent[identifier_hash] = party
        if len(self._recent) > _KEPT_MAX:
            self._recent.popitem(last=False)

    def find_or_create(
        self, identifier_hash: str, display: str, interaction: str, unit: Unit
    ) -> Party:
        """The party of an identifier. A new one joins `unit`: it exists when the unit does."""
        known = self.find(identifier_hash)
        if known is not None:
            return known
        party_id = self._ids.new("pty")
        kid, key = self._keyring.new_key()
        unit.new_keys[kid] = key
        unit.drafts.append(
            Draft(
                kind="identified",
                id=rows.identified_id(identifier_hash, rows.lives_of(self._db, identifier_hash)),
                actor="system:resolve",
                party=party_id,
                trace=Trace(interaction=interaction),
                change={"party": party_id, "kid": kid, "identifier": identifier_hash},
                body=Body(kid=kid, data=display.encode()),
            )
        )
        return Party(party_id, kid, is_new=True)
