"""Agents, their releases, the stop, and how the house is doing."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from answerable.worker.verbs.base import Limit, Word

Mode = Literal["pause", "read_only", "ask"]
"""pause: nothing starts, cases go to people · read_only: agents answer, no effect tool is performed
· ask: whatever policy would allow waits for a person."""


class AgentList(msgspec.Struct, frozen=True, tag="agent.list"): ...


@dataclass(frozen=True, slots=True)
class AgentRow:
    id: str
    release: str
    is_loaded: bool
    is_stopped: bool
    owner: str
    owner_name: str
    states: tuple[str, ...] = ()  # which stops bear on it: `pause`, `tool refund: ask`, ...


class AgentShow(msgspec.Struct, frozen=True, tag="agent.show"):
    agent: Word


@dataclass(frozen=True, slots=True)
class ToolRow:
    name: str
    effect: str
    repeat: str
    needs_grade: int
    limits: tuple[str, ...]  # each in words: `amount_minor_each 20000 USD`
    effects_today: int
    amounts_today: tuple[str, ...]  # `120.00 USD`
    states: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgentView:
    """At a glance: who answers for it, what it may do, what it did today, what waits."""

    id: str
    purpose: str
    desk: str
    owner: str  # the accountable person's id; empty if nobody
    owner_name: str
    owner_sentence: str
    release: str
    is_loaded: bool
    model: str
    states: tuple[str, ...]
    tools: tuple[ToolRow, ...]
    rails: tuple[str, ...]
    today: dict[str, int]  # interactions, replies, effects, denied, held, escalated, failed
    waiting: dict[str, int]  # approvals, unknown, desk, open


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Put a stop on a scope, or let it go. `scope` is `*`, an agent's name, `tool:AGENT/TOOL` or
    `party:pty_...`."""

    scope: Word
    by: Word
    is_on: bool = True
    mode: Mode = "pause"
    is_kill: bool = False  # what its agents are thinking ends at once, too


class StopList(msgspec.Struct, frozen=True, tag="stop.list"): ...


@dataclass(frozen=True, slots=True)
class StopRow:
    scope: str
    mode: str
    since: int  # ledger index; -1 for the stop file
    by: str
    by_name: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """A stop or a leaving is in force, since this ledger index."""

    id: str
    index: int
    is_late: bool  # a send that had begun before was still on its way when its deadline passed
    moved: int = 0  # cases that went to the desk
    asked: tuple[str, ...] = ()  # who is asked now to answer for each of `agents`; empty if nobody
    agents: tuple[str, ...] = ()  # for which nobody answers any more, since somebody left
    holds: int = 0  # that became a no, since nobody could say yes to them
    keys: tuple[str, ...] = ()  # of HTTP, that open nothing any more: id and name


class ReleaseList(msgspec.Struct, frozen=True, tag="release.list"):
    """Newest first; only the one that is named, where `release` is given. Raises NotFound."""

    agent: Word = ""
    limit: Limit = 100
    release: Word = ""


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    id: str
    agent: str
    registered_at: str
    index: int
    is_active: bool
    is_loaded: bool
    owner: str
    parts: dict[str, str]  # code, prompt, model, tools, policy, settings: digest of each, if known


class Status(msgspec.Struct, frozen=True, tag="status"): ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How the worker is doing."""

    in_flight: int
    waiting: int  # messages accepted and not finished
    open: int  # interactions and effects that have not ended
    entries: int
    commits: int
    now: int
    stages: dict[str, list[int]]
    position: int = 0  # of the feed, as far as the index has followed it: where news begin
    traces_dropped: int = 0  # interactions whose measured times were lost, here or on their way


class Overview(msgspec.Struct, frozen=True, tag="overview"): ...


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that needs a person, and where to see it."""

    what: str
    next_command: str
    path: str  # of the console: `/desk`, `/approvals`, ...


@dataclass(frozen=True, slots=True)
class OverviewView:
    """Is everything all right? Counts of today, what waits, what is wrong."""

    origin: str
    entries: int
    today: dict[str, int]  # interactions, answered, escalated, denied, held, effects, failed
    waiting: dict[str, int]  # messages, approvals, desk, unknown
    agents: tuple[AgentRow, ...]
    stops: tuple[StopRow, ...]
    troubles: tuple[Trouble, ...]
    per_hour: tuple[tuple[str, int, int], ...]  # (hour `2026-03-02T14`, interactions, escalated)
    bytes_used: int
    bytes_free: int
    days_until_full: float  # -1 where it is not known yet
    last_day: dict[str, int] = field(default_factory=dict)  # as `today`, of the hours of `per_hour`
