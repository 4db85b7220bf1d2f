"""Whose word is enough: a C2SP tlog-policy (c2sp.org/tlog-policy), read as its holder means it.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>...
    quorum <name>|none

Organisations count, not keys. A witness's organisation is its key's name up to the first slash. All
witnesses of one organisation stand in one group, and count once there. `all` asks for each member.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from answerable.base.errors import UsageError
from answerable.ledger.cosignature import Cosignature, CosignerKey
from answerable.ledger.note import NoteError, VerifierKey

_NONE = "none"
_LINES_MAX = 1_000


class PolicyWrong(UsageError):
    """A policy that cannot be read as one: it vouches for nothing."""

    code = "quorum_wrong"

    def __init__(self, line: int, why: str) -> None:
        self.line = line
        where = f"Line {line} of the quorum" if line else "The quorum"
        super().__init__(
            f"{where} is wrong: {why}.", "Nothing was verified.", "see docs/witnesses.md"
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Met when all of its members are; or, with `k`, members of so many organisations."""

    members: tuple[str, ...]
    k: int | None


@dataclass(slots=True)
class Policy:
    """Logs, witnesses, and which of those together are enough."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, CosignerKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str = ""

    def is_met(self, by: Collection[CosignerKey]) -> bool:
        """Whether the witnesses with these keys are enough."""
        return self.quorum == _NONE or self._has(self.quorum, by)

    def interval(self, words: Sequence[Cosignature]) -> tuple[int, int] | None:
        """(not before, not after), in seconds, that a quorum vouches for; None without one.

        Not after: the first second by which a quorum had signed. Not before: the last second from
        which on a quorum signed. So no few witnesses with a wrong clock move either of them.
        """
        ordered = sorted(words, key=lambda each: each.at_s)
        until = self._first_enough(ordered)
        since = self._first_enough(ordered[::-1])
        return None if since is None or until is None else (since, until)

    def _first_enough(self, ordered: Iterable[Cosignature]) -> int | None:
        by: list[CosignerKey] = []
        for word in ordered:
            by.append(word.key)
            if self._has(self.quorum, by):
                return word.at_s
        return None

    def _has(self, name: str, by: Collection[CosignerKey]) -> bool:
        if name in self.witnesses:
            return self.witnesses[name] in by
        group = self.groups.get(name)
        if group is None:
            return False
        met = [each for each in group.members if self._has(each, by)]
        if group.k is None:
            return len(met) == len(group.members)
        return len({self.unit(each) for each in met}) >= group.k

    def unit(self, name: str) -> tuple[str, str]:
        """What a member counts as: its organisation, or itself where it is a group."""
        key = self.witnesses.get(name)
        return ("group", name) if key is None else ("organisation", organisation(key))


def organisation(key: CosignerKey) -> str:
    """Who runs a witness, as its name says: `witness.example` of `witness.example/w1`."""
    return key.name if key.name.startswith("oid/") else key.name.partition("/")[0]


def parse_policy(text: str) -> Policy:
    """Read a policy. Raises PolicyWrong."""
    policy = Policy()
    if any((char < " " and char not in "\t\n") or char == "\x7f" for char in text):
        raise PolicyWrong(0, "it has a control character")
    lines = text.split("\n")
    if len(lines) > _LINES_MAX:
        raise PolicyWrong(0, f"it has more than {_LINES_MAX} lines")
    for number, line in enumerate(lines, 1):
        words = line.replace("\t", " ").split(" ")
        words = [each for each in words if each]
        if words and not words[0].startswith("#"):
            try:
                _take(policy, words)
            except (NoteError, ValueError) as error:
                raise PolicyWrong(number, str(error).rstrip(".")) from error
    if not policy.quorum:
        raise PolicyWrong(0, "it has no line `quorum`")
    _check_organisations(policy)
    return policy


def _take(policy: Policy, words: list[str]) -> None:
    match words:
        case ["log", vkey] | ["log", vkey, _]:
            log = VerifierKey.parse(vkey)
            if any(each.public_key == log.public_key for each in policy.logs):
                raise ValueError("the log is there twice")
            policy.logs.append(log)
        case ["witness", name, vkey] | ["witness", name, vkey, _]:
            key = CosignerKey.parse(vkey)
            _check_new(policy, name)
            if any(each.public_key == key.public_key for each in policy.witnesses.values()):
                raise ValueError("the same key is there twice")
            policy.witnesses[name] = key
        case ["group", name, count, first, *rest]:
            _check_new(policy, name)
            policy.groups[name] = _group(policy, count, (first, *rest))
        case ["quorum", name]:
            if policy.quorum:
                raise ValueError("there are two lines `quorum`")
            if name != _NONE and name not in policy.witnesses and name not in policy.groups:
                raise ValueError(f"'{name}' is not defined above it")
            policy.quorum = name
        case _:
            raise ValueError(f"'{words[0]}' does not begin a line of this form")


def _check_new(policy: Policy, name: str) -> None:
    if name == _NONE or name in policy.witnesses or name in policy.groups:
        raise ValueError(f"the name '{name}' is taken")


def _group(policy: Policy, count: str, members: tuple[str, ...]) -> Group:
    used = {each for group in policy.groups.values() for each in group.members}
    for at, each in enumerate(members):
        if each not in policy.witnesses and each not in policy.groups:
            raise ValueError(f"'{each}' is not defined above it")
        if each in used or each in members[:at]:
            raise ValueError(f"'{each}' is a member already")
    if count in ("all", "any"):
        return Group(members, None if count == "all" else 1)
    if not (count.isascii() and count.isdigit() and str(int(count)) == count):
        raise ValueError(f"'{count}' is neither all, any nor a number")
    k, most = int(count), len({policy.unit(each) for each in members})
    if not 1 <= k <= most:
        raise ValueError(f"it asks for {k} of {most} organisations: two keys of one count once")
    return Group(members, k)


def _check_organisations(policy: Policy) -> None:
    """Each organisation counts in one place: in two, its two keys would count twice."""
    where: dict[str, str] = {}
    for name, group in policy.groups.items():
        for each in group.members:
            kind, whose = policy.unit(each)
            if kind == "organisation" and where.setdefault(whose, name) != name:
                raise PolicyWrong(
                    0,
                    f"witnesses of '{whose}' stand in the groups '{where[whose]}' and '{name}', "
                    "and would count twice: put them in one",
                )
