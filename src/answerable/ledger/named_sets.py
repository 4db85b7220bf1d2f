"""Policy sets and releases beside an answer: each is known by the digest that entries name."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from answerable.ledger.bundle import policy_name, release_name
from answerable.ledger.domain import Entry
from answerable.ledger.powers import OUR_OWN_RULES
from answerable.ledger.strict import read_json

RELEASE_KINDS = ("release.registered", "release.staged")
_ID_DIGITS = 24

_BEGINS = b"answerable-policy-set/1\n"


class _Source(msgspec.Struct, frozen=True):
    """What a policy set's digest is of; other fields may stand beside it."""

    schema: str
    files: Mapping[str, str]


@dataclass(slots=True)
class Named:
    """What entries name: sets by digest, releases by id with the digest that an entry says."""

    sets: set[str] = field(default_factory=set)
    releases: dict[str, str] = field(default_factory=dict)

    def take(self, entry: Entry) -> None:
        self.sets |= {used.set for used in entry.policy} - {OUR_OWN_RULES}
        if entry.agent is not None:
            self.releases.setdefault(entry.agent.release, "")
        if entry.kind in RELEASE_KINDS:
            self.sets.add(entry.changed("policy"))
            self.releases[entry.changed("release")] = entry.changed("digest")

    def names(self, member: str, digest: str) -> bool:
        """Whether an entry names what member `policies/` or `releases/` of this digest has."""
        if member == policy_name(digest):
            return digest in self.sets
        return self.releases.get(release_id(digest)) in ("", digest)

    def lacking(self, members: Collection[str]) -> tuple[str, ...]:
        """What is named and is not among the members: a policy set or a release, by name."""
        sets = sorted(each for each in self.sets if policy_name(each) not in members)
        folder = release_name("").partition("/")[0] + "/"
        held = {
            release_id(name.removeprefix(folder)) for name in members if name.startswith(folder)
        }
        releases = sorted(self.releases.keys() - held)
        return (*(f"policy set {each}" for each in sets), *(f"release {each}" for each in releases))


def release_id(digest: str) -> str:
    """How a release is named, after the digest of its manifest."""
    return f"rel_{digest[:_ID_DIGITS]}"


def policy_set_digest(data: bytes) -> str:
    """Of a member `policies/<digest>.json`. Raises ValueError where it is no policy set."""
    try:
        source = msgspec.convert(read_json(data), _Source)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no policy set: {error}") from None
    whole = sha256(_BEGINS)
    for part in (source.schema, *_parts(source.files)):
        text = part.encode("utf-8", "surrogatepass")
        whole.update(b"%d\n" % len(text))
        whole.update(text)
    return whole.hexdigest()


def _parts(files: Mapping[str, str]) -> Iterator[str]:
    for name, text in sorted(files.items()):
        yield name
        yield text


def release_digest(data: bytes) -> str:
    """Of a member `releases/<digest>.json`."""
    return sha256(data).hexdigest()
