"""In whose name, with which release, under which policies: does each act stand on an entry?

An entry that names an owner says where they accepted: an agent, or, at the desk, a case; one that
names a release, what was registered. Whoever holds the signing key can write any name: here it must
have been taken on before, by that person and for that agent, and the release must have been
registered with those policies: what a release is, it is from its first registration on.

What is not asked: whether somebody else had accepted in the meantime. An act that was on its way
when an agent changed hands names the one in whose name it was decided.
"""

from dataclasses import dataclass
from typing import TypeAlias

from answerable.ledger.domain import OWNED_KINDS, AgentRef, Entry, Owner

OUR_OWN_RULES = "answerable"
"""The policy set of a decision that no policy file decides: who holds a case may write in it."""

_PERSON = "per_"
_GOOD_MAX = 10_000
_StandsOn: TypeAlias = "tuple[AgentRef, Owner | None, tuple[tuple[str, str], ...]]"


@dataclass(frozen=True, slots=True)
class _Accepted:
    what: str  # the agent, or the case
    person: str
    via: str | None = None  # who let them stand in


class Powers:
    """Follows the entries that give power, in ledger order; a few hundred bytes for each."""

    def __init__(self) -> None:
        self._accepted: dict[int, _Accepted] = {}
        self._policies: dict[str, str] = {}  # of each release
        self._good: set[_StandsOn] = set()
        self._unread = 0  # entries before this index were not all there to be read

    def skip(self, until: int) -> None:
        """Entries before this index were not read: what stands on them is believed."""
        self._unread = until

    def take(self, entry: Entry) -> str | None:
        """What is wrong with what this entry stands on, if anything."""
        if entry.change is not None:
            self._give(entry)
        if entry.agent is None:
            return self._wrong_owner(entry) if entry.kind in OWNED_KINDS else None
        stands_on = entry.agent, entry.owner, tuple((one.set, one.verdict) for one in entry.policy)
        if stands_on in self._good:  # power is only ever given: what it stood on once, it stands on
            return None
        wrong = self._wrong_release(entry) or self._wrong_owner(entry)
        if wrong is None and len(self._good) < _GOOD_MAX:
            self._good.add(stands_on)
        return wrong

    def _give(self, entry: Entry) -> None:
        match entry.kind:
            case "owner.accepted" | "owner.delegated":
                self._accepted[entry.seq] = _Accepted(
                    entry.changed("agent"), entry.changed("person"), entry.changed("via") or None
                )
            case "lease" if entry.changed("holder").startswith(_PERSON):
                self._accepted[entry.seq] = _Accepted(entry.case, entry.changed("holder"))
            case "release.registered":
                self._policies.setdefault(entry.changed("release"), entry.changed("policy"))
            case _:
                return

    def _wrong_owner(self, entry: Entry) -> str | None:
        owner = entry.owner
        if owner is None or owner.accepted_at < self._unread or _is_refused_at_the_desk(entry):
            return None
        stands_on = self._accepted.get(owner.accepted_at)
        if stands_on is None or owner.accepted_at >= entry.seq:
            return f"its owner '{owner.person}' accepted nothing at {owner.accepted_at}"
        return self._not_theirs(entry, owner, stands_on)

    def _not_theirs(self, entry: Entry, owner: Owner, stands_on: _Accepted) -> str | None:
        where = f"at {owner.accepted_at}"
        if (stands_on.person, stands_on.via) != (owner.person, owner.via):
            return f"its owner is '{owner.person}', and '{stands_on.person}' accepted {where}"
        what = entry.agent.id if entry.agent is not None else entry.case
        if what != stands_on.what:
            return f"it is of '{what}', and what its owner accepted {where} was '{stands_on.what}'"
        return None

    def _wrong_release(self, entry: Entry) -> str | None:
        if entry.agent is None or self._unread:
            return None
        release = entry.agent.release
        policies = self._policies.get(release)
        if policies is None:
            return f"its release '{release}' was not registered before it"
        used = {one.set for one in entry.policy} - {OUR_OWN_RULES, policies}
        if used:
            return f"it was decided under policies '{min(used)}', which are not its release's"
        return None


def _is_refused_at_the_desk(entry: Entry) -> bool:
    """Who holds no case may not write in it; that they tried is recorded, and nothing is done."""
    if entry.kind != "decided" or entry.agent is not None or not entry.policy:
        return False
    return all(one.set == OUR_OWN_RULES and one.verdict == "deny" for one in entry.policy)
