"""An entry is the whole truth about a decision, inside the hash.

Entries are canonical JSON (the RFC 8785 subset without floats: ASCII keys in order, integers
within 2**53, no spaces), so that a stranger can hash the bytes as they stand. Personal data is
never in an entry: it is in the body, which the entry commits to, and whose key can be destroyed.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from answerable.base.errors import AnswerableError

Kind = Literal[
    "received", "identified", "lease", "decided", "approval",
    "effect.started", "effect.done", "effect.unknown", "effect.failed",
    "outcome", "escalated", "handback",
    "person.added", "person.left", "owner.accepted", "owner.changed", "owner.delegated",
    "key.added", "key.revoked", "role.changed",
    "release.registered", "release.staged", "policy.activated", "stop",
    "key.rotated", "erasure.requested", "erasure.done", "gap.declared", "day.closed",
    "bodies.archived", "access.read",
    "party.held", "party.released",
]  # fmt: skip
"""What an entry can speak of."""

KINDS: frozenset[str] = frozenset(Kind.__args__)  # type: ignore[attr-defined]
NOBODY = "nobody"
"""Who holds a case that ended with its party: a holder that can do nothing."""
ARCHIVED: Kind = "bodies.archived"
"""Says that bodies, and published bundles of entries, were put away: see `archive`."""
CLOSED: Kind = "day.closed"
"""Commits all counters as they stand before it: see `counted`."""
OWNED_KINDS = frozenset(
    {"decided", "effect.started", "effect.done", "effect.unknown", "effect.failed"}
)
"""Kinds that speak of an agent's act: they always name an accountable owner."""

ENTRY_BYTES_MAX = 65_535  # C2SP entry bundles write an entry's length in 16 bits
INTEGER_MAX = 2**53 - 1  # RFC 8785 section 3.2.2.3 by way of I-JSON (RFC 7493 section 2.2)
Integer = Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]


class _Frozen(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,  # strings, numbers and each other: no cycle to look for
):
    """Its fields are declared in the order of the alphabet, which is the canonical order: the
    encoder then has nothing to sort, and the decoder finds each key where it looks first."""


class Owner(_Frozen, frozen=True, kw_only=True):
    """The person accountable at that instant."""

    accepted_at: Integer  # ledger index of the entry in which they accepted, or were delegated to
    person: str
    via: str | None = None  # the owner who delegated to `person`, where that is how it came


class AgentRef(_Frozen, frozen=True, kw_only=True):
    id: str
    release: str


class Subject(_Frozen, frozen=True, kw_only=True):
    """The party: a random pseudonym, and that party's own counter 1..n."""

    pid: str
    sseq: Integer = 0  # given by the committer


class Trace(_Frozen, frozen=True, kw_only=True):
    case: str | None = None
    interaction: str | None = None


class Evidence(_Frozen, frozen=True, kw_only=True):
    """Something that was looked at, committed to with a key (HMAC), never a bare hash."""

    commit: str
    kind: str
    name: str


class PolicyUse(_Frozen, frozen=True, kw_only=True):
    """One evaluation: which set, over which inputs, what it said and which rules said so."""

    context: str  # keyed commitment to the evaluated request
    reasons: tuple[str, ...] = ()  # `file:line @id` of each deciding rule, or our own rule's name
    set: str  # digest of the policy set
    verdict: Literal["allow", "hold", "deny"]


class Action(_Frozen, frozen=True, kw_only=True):
    """What is to be done; its exact arguments are in the body."""

    amount_minor: Integer | None = None
    commit: str  # keyed commitment to the exact bytes of the action
    currency: str | None = None
    kind: Literal["tool", "reply", "escalate"]
    name: str  # the tool, the rail, or the queue


class Effect(_Frozen, frozen=True, kw_only=True):
    after: str | None = None  # the effect whose end this one waits for
    attempt: Integer = 1
    id: str
    key: str  # the idempotency key that the other system sees
    repeat: Literal["idempotent", "reconcilable", "at_most_once"]


class Outcome(_Frozen, frozen=True, kw_only=True):
    commit: str | None = None  # keyed commitment to the receipt
    reason: str | None = None
    status: str


