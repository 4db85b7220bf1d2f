"""The nouns of policy: what is asked, what is answered, and which statements there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import msgspec

from answerable.base.money import Money

Fact = str | int | bool
ActionKind = Literal["perform", "reply"]
Stage = Literal["pilot", "shadow", "canary", "production"]
Holder = Literal["agent", "specialist", "queue", "outside"]


class Verdict(StrEnum):
    """What may happen: at once, after a named person said yes, or not."""

    ALLOW = "allow"
    HOLD = "hold"
    DENY = "deny"


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """What was done today before this action, in-flight reservations included (`Limits.counters`).

    Amounts are minor units in the currency of the action's own amount.
    """

    party_effects_today: int = 0
    party_amount_minor_today: int = 0
    agent_effects_today: int = 0
    agent_amount_minor_today: int = 0


class Rules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is looked at before and beside policy, as it stood at that instant."""

    is_in_release: bool = True  # whether the release that ran has this tool
    stop: str = ""  # the reason, where a stop lets nothing of it start
    needs_grade: int = 0
    is_ambiguous: bool = False  # the call holds more than one amount
    limit: Mapping[str, str | int] = msgspec.field(default_factory=dict)  # what the tool declares
    ask: str = ""  # whom a stop asks about whatever would be allowed


class Spoken(msgspec.Struct, frozen=True):
    """What is looked at where a person speaks in their own name."""

    by: str
    holder: str  # of the case's lease
    is_living: bool


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """May this agent do this, now? `perform` speaks of an effect tool, `reply` of a rail."""

    agent: str
    release: str
    action: ActionKind
    name: str  # the tool or the rail
    grade: int
    at_us: int
    stage: Stage = "production"
    case_holder: Holder = "agent"
    amount: Money | None = None
    counters: Counters = Counters()
    facts: Mapping[str, Fact] = msgspec.field(default_factory=dict)
    rules: Rules | msgspec.UnsetType = msgspec.UNSET  # decisions of old homes were made without


class Judgement(msgspec.Struct, frozen=True):
    """A verdict and the rules that decided it: `file:line @id`, or one of our own rules' names.

    `ask` names the queues or roles of the `@hold` rules, in the order of the files; empty unless
    the verdict is HOLD.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    ask: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One permit or forbid as it was written."""

    id: str
    file: str
    line: int  # of its first token, 1-based
    text: str
    effect: Literal["permit", "forbid"]
    hold: str | None = None  # who is asked
    note: str | None = None  # why the rule is there, in the words of its author

    @property
    def ref(self) -> str:
        return f"{self.file}:{self.line} @{self.id}"


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(Request, strict=True)
_spoken = msgspec.json.Decoder(Spoken, strict=True)


def encode_request(request: Request) -> bytes:
    """The canonical bytes of everything that was asked: what a decision commits to."""
    return _encoder.encode(request)


def encode_spoken(spoken: Spoken) -> bytes:
    return _encoder.encode(spoken)


def decode_spoken(data: bytes) -> Spoken:
    """Raises msgspec.ValidationError."""
    return _spoken.decode(data)


def decode_request(data: bytes) -> Request:
    """Read a request back for a replay; wrong types are errors (msgspec.ValidationError)."""
    return _decoder.decode(data)
