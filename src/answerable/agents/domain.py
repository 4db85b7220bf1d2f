"""An agent is a name and an owner; a release is exactly what runs, by digest."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from answerable.agents.stops import Stops
from answerable.base.settings import CALL_SECONDS_MAX
from answerable.ledger.named_sets import release_id
from answerable.policy.budget import BUDGET, Budget
from answerable.policy.limits import Limit

Repeat = Literal["idempotent", "reconcilable", "at_most_once"]
"""How an effect can be repeated: our key is honoured by the other side · a look-up by key tells
whether it happened · after a crash nobody knows, and a person decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one call to the other side may take before it is *unknown*, and how often one that
    surely did nothing is tried, over some minutes, before it has failed. `settles_s` is how long
    after the deadline the other side may still begin what was sent: "not found" counts after it.

    Raises ValueError for what cannot be kept: a deadline over 50 s would outlast a takeover's wait.
    """

    deadline_s: float = 10.0
    attempts_max: int = 6
    settles_s: float = 5.0

    def __post_init__(self) -> None:
        if not 0 < self.deadline_s <= CALL_SECONDS_MAX:
            raise ValueError(f"`deadline_s` is above 0, at most {CALL_SECONDS_MAX:g}")
        if not isinstance(self.attempts_max, int) or not 1 <= self.attempts_max <= _ATTEMPTS_MAX:
            raise ValueError(f"`attempts_max` is a whole number from 1 to {_ATTEMPTS_MAX}")
        if not 0 <= self.settles_s <= _SETTLES_S_MAX:
            raise ValueError(f"`settles_s` is 0 or more, at most {_SETTLES_S_MAX}")


_ATTEMPTS_MAX = 100
_SETTLES_S_MAX = 24 * 3600


PATIENCE = Patience()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """An effect tool as declared: what it may do, how it can be repeated, within which limits."""

    name: str
    effect: str
    repeat: Repeat
    perform: Callable[..., Awaitable[str]]
    find: Callable[..., Awaitable[str | None]] | None = None
    needs_grade: int = 0
    limit: Limit = field(default_factory=Limit)
    patience: Patience = PATIENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What an author wrote, as data: the parts that a release digest covers, and its handler."""

    agent: str
    owner: str
    desk: str
    purpose: str
    handler: Callable[..., Awaitable[object]]
    tools: Mapping[str, Tool]
    sources: Mapping[str, str]  # module name -> source text
    prompt: str = ""
    model: Mapping[str, str | int] = field(default_factory=dict)
    budget: Budget = BUDGET
    turn_deadline_s: float = 30.0  # of one run of the handler
    hold_expires_after_s: int = 4 * 3600  # a held effect that nobody answered is refused then


@dataclass(frozen=True, slots=True)
class Release:
    """An immutable agent version, loaded in this process."""

    id: str
    digest: str  # of `manifest`
    blueprint: Blueprint
    manifest: bytes = b""  # all that the digest covers
    parts: Mapping[str, str] = field(default_factory=dict)  # `PARTS`: a short digest of each


PARTS = ("code", "prompt", "model", "tools", "policy", "settings")
"""What of a release can change by itself, and is recorded so that two can be compared."""
PART_CHARS = 16


def release_of(blueprint: Blueprint, policy_digest: str) -> Release:
    """Digest of code, prompt, model settings, tools and policy: change one and it is another."""
    parts: dict[str, object] = {
        "agent": blueprint.agent,
        "desk": blueprint.desk,
        "purpose": blueprint.purpose,
        "prompt": blueprint.prompt,
        "model": dict(blueprint.model),
        "policy": policy_digest,
        "turn_deadline_s": blueprint.turn_deadline_s,
        "hold_expires_after_s": blueprint.hold_expires_after_s,
        "sources": {
            name: hashlib.sha256(text.encode()).hexdigest()
            for name, text in blueprint.sources.items()
        },
        "tools": [
            {
                "name": tool.name, "effect": tool.effect, "repeat": tool.repeat,
                "needs_grade": tool.needs_grade, "limit": repr(tool.limit),
                "patience": repr(tool.patience),
            }
            for _, tool in sorted(blueprint.tools.items())
        ],
    }  # fmt: skip
    if "use" in blueprint.model:  # without a model there is nothing that a budget could say
        parts["budget"] = repr(blueprint.budget)
    manifest = _encode(parts)
    digest = hashlib.sha256(manifest).hexdigest()
    return Release(release_id(digest), digest, blueprint, manifest, _parts(parts))


_PART_OF = {"sources": "code", "prompt": "prompt", "model": "model", "tools": "tools"}


def _parts(whole: Mapping[str, object]) -> dict[str, str]:
    """The digest of each part; whatever has no part of its own is a setting."""
    found = {part: _digest(whole[key])[:PART_CHARS] for key, part in _PART_OF.items()}
    rest = {key: value for key, value in whole.items() if key not in (*_PART_OF, "policy")}
    found["policy"] = str(whole["policy"])[:PART_CHARS]
    return found | {"settings": _digest(rest)[:PART_CHARS]}


def _digest(value: object) -> str:
    return hashlib.sha256(_encode(value)).hexdigest()


def _encode(value: object) -> bytes:
    return msgspec.json.encode(value, order="sorted")


@dataclass(slots=True)
class Registry:
    """What is registered and what is stopped; read on every decision, held in memory."""

    releases: dict[str, str] = field(default_factory=dict)  # agent -> registered release id
    known: set[str] = field(default_factory=set)  # every release id ever registered
    stops: Stops = field(default_factory=Stops)
