"""Keys for HTTP: who may come in, as whom, and to what."""

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from typing import Literal, get_args

from answerable.base.chance import Chance
from answerable.base.clock import iso
from answerable.base.errors import UsageError
from answerable.base.ids import Ids
from answerable.ledger.draft import Body, Draft, Unit
from answerable.people.domain import ApiKey, Person
from answerable.people.errors import KeyBeyond, KeyInvalid, KeyRevoked, KeyUnknown
from answerable.people.service import People

Scope = Literal[
    "messages", "read", "desk", "approve", "control", "people", "ledger", "metrics", "all"
]
SCOPES: tuple[str, ...] = get_args(Scope)
_ALL = "all"  # every other scope is within it
_SECRET_BYTES = 32


def new_secret(chance: Chance) -> str:
    """256 bits of chance: nothing guesses them, so their plain digest gives nothing away."""
    return "ak_" + urlsafe_b64encode(chance.token(_SECRET_BYTES)).decode().rstrip("=")


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Terms:
    """What a key is for, until when (microseconds UTC; 0 is for ever), and what it is called."""

    scopes: tuple[str, ...]
    expires_at: int = 0
    name: str = ""

    def check(self, now: int) -> None:
        """Raises UsageError."""
        unknown = [scope for scope in self.scopes if scope not in SCOPES]
        problem = ""
        if unknown or not self.scopes:
            said = ", ".join(f"'{scope}'" for scope in unknown) or "no scope"
            problem = f"A key has scopes of {', '.join(SCOPES)}; {said} was given."
        elif 0 < self.expires_at <= now:
            problem = f"The key would have expired before it is made, at {iso(self.expires_at)}."
        if problem:
            raise UsageError(problem, "No key was made.", "answerable key add --help")


class Keys:
    """The verbs on keys. Like persons they are looked up in the directory, in memory."""

    def __init__(self, people: People, ids: Ids) -> None:
        self._people = people
        self._ids = ids

    def add(self, who: str, secret: str, terms: Terms, *, by: str, now: int) -> Unit:
        """A key for a living person; of `secret` the digest is kept, and nothing else.

        Nothing bounds what it is for: this is for who holds the home, and may do anything.
        Raises PersonUnknown, UsageError.
        """
        person = self._people.find(who)
        terms.check(now)
        return self._added(person, secret, terms, {}, by)

    def derive(self, key_id: str, secret: str, terms: Terms, *, now: int) -> Unit:
        """A key that is made with a key: of the same person, for no more, and for no longer.

        Else who holds one for `people` could approve or stop, and that in anybody's name.
        Raises KeyInvalid, KeyBeyond, UsageError.
        """
        maker = self._find(key_id)
        if maker is None or not self._people.directory.is_valid(maker, now):
            raise KeyInvalid
        terms = replace(terms, expires_at=terms.expires_at or maker.expires_at)
        terms.check(now)
        beyond = () if _ALL in maker.scopes else set(terms.scopes) - set(maker.scopes)
        if beyond:
            raise KeyBeyond(f"is for {', '.join(sorted(beyond))}")
        if 0 < maker.expires_at < terms.expires_at:
            raise KeyBeyond(f"is valid after {iso(maker.expires_at)}")
        person = self._people.find(maker.person)
        return self._added(person, secret, terms, {"made_with": maker.id}, person.id)

    def _added(
        self, person: Person, secret: str, terms: Terms, more: dict[str, str | int], by: str
    ) -> Unit:
        key_id = self._ids.new("key")
        change: dict[str, str | int] = {
            "key": key_id, "digest": digest_of(secret), "person": person.id,
            "scopes": " ".join(dict.fromkeys(terms.scopes)), "expires_at": terms.expires_at,
        }  # fmt: skip
        body = Body(kid=person.kid, data=terms.name.encode()) if terms.name else None
        added = Draft(kind="key.added", id=key_id, actor=by, change=change | more, body=body)
        return Unit(drafts=[added])

    def _find(self, key_id: str) -> ApiKey | None:
        keys = self._people.directory.keys.values()
        return next((one for one in keys if one.id == key_id), None)

    def revoke(self, key_id: str, *, by: str) -> Unit:
        """From this entry on the key opens nothing. Raises KeyUnknown, KeyRevoked."""
        key = self._find(key_id)
        if key is None:
            raise KeyUnknown(key_id)
        if key.is_revoked:
            raise KeyRevoked(key_id)
        draft = Draft(
            kind="key.revoked", id=f"{key_id}.revoked", actor=by,
            change={"key": key_id, "person": key.person},
        )  # fmt: skip
        return Unit(drafts=[draft])

    def check(self, digest: str, now: int) -> ApiKey:
        """The valid key with this digest. Raises KeyInvalid, which does not say what is wrong."""
        key = self._people.directory.keys.get(digest)
        if key is None or not self._people.directory.is_valid(key, now):
            raise KeyInvalid
        return key
