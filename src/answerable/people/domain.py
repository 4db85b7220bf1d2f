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
    reports_to: str = ""  # whom their agents climb to when they leave


@dataclass(frozen=True, slots=True)
class Ownership:
    """A person accepted to answer for an agent, in the entry with this index."""

    agent: str
    person: str
    accepted_at: int


@dataclass(frozen=True, slots=True)
class Delegation:
    """A person answers in an owner's place: from the entry with this index, until a time."""

    agent: str
    owner: str
    person: str
    until: int  # microseconds UTC
    begun_at: int


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
    made_with: str = ""  # the key that it was made with, over HTTP; empty: on the machine


@dataclass(slots=True)
class Directory:
    """Everybody who can answer. Read on every decision; changed only by committed entries."""

    persons: dict[str, Person] = field(default_factory=dict)
    owners: dict[str, Ownership] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)  # by digest
    delegations: dict[str, Delegation] = field(default_factory=dict)  # by agent
    asked: dict[str, str] = field(default_factory=dict)  # agent -> who is to accept it, and has not
    auditors: frozenset[str] = frozenset()  # persons who may read every body

    def living(self, person_id: str) -> Person | None:
        person = self.persons.get(person_id)
        return None if person is None or person.has_left else person

    def is_auditor(self, person_id: str) -> bool:
        return person_id in self.auditors and self.living(person_id) is not None

    def accountable_for(self, agent: str, at: int) -> Owner | None:
        """The one living person who answers for `agent` at this instant; None: it may not act."""
        ownership = self.owned(agent)
        if ownership is None:
            return None
        standing_in = self.delegation_of(agent, at) if agent in self.delegations else None
        if standing_in is None:
            return Owner(person=ownership.person, accepted_at=ownership.accepted_at)
        return Owner(
            person=standing_in.person, accepted_at=standing_in.begun_at, via=ownership.person
        )

    def owned(self, agent: str) -> Ownership | None:
        """Who accepted it, if they are here still; whether or not somebody stands in for them."""
        ownership = self.owners.get(agent)
        if ownership is None or self.living(ownership.person) is None:
            return None
        return ownership

    def delegation_of(self, agent: str, at: int) -> Delegation | None:
        """Where a living person stands in for the living owner who let them, until its time."""
        delegation, ownership = self.delegations.get(agent), self.owned(agent)
        if delegation is None or ownership is None or at >= delegation.until:
            return None
        is_theirs = delegation.owner == ownership.person
        return delegation if is_theirs and self.living(delegation.person) else None

    def asked_for(self, agent: str) -> Person | None:
        """The living person who was asked to answer for `agent`, and has not accepted yet."""
        return self.living(self.asked.get(agent, ""))

    def above(self, person_id: str) -> Person | None:
        """The first living person up the chain of `reports_to`."""
        passed = {person_id}
        person = self.persons.get(person_id)
        while person is not None and person.reports_to not in passed:
            passed.add(person.reports_to)
            person = self.persons.get(person.reports_to)
            if person is not None and not person.has_left:
                return person
        return None

    def is_valid(self, key: ApiKey, at: int) -> bool:
        """Whether it opens anything at this instant: nobody's key outlives their leaving."""
        is_running = not key.expires_at or at < key.expires_at
        return is_running and not key.is_revoked and self.living(key.person) is not None

    def held(self, email_hash: str) -> list[Person]:
        """Whoever has this address, or had it before they left."""
        return [one for one in self.persons.values() if one.email_hash == email_hash]

    def by_email(self, email_hash: str) -> Person | None:
        for person in self.persons.values():
            if person.email_hash == email_hash and not person.has_left:
                return person
        return None
