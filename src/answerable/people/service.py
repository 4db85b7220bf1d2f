"""The verbs on persons and ownership: they check and return what is to be recorded."""

import unicodedata
from collections.abc import Iterator

from answerable.base.clock import iso
from answerable.base.errors import UsageError
from answerable.base.ids import Ids
from answerable.ledger.draft import Body, Draft, Unit
from answerable.ledger.keyring import Keyring
from answerable.people.domain import Directory, Person
from answerable.people.errors import (
    NotAsked,
    NotDelegated,
    NotTheOwner,
    OwnsAlready,
    PersonExists,
    PersonUnknown,
)


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

    def whoever(self, who: str) -> Person:
        """Who is or was here: by id, or by an address that only one person has had.

        Raises PersonUnknown, UsageError.
        """
        person = self.directory.persons.get(who)
        held = [person] if person is not None else self.directory.held(self._email_hash(who))
        if not held:
            raise PersonUnknown(who, ever=True)
        if len(held) > 1:
            ids = ", ".join(f"{one.id}{' (left)' if one.has_left else ''}" for one in held)
            raise UsageError(
                f"'{who}' was the address of several: {ids}.", "Nothing was looked up.",
                "name one of them by that id",
            )  # fmt: skip
        return held[0]

    def add(self, email: str, name: str, *, by: str, reports_to: str = "") -> Unit:
        """Raises PersonExists, UsageError; PersonUnknown where whom they report to is nobody."""
        check_name(name)
        email_hash = self._email_hash(email)
        existing = self.directory.by_email(email_hash)
        if existing is not None:
            raise PersonExists(existing.id)
        above = self.find(reports_to).id if reports_to else ""
        person_id = self._ids.new("per")
        kid, key = self._keyring.new_key()
        change = {"person": person_id, "email_hash": email_hash, "kid": kid}
        if above:
            change["reports_to"] = above
        card = Body(kid=kid, data=_card(email, name))
        draft = Draft(kind="person.added", id=person_id, actor=by, change=change, body=card)
        return Unit(new_keys={kid: key}, drafts=[draft])

    def _email_hash(self, email: str) -> str:
        return self._keyring.identifier_hash("person", email.strip().casefold())

    def leave(self, who: str, *, by: str) -> Unit:
        """A person leaves: from this entry on nothing is done in their name.

        Who is above them is asked to answer for each agent that nobody answers for any more; until
        somebody accepts it does nothing.
        """
        person = self.find(who)
        left = Draft(
            kind="person.left", id=f"{person.id}.left", actor=by, change={"person": person.id}
        )
        above = self.directory.above(person.id)
        orphans = self._left_alone(person) if above else ()
        return Unit(drafts=[left, *(self._asks(agent, above, by) for agent in orphans if above)])

    def _left_alone(self, person: Person) -> Iterator[str]:
        """The agents that have nobody when they leave: not even somebody who was asked."""
        directory = self.directory
        for agent, ownership in sorted(directory.owners.items()):
            owner, asked = directory.living(ownership.person), directory.asked_for(agent)
            if owner in (None, person) and asked in (None, person):
                yield agent

    def ask_to_own(self, agent: str, who: str, *, by: str) -> Unit:
        """A person is asked to answer for an agent: by its owner, or by anybody if it has none.

        Nothing changes until they accept. Raises PersonUnknown, NotTheOwner, OwnsAlready,
        UsageError.
        """
        check_agent(agent)
        asking, person = self.find(by), self.find(who)
        ownership = self.directory.owned(agent)
        if ownership is not None and ownership.person != asking.id:
            raise NotTheOwner(agent, ownership.person)
        if ownership is not None and ownership.person == person.id:
            raise OwnsAlready(agent, person.id)
        return Unit(drafts=[self._asks(agent, person, asking.id)])

    def _asks(self, agent: str, person: Person, by: str) -> Draft:
        change = {"agent": agent, "person": person.id, "state": "asked"}
        return Draft(kind="owner.changed", id=self._ids.new("own"), actor=by, change=change)

    def accept_ownership(self, agent: str, who: str) -> Unit:
        """A person takes an agent on: their act, in their name.

        From a living owner only if that owner asked them to. Raises PersonUnknown, NotAsked,
        UsageError.
        """
        check_agent(agent)
        person = self.find(who)
        ownership = self.directory.owned(agent)
        is_anothers = ownership is not None and ownership.person != person.id
        if ownership is not None and is_anothers and self.directory.asked_for(agent) != person:
            raise NotAsked(agent, ownership.person, person.id)
        change = {"agent": agent, "person": person.id}
        draft = Draft(
            kind="owner.accepted", id=self._ids.new("own"), actor=person.id, change=change
        )
        return Unit(drafts=[draft])

    def delegate(self, agent: str, to: str, until: int, *, by: str, now: int) -> Unit:
        """The owner lets a person answer in their place until a time (microseconds UTC).

        Raises PersonUnknown, NotTheOwner, UsageError.
        """
        owner, person = self.find(by), self.find(to)
        ownership = self.directory.owned(agent)
        if ownership is None or ownership.person != owner.id:
            raise NotTheOwner(agent, ownership.person if ownership else "")
        problem = ""
        if person == owner:
            problem = f"{owner.id} answers for agent '{agent}' already."
        elif until <= now:
            problem = f"The delegation would have ended before it begins, at {iso(until)}."
        if problem:
            raise UsageError(problem, "Nothing was delegated.", "answerable owner delegate --help")
        return Unit(drafts=[self._delegated(agent, person.id, owner.id, until, by=owner.id)])

    def end_delegation(self, agent: str, to: str, *, by: str, now: int) -> Unit:
        """It ends now: by its owner, or by who stands in, for nobody answers against their will.

        Raises PersonUnknown, NotDelegated, NotTheOwner.
        """
        person = self.find(by)
        running = self.directory.delegation_of(agent, now)
        if running is None or (to and self.find(to).id != running.person):
            raise NotDelegated(agent)
        if person.id not in (running.owner, running.person):
            raise NotTheOwner(agent, running.owner)
        return Unit(drafts=[self._delegated(agent, running.person, running.owner, 0, by=person.id)])

    def _delegated(self, agent: str, person: str, via: str, until: int, *, by: str) -> Draft:
        return Draft(
            kind="owner.delegated", id=self._ids.new("own"), actor=by,
            change={"agent": agent, "person": person, "via": via, "until": until},
        )  # fmt: skip


def _card(email: str, name: str) -> bytes:
    return f"{name}\n{email}".encode()


def card_name(card: str) -> str:
    """The name out of the body of a `person.added` entry."""
    return card.partition("\n")[0]


NAME_MAX = 200
_HIDDEN = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def check_agent(name: str) -> None:
    """An entry keeps it for ever, also where no such agent ever comes. Raises UsageError."""
    if not name.isascii() or not name.replace("-", "").isalnum():
        raise UsageError(
            f"'{name}' is no agent's name: that is ASCII letters, digits and hyphens.",
            "Nobody was asked, and nobody accepted.", "answerable agent list",
        )  # fmt: skip


def check_name(name: str) -> None:
    """A name is read wherever somebody answers; joiners of scripts belong to it. UsageError."""
    hides = any(unicodedata.category(one) in ("Cc", "Cs") or one in _HIDDEN for one in name)
    if not name.strip() or len(name) > NAME_MAX or hides:
        raise UsageError(
            f"A person's name is empty, longer than {NAME_MAX} characters, or holds what cannot "
            "be seen.", "Nobody was added.", "answerable person add EMAIL --name NAME",
        )  # fmt: skip
