"""Find a party by the identifier that a message came from, or make one."""

import sqlite3

from answerable.base.ids import Ids
from answerable.ledger.domain import Trace
from answerable.ledger.draft import Body, Draft, Unit
from answerable.ledger.keyring import Keyring
from answerable.parties import rows
from answerable.parties.domain import Party


class Parties:
    def __init__(self, db: sqlite3.Connection, ids: Ids, keyring: Keyring) -> None:
        self._db = db
        self._ids = ids
        self._keyring = keyring

    def get(self, party_id: str) -> Party:
        party = rows.find(self._db, party_id)
        if party is None:
            raise LookupError(f"state names party {party_id}, which has no row")
        return party

    def find_or_create(
        self, identifier_hash: str, display: str, interaction: str, unit: Unit
    ) -> Party:
        """The party of an identifier. A new one joins `unit`: it exists when the unit does."""
        known = rows.find_by_identifier(self._db, identifier_hash)
        if known is not None:
            return known
        party_id = self._ids.new("pty")
        kid, key = self._keyring.new_key()
        unit.new_keys[kid] = key
        unit.drafts.append(
            Draft(
                kind="identified",
                id=f"idn_{identifier_hash}",
                actor="system:resolve",
                party=party_id,
                trace=Trace(interaction=interaction),
                change={"party": party_id, "kid": kid, "identifier": identifier_hash},
                body=Body(kid=kid, data=display.encode()),
            )
        )
        return Party(party_id, kid)
