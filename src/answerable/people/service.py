"""The verbs on persons and ownership: they check and return what is to be recorded."""

from answerable.base.ids import Ids
from answerable.ledger.draft import Body, Draft, Unit
from answerable.ledger.keyring import Keyring
from answerable.people.domain import Directory, Person
from answerable.people.errors import PersonExists, PersonUnknown


class People:
    def __init__(self, directory: Directory, ids: Ids, keyring: Keyring) -> None:
        self.directory = directory
        self._ids = ids
        self._keyring = keyring

    def find(self, who: str) -> Person:
        """A living person by id or by email address."""
        person = self.directory.living(who)
        if person is None:
            person = self.directory.by_email(self._email_hash(who))
        if person is None:
            raise PersonUnknown(who)
        return person

    def add(self, email: str, name: str, *, by: str) -> Unit:
        email_hash = self._email_hash(email)
        existing = self.directory.by_email(email_hash)
        if existing is not None:
            raise PersonExists(existing.id)
        person_id = self._ids.new("per")
        kid, key = self._keyring.new_key()
        return Unit(
            new_keys={kid: key},
            drafts=[
                Draft(
                    kind="person.added",
                    id=person_id,
                    actor=by,
                    change={"person": person_id, "email_hash": email_hash, "kid": kid},
                    body=Body(kid=kid, data=_card(email, name)),
                )
            ],
        )

    def _email_hash(self, email: str) -> str:
        return self._keyring.identifier_hash("person", email.strip().casefold())

    def leave(self, who: str, *, by: str) -> Unit:
        """A person leaves: from this entry on no agent acts in their name."""
        person = self.find(who)
        return Unit(
            drafts=[
                Draft(
                    kind="person.left",
                    id=f"{person.id}.left",
                    actor=by,
                    change={"person": person.id},
                )
            ]
        )

    def accept_ownership(self, agent: str, who: str) -> Unit:
        """A person takes an agent on: their act, in their name."""
        person = self.find(who)
        return Unit(
            drafts=[
                Draft(
                    kind="owner.accepted",
                    id=self._ids.new("own"),
                    actor=person.id,
                    change={"agent": agent, "person": person.id},
                )
            ]
        )


def _card(email: str, name: str) -> bytes:
    return f"{name}\n{email}".encode()


def card_name(card: str) -> str:
    """The name out of the body of a `person.added` entry."""
    return card.partition("\n")[0]
