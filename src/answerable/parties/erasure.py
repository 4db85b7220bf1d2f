"""What is recorded about forgetting a party: legal holds, and who asked to erase it.

What people type as their reason is about the party: it is sealed under the party's key, and is
forgotten with it.
"""

import sqlite3

from answerable.base.ids import Ids
from answerable.ledger.domain import Kind
from answerable.ledger.draft import Body, Draft
from answerable.parties import rows
from answerable.parties.domain import Asked, Party
from answerable.parties.errors import (
    AnotherMustAgree,
    HeldAlready,
    NotHeld,
    PartyErased,
    PartyUnknown,
    UnderLegalHold,
)

DAY_US = 86_400_000_000


class Erasures:
    """Checks what may be asked, and says what is to be recorded."""

    def __init__(self, db: sqlite3.Connection, ids: Ids) -> None:
        self._db = db
        self._ids = ids

    def get(self, party_id: str) -> Party:
        """A party that is there. Raises PartyUnknown, PartyErased."""
        party = rows.find(self._db, party_id)
        if party is None:
            raise PartyUnknown(party_id)
        index = rows.erased_at(self._db, party_id)
        if index is not None:
            raise PartyErased(party_id, index)
        return party

    def erasable(self, party_id: str) -> Party:
        """The same, if no legal hold stands. Raises UnderLegalHold too."""
        party = self.get(party_id)
        hold = rows.hold_of(self._db, party.id)
        if hold is not None:
            raise UnderLegalHold(hold)
        return party

    def hold(self, party_id: str, *, by: str, reason: str) -> Draft:
        """Raises PartyUnknown, PartyErased, HeldAlready."""
        party = self.get(party_id)
        hold = rows.hold_of(self._db, party.id)
        if hold is not None:
            raise HeldAlready(hold)
        return self._said(party, "party.held", by, reason)

    def release(self, party_id: str, *, by: str, reason: str) -> Draft:
        """Raises PartyUnknown, PartyErased, NotHeld."""
        party = self.get(party_id)
        if rows.hold_of(self._db, party.id) is None:
            raise NotHeld(party.id)
        return self._said(party, "party.released", by, reason)

    def ask(self, party_id: str, *, by: str, reason: str, expires_at: int) -> Draft:
        """Ask for another person's yes. Raises PartyUnknown, PartyErased, UnderLegalHold."""
        party = self.erasable(party_id)
        return self._said(party, "erasure.requested", by, reason, expires_at=expires_at)

    def standing(self, party_id: str, *, by: str, now: int) -> Asked | None:
        """The request that `by` may agree to. Raises AnotherMustAgree where it is their own."""
        asked = rows.asked_of(self._db, party_id, now)
        if asked is not None and asked.by == by:
            raise AnotherMustAgree(asked)
        return asked

    def _said(self, party: Party, kind: Kind, by: str, reason: str, **more: int) -> Draft:
        return Draft(
            kind=kind, id=self._ids.new("ers"), actor=by, party=party.id,
            change={"party": party.id, **more},
            body=Body(kid=party.kid, data=reason.encode()) if reason else None,
        )  # fmt: skip
