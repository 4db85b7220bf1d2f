"""What the rooms hand to the committer: entries still without their numbers, and memos."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from answerable.engine.port import Record
from answerable.ledger.domain import (
    Action,
    AgentRef,
    Effect,
    Evidence,
    Kind,
    ModelUse,
    Outcome,
    Owner,
    PolicyUse,
    Trace,
)


class Body(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Personal bytes on their way under a key; `is_sealed` where they arrive as ciphertext."""

    kid: str
    data: bytes
    is_sealed: bool = False


class Draft(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An entry before the committer gives it `seq`, `ts`, `sseq`, `oseq` and seals its body."""

    kind: Kind
    id: str
    actor: str | None = None
    owner: Owner | None = None
    agent: AgentRef | None = None
    party: str | None = None
    parent: str | None = None
    trace: Trace | None = None
    inputs: tuple[Evidence, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    policy: tuple[PolicyUse, ...] = ()
    action: Action | None = None
    effect: Effect | None = None
    outcome: Outcome | None = None
    change: Mapping[str, str | int] | None = None
    model: ModelUse | None = None
    body: Body | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memo:
    """A recorded step: read back after a crash, not repeated. No entry, no index."""

    key: str
    body: Body


@dataclass(slots=True, kw_only=True)
class Unit:
    """What is written together or not at all, for one arrival or one command."""

    arrival: str | None = None
    drafts: list[Draft] = field(default_factory=list)
    memos: list[Memo] = field(default_factory=list)
    new_keys: dict[str, bytes] = field(default_factory=dict)
    done: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """The records of a unit as they stand in the feed, drafts first, and their ledger indexes."""

    records: tuple[Record, ...]
    indexes: tuple[int, ...]