class ModelUse(_Frozen, frozen=True, kw_only=True):
    """What a turn asked of its model and what that cost. It stands on one entry of the turn, so
    that entries can be summed; the requests and answers themselves are in its recorded steps.

    What the provider did not tell is estimated from bytes, and counted in `estimated`. Requests
    whose price is not known are counted in `unpriced`, and cost nothing in `cost_micros`.
    """

    attempts: Integer = 0  # requests that they took
    calls: Integer = 0  # recorded calls, each one step
    cost_micros: Integer = 0  # millionths of a US dollar
    estimated: Integer = 0
    input_tokens: Integer = 0
    models: tuple[str, ...] = ()  # what answered, as the provider names it
    output_tokens: Integer = 0
    params: dict[str, str | Integer] | None = None
    requests: tuple[str, ...] = ()  # the provider's ids, in the order of asking
    unpriced: Integer = 0
    use: str  # the model as the release names it: `openai:gpt-5-mini`


class BodyRef(_Frozen, frozen=True, kw_only=True):
    """Ciphertext that belongs to the entry: its SHA-256, how it is sealed, under which key."""

    alg: Literal["A256GCM"]
    kid: str
    sha256: str


class Entry(_Frozen, frozen=True, kw_only=True):
    """One leaf of the log. `seq` is its ledger index, 0-based; times are microseconds, UTC."""

    action: Action | None = None
    actor: str | None = None  # who did it, where it is not an agent's act
    agent: AgentRef | None = None
    body: BodyRef | None = None
    change: dict[str, str | Integer] | None = None  # what changed hands, in kinds of power
    effect: Effect | None = None
    evidence: tuple[Evidence, ...] = ()
    id: str
    inputs: tuple[Evidence, ...] = ()
    kind: Kind
    model: ModelUse | None = None  # of the turn that led to this, on its first entry
    oseq: Integer | None = None  # counter of the accountable person, 1..n
    outcome: Outcome | None = None
    owner: Owner | None = None
    parent: str | None = None  # id of the entry that led to this one
    policy: tuple[PolicyUse, ...] = ()
    seq: Integer
    subject: Subject | None = None
    trace: Trace | None = None
    ts: Integer
    v: Literal[1]

    @property
    def case(self) -> str:
        """The case it is part of; empty where it is of none."""
        return (self.trace.case or "") if self.trace else ""

    @property
    def interaction(self) -> str:
        """The interaction it is part of; empty where it is of none."""
        return (self.trace.interaction or "") if self.trace else ""

    @property
    def accountable(self) -> str:
        """The accountable person's id; empty in kinds that have none."""
        return self.owner.person if self.owner else ""

    def changed(self, name: str) -> str:
        """A word of what changed hands; empty where there is none."""
        return str((self.change or {}).get(name, ""))


class Seal(_Frozen, frozen=True, kw_only=True):
    """What a batch adds beside its entries: the signed head, and what finds a bad index."""

    size: int  # entries in the tree after this batch
    root: str  # hex
    note: str  # the signed checkpoint, C2SP tlog-checkpoint
    leaves: tuple[str, ...]  # hex leaf hashes of this batch's entries, in order
    range: tuple[str, ...]  # hex compact range of the whole tree: its perfect subtrees, left first


SEAL_KIND = "checkpoint"  # record kind of a Seal; its key is `ckp_<size>`
UNSEALED_KIND = "unsealed"  # record kind of what stands before a seal that comes later: `unsealed`


@dataclass(frozen=True, slots=True)
class LeafProblem:
    """The first index at which a ledger is not what was signed, and why."""

    index: int
    problem: str


class EntryTooLarge(AnswerableError):
    code = "entry_too_large"
    http_status = 413


_encoder = msgspec.json.Encoder(order="deterministic")  # sorts what is in a dict
_decoder = msgspec.json.Decoder(Entry, strict=True)


def encode_entry(entry: Entry) -> bytes:
    """The canonical bytes: what is hashed, stored and shown to strangers."""
    data = _encoder.encode(entry)
    if len(data) > ENTRY_BYTES_MAX:
        raise EntryTooLarge(
            f"Entry '{entry.id}' is {len(data)} bytes; the log's limit is {ENTRY_BYTES_MAX}.",
            "Nothing was written.",
        )
    return data


def is_canonical(data: bytes, entry: Entry) -> bool:
    """Whether the bytes that an entry was read from are those that it has in every reading."""
    is_short = len(data) <= ENTRY_BYTES_MAX
    return is_short and encode_entry(entry) == data and (data.isascii() or has_ascii_keys(entry))


def has_ascii_keys(entry: Entry) -> bool:
    """Whether the keys that an entry may choose are ASCII: their order is one in every reading."""
    params = entry.model.params if entry.model else None
    return all(map(str.isascii, (*(entry.change or ()), *(params or ()))))


def decode_entry(data: bytes) -> Entry:
    """Read an entry; unknown keys, floats and wrong types are errors (msgspec.ValidationError)."""
    return _decoder.decode(data)
