"""Persons and ownership: small, so the whole directory is held in memory."""

from dataclasses import dataclass, field

from answerable.ledger.domain import Owner


@dataclass(frozen=True, slots=True)
class Person:
    """A human of the company. Name and address are in the body of their `person.added` entry."""

    id: str
    email_hash: str
    kid: str  # the key of this person's bodies
    has_left: bool = False


@dataclass(frozen=True, slots=True)
class Ownership:
    """A person accepted to answer for an agent, in the entry with this index."""

    agent: str
    person: str
    accepted_at: int


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What lets a program in over HTTP, as its person and within its scopes.

    Its secret is nowhere: the digest says whether one that is shown is it. Its name is in the body
    of its `key.added` entry.
    """

    id: str
    digest: str  # SHA-256 of the secret, hex
    person: str
    scopes: tuple[str, ...]
    expires_at: int  # microseconds UTC; 0 is never
    is_revoked: bool = False


@dataclass(slots=True)
class Directory:
    """Everybody who can answer. Read on every decision; changed only by committed entries."""

    persons: dict[str, Person] = field(default_factory=dict)
    owners: dict[str, Ownership] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)  # by digest

    def living(self, person_id: str) -> Person | None:
        person = self.persons.get(person_id)
        return None if person is None or person.has_left else person

    def accountable_for(self, agent: str) -> Owner | None:
        """The one living person who answers for `agent` now; None means that it may not act."""
        ownership = self.owners.get(agent)
        if ownership is None or self.living(ownership.person) is None:
            return None
        return Owner(person=ownership.person, accepted_at=ownership.accepted_at)

    def is_valid(self, key: ApiKey, at: int) -> bool:
        """Whether it opens anything at this instant: nobody's key outlives their leaving."""
        is_running = not key.expires_at or at < key.expires_at
        return is_running and not key.is_revoked and self.living(key.person) is not None

    def by_email(self, email_hash: str) -> Person | None:
        for person in self.persons.values():
            if person.email_hash == email_hash and not person.has_left:
                return person
        return None
