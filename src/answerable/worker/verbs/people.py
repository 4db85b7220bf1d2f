"""Persons, who answers for an agent, and who may come in by HTTP."""

from dataclasses import dataclass

import msgspec

from answerable.worker.verbs.base import Index, Word


class PersonAdd(msgspec.Struct, frozen=True, tag="person.add"):
    """`by` is a person, where one says so; `reports_to` is whom their agents climb to."""

    email: Word
    name: Word
    by: Word = ""
    reports_to: Word = ""


class PersonLeave(msgspec.Struct, frozen=True, tag="person.leave"):
    person: Word
    by: Word = ""


class PersonLeaving(msgspec.Struct, frozen=True, tag="person.leaving"):
    """What would change if a person left now; nothing changes by asking."""

    person: Word


@dataclass(frozen=True, slots=True)
class LeavingView:
    person: str
    name: str
    agents: tuple[str, ...]  # that would have nobody to answer for them
    asked: tuple[str, ...]  # who would be asked to, for each of `agents`; empty if nobody
    stands_in_for: tuple[str, ...]  # agents that were delegated to them
    holds: int  # that would become a no
    cases: int  # that would go to the desk
    keys: tuple[str, ...]  # of HTTP, that would open nothing any more: id and name


class PersonList(msgspec.Struct, frozen=True, tag="person.list"): ...


@dataclass(frozen=True, slots=True)
class PersonRow:
    id: str
    name: str
    has_left: bool
    owns: tuple[str, ...]
    reports_to: str = ""
    stands_in_for: tuple[str, ...] = ()  # agents that were delegated to them, now
    roles: tuple[str, ...] = ()  # `auditor`: may read every body


class OwnerSet(msgspec.Struct, frozen=True, tag="owner.set"):
    """Ask a person to answer for an agent: by its owner, or by anybody where it has none.

    Nothing changes until they accept.
    """

    agent: Word
    person: Word
    by: Word


class OwnerAccept(msgspec.Struct, frozen=True, tag="owner.accept"):
    """From a living owner only who was asked may take an agent on; else whoever says so."""

    agent: Word
    person: Word


class OwnerDelegate(msgspec.Struct, frozen=True, tag="owner.delegate"):
    """The owner `by` lets `to` answer until `until` (microseconds UTC).

    0 ends it now: said by the owner, or by who stands in; `to` may be empty then.
    """

    agent: Word
    to: Word
    until: Index
    by: Word


class OwnerShow(msgspec.Struct, frozen=True, tag="owner.show"):
    agent: Word


@dataclass(frozen=True, slots=True)
class OwnerView:
    """Who answers for an agent at this instant, and how it came to that."""

    agent: str
    accountable: str  # a person's id; empty if nobody
    accountable_name: str
    via: str  # the owner who delegated to them, if that is how
    owner: str  # who accepted
    owner_name: str
    accepted_at: int  # the ledger index at which; -1 if nobody has
    until: str  # when a delegation ends
    asked: str  # who was asked to accept, and has not yet
    asked_name: str
    sentence: str


class KeyAdd(msgspec.Struct, frozen=True, tag="key.add"):
    """A key for HTTP: it acts as its person, within its scopes. `expires_at` 0 is never."""

    person: Word
    scopes: tuple[Word, ...]
    name: Word = ""
    expires_at: Index = 0
    by: Word = ""


class KeyDerive(msgspec.Struct, frozen=True, tag="key.derive"):
    """A key that is made with the key `made_with`: its person's, for no more and for no longer.

    `expires_at` 0 is as long as that one is valid.
    """

    made_with: Word
    scopes: tuple[Word, ...]
    name: Word = ""
    expires_at: Index = 0


@dataclass(frozen=True, slots=True)
class NewKey:
    """The only time that the secret is shown."""

    id: str
    secret: str
    person: str
    scopes: tuple[str, ...]
    index: int


class KeyList(msgspec.Struct, frozen=True, tag="key.list"): ...


@dataclass(frozen=True, slots=True)
class KeyRow:
    id: str
    name: str
    person: str
    person_name: str
    scopes: tuple[str, ...]
    is_valid: bool
    expires_at: str
    made_with: str  # the key that it was made with; empty where who holds the home made it


class KeyRevoke(msgspec.Struct, frozen=True, tag="key.revoke"):
    key: Word
    by: Word = ""


class KeyCheck(msgspec.Struct, frozen=True, tag="key.check"):
    """Whose key this is: `digest` is the hex SHA-256 of its secret."""

    digest: Word


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A valid key. Raises Refused where there is none."""

    id: str
    person: str
    person_name: str
    scopes: tuple[str, ...]
    expires_at: int  # microseconds UTC, 0 is never
