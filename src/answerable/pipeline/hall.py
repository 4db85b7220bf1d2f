"""What the seven stages share: the rooms below, as `compose` wired them."""

import asyncio
import math
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from answerable.agents.domain import Release
from answerable.agents.service import Agents
from answerable.base.chance import Chance
from answerable.base.clock import Clock
from answerable.base.ids import Ids
from answerable.base.settings import CALL_SECONDS_MAX
from answerable.cases.leases import Leases
from answerable.cases.service import Cases
from answerable.effects.breaker import Doors
from answerable.engine.port import Engine
from answerable.ledger.committer import Committer
from answerable.ledger.keyring import Keyring
from answerable.parties.erasure import Erasures
from answerable.parties.service import Parties
from answerable.people.service import People
from answerable.pipeline.deadlines import Deadlines
from answerable.pipeline.hands import Hands
from answerable.pipeline.quiet import Quiet
from answerable.policy.budget import Spending
from answerable.policy.limits import Limits, Reservation
from answerable.policy.load import PolicySet
from answerable.rails.port import Rail
from answerable.sdk.port import Model
from answerable.store.epochs import BackupKeys
from answerable.store.stopfile import StopFile
from answerable.telemetry.watch import Unwatched, Watch


@dataclass(frozen=True, slots=True)
class Line:
    """A rail as this home has configured it: what it plugs into and which agent answers on it."""

    rail: Rail
    agent: str
    deadline_s: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.deadline_s <= CALL_SECONDS_MAX:
            raise ValueError(f"`deadline_s` is above 0, at most {CALL_SECONDS_MAX:g}")


@dataclass(slots=True, kw_only=True)
class Hall:
    """One per worker. Stages read state through the rooms and write through `committer` only."""

    engine: Engine
    committer: Committer
    keyring: Keyring
    clock: Clock
    chance: Chance
    ids: Ids
    db: sqlite3.Connection  # query-only: state rows as of the last commit
    people: People
    parties: Parties
    erasures: Erasures
    backup_keys: BackupKeys
    agents: Agents
    cases: Cases
    leases: Leases
    policy: PolicySet
    limits: Limits
    lines: Mapping[str, Line]
    releases: Mapping[str, Release]  # agent -> the release that is loaded in this process
    stop_file: StopFile
    models: Mapping[str, Model]  # agent -> what it thinks with, if it does
    spending: Spending
    overhear: Callable[[str, str], None] = lambda _interaction, _text: None  # a thought as it comes
    watch: Watch = field(default_factory=Unwatched)
    turns: dict[asyncio.Task[object], str] = field(default_factory=dict)  # whose code is running
    stalled: frozenset[str] = frozenset()  # turns (arrivals) and effects that stalled a worker
    restored_at: int = 0  # since when this home goes on from a backup, microseconds UTC
    reservations: OrderedDict[str, Reservation] = field(default_factory=OrderedDict)
    deadlines: Deadlines = field(default_factory=Deadlines)
    doors: Doors = field(default_factory=Doors)
    wait_s: Callable[[], float] = lambda: 0.0  # of a message that comes now, until it is taken up
    wait_max_s: float = math.inf  # who would wait longer is told to come again
    quiet: Quiet = field(default_factory=Quiet)
    hands: Hands = field(default_factory=lambda: Hands(256))
    reporting: set[asyncio.Task[None]] = field(default_factory=set)  # what waits for a late call
    reload_control: Callable[[], None] = lambda: None  # after a commit that moved power
