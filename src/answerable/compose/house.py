"""A house: every room wired over one home. What a worker, a command and a test all open."""

import asyncio
import contextlib
import math
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from answerable.adapters.engines.embedded.journal import EmbeddedJournal
from answerable.adapters.engines.embedded.writer import Commit, commit
from answerable.adapters.signers.process import Place
from answerable.agents import rows as agent_rows
from answerable.agents import spending
from answerable.agents.domain import Blueprint, Release, release_of
from answerable.agents.kept import keep
from answerable.agents.service import Agents
from answerable.base.chance import Chance, SystemChance
from answerable.base.clock import Clock, SystemClock
from answerable.base.errors import Broken, UsageError
from answerable.base.ids import TimeOrderedIds
from answerable.cases.leases import Leases
from answerable.cases.recent import Recent
from answerable.cases.service import Cases
from answerable.compose import state
from answerable.compose.head import heal_state, proven_head, state_agrees, unsealed_tail
from answerable.compose.models import models_of
from answerable.compose.signing import Signing, about, open_signing
from answerable.effects import rows as effect_rows
from answerable.engine.port import Cursor, Engine, Fence
from answerable.ledger import rows as ledger_rows
from answerable.ledger.committer import Committer, Tools, in_thread, inline
from answerable.ledger.draft import Body, Committed, Unit
from answerable.ledger.keyring import Keyring
from answerable.ledger.note import NoteError, VerifierKey
from answerable.parties import rows as party_rows
from answerable.parties.erasure import Erasures
from answerable.parties.service import Parties
from answerable.people import rows as people_rows
from answerable.people.errors import AgentHasNoOwner
from answerable.people.service import People
from answerable.pipeline.hall import Hall, Line
from answerable.policy.budget import Spending
from answerable.policy.limits import Limits
from answerable.policy.load import PolicySet
from answerable.sdk.port import Model
from answerable.store.disk import Disk
from answerable.store.epochs import BackupKeys
from answerable.store.keys import KEYS, KeyStore, home_key
from answerable.store.restored import restored
from answerable.store.rotation import settle_home_key
from answerable.store.stopfile import StopFile
from answerable.store.threads import beside_the_loop
from answerable.telemetry.traces import NoTraces, Traces


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a house is built from; the defaults are production's."""

    home: Path
    blueprints: Sequence[Blueprint] = ()
    lines: dict[str, Line] = field(default_factory=dict)
    policy: PolicySet
    models: Mapping[str, Model] = field(default_factory=dict)  # in place of what agents declare
    origin: str = "answerable.local/home"
    signer: Place | None = None  # the process that signs; a file in the home where there is none
    clock: Clock = field(default_factory=SystemClock)
    chance: Chance = field(default_factory=SystemChance)
    is_threaded: bool = True
    backlog_max: int = 20_000
    in_flight_max: int = 256
    wait_max_s: float = math.inf
    disk_reserve_bytes: int = 0
    passages_kept: int = 200_000  # interactions of which it is known how long each stage took
    traces: Callable[[], Traces] = NoTraces  # where telemetry goes besides
    persons_to_erase: int = 2
    erasure_asked_days: int = 7
    backup_keys: Path | None = None  # where the keys of backups lie; None: in the home
    wrap_engine: Callable[[Engine], Engine] = lambda engine: engine
    commit: Commit = commit


class House:
    """The open house. `close` it, or `abandon` it as a SIGKILL would."""

    def __init__(
        self, plan: Plan, journal: EmbeddedJournal, keys: KeyStore, hall: Hall, signing: Signing
    ) -> None:
        self.plan = plan
        self.signing = signing
        self.journal = journal
        self.keys = keys
        self.hall = hall
        self._one_at_a_time = asyncio.Lock()
        self._fence: Fence | None = None
        self.disk = Disk(plan.home, reserve_bytes=plan.disk_reserve_bytes)
        self.traces = plan.traces()

    @property
    def home(self) -> Path:
        return self.plan.home

    @property
    def vkey(self) -> VerifierKey:
        """What the log was verified with as it was opened."""
        return self.signing.signer.vkey

    async def start(self, fence: Fence) -> None:
        """Begin to write for the partition, and register the loaded releases.

        Raises PersonUnknown, AgentHasNoOwner: without a living owner who accepted no agent begins.
        One whose owner has left since keeps nothing else from opening: its cases go to the desk.
        """
        self._fence = fence
        self.hall.committer.start(fence)
        for release in self.hall.releases.values():
            agent = release.blueprint.agent
            owner = self.hall.people.directory.accountable_for(agent, self.hall.clock.now())
            if owner is None and agent in self.hall.agents.registry.releases:
                continue
            if owner is None:
                self.hall.people.find(release.blueprint.owner)
                raise AgentHasNoOwner(agent)
            unit = self.hall.agents.register(release, self.plan.policy.digest, owner)
            if unit is not None:
                self._keep_release(unit, release)
                await self.commit_control(unit)

    def _keep_release(self, unit: Unit, release: Release) -> None:
        """With the release goes what its digest covers, and the policy set: what was decided by it
        can be judged again, and what it was made of be shown, when the files are others."""
        kid, key = self.hall.keyring.new_key()
        unit.new_keys[kid] = key
        body = Body(kid=kid, data=keep(release, self.plan.policy.source))
        unit.drafts[0] = replace(unit.drafts[0], body=body)

    async def change_power(self, checked: Callable[[], Unit]) -> Committed:
        """Check a change of power and write it, one at a time: what `checked` reads in the
        directory still stands when its unit is written. Raises what `checked` raises."""
        async with self._one_at_a_time:
            return await self.commit_control(checked())

    async def commit_control(self, unit: Unit) -> Committed:
        """Write a change of power, and let every stage see it before this returns.

        Raises SignerAway where it would only wait.
        """
        self.hall.committer.check_signer()
        committed = await self.hall.committer.commit(unit, has_time=False)
        self.hall.reload_control()
        return committed

    async def drop_bodies(self, after: Cursor, upto: Cursor, kinds: Collection[str]) -> int:
        """Forget the bodies of these kinds at (after, upto]: they were archived."""
        if self._fence is None:
            raise RuntimeError("the house was not started with a fence")
        return await self.hall.engine.drop(self._fence, after, upto, kinds)

    async def close(self) -> None:
        await self.hall.committer.stop()
        for agent, model in self.hall.models.items():
            if agent not in self.plan.models:
                await model.close()
        await beside_the_loop(self.traces.close)
        self.journal.close()
        self.keys.close()
        self.signing.close()

    def abandon(self) -> None:
        """For tests: drop everything that is not committed."""
        self.journal.abandon()
        self.keys.close()
        self.signing.close()


def open_house(plan: Plan) -> House:
    """Take the home, open its files and wire the rooms. Raises HomeHeld, WrongHome, Broken,
    SecretLost."""
    journal = _open_journal(plan)
    if not state_agrees(journal):
        journal.close()
        heal_state(plan.home)
        journal = _open_journal(plan)
    try:
        keys, signing = _secrets(plan, journal)
    except BaseException:
        journal.abandon()
        raise
    try:
        head = proven_head(journal, signing.signer.vkey)
        tail = unsealed_tail(journal, head, signing, keys.naming_key())
    except BaseException:
        journal.abandon()
        keys.close()
        signing.close()
        raise
    backup_keys = BackupKeys.of(plan.home, plan.backup_keys, plan.clock, plan.chance)
    db = finish_erasures(journal.reader(), keys, backup_keys)
    engine = plan.wrap_engine(journal)
    keyring = Keyring(keys.naming_key(), keys, plan.chance)
    ids = TimeOrderedIds(plan.clock, plan.chance)
    parties, recent = Parties(db, ids, keyring), Recent(db)

    def heard(unit: Unit, committed: Committed) -> None:
        parties.heard(unit, committed)
        recent.heard(unit, committed)

    committer = Committer(
        Tools(
            engine=engine, signer=signing.signer, keys=keys, clock=plan.clock, chance=plan.chance,
            counters=ledger_rows.CounterRows(db), heard=heard,
        ),
        head,
        in_thread if plan.is_threaded else inline,
        tail,
    )  # fmt: skip
    people, agents = People(people_rows.load(db), ids, keyring), Agents(agent_rows.load(db), ids)

    def reload_control() -> None:
        people.directory = people_rows.load(db)
        agents.registry = agent_rows.load(db)

    hall = Hall(
        engine=engine, committer=committer, keyring=keyring, clock=plan.clock,
        chance=plan.chance, ids=ids, db=db, people=people, agents=agents,
        parties=parties, erasures=Erasures(db, ids), backup_keys=backup_keys,
        cases=Cases(recent), leases=Leases(recent), policy=plan.policy, lines=plan.lines,
        limits=Limits(lambda key, day: effect_rows.used(db, key, day)),
        wait_s=journal.wait_s, wait_max_s=plan.wait_max_s,
        releases=_releases(plan), stop_file=StopFile(plan.home), reload_control=reload_control,
        models=models_of(plan.blueprints, plan.models),
        spending=Spending(lambda agent, day: spending.spent(db, agent, day)),
    )  # fmt: skip
    _, hall.restored_at = restored(plan.home)
    return House(plan, journal, keys, hall, signing)


def finish_erasures(
    db: sqlite3.Connection, keys: KeyStore, backup_keys: BackupKeys
) -> sqlite3.Connection:
    """Destroy what the ledger says is destroyed, and an earlier life did not come to; or what an
    older key store has brought back. Raises Busy, Broken: before that nothing may be done.

    What is said of it beside the keys of backups is made whole too; where they are out of reach
    the worker tries it again, and the doctor tells.
    """
    destroyed = party_rows.list_destroyed(db)
    left = keys.alive(destroyed)
    if left:
        keys.destroy(left)
    if destroyed:
        with contextlib.suppress(Broken):
            backup_keys.note_missing(destroyed)
    return db


def _open_journal(plan: Plan) -> EmbeddedJournal:
    return EmbeddedJournal.open(
        plan.home, clock=plan.clock, state=state.STATE, backlog_max=plan.backlog_max,
        threaded=plan.is_threaded, commit=plan.commit,
    )  # fmt: skip


def _secrets(plan: Plan, journal: EmbeddedJournal) -> tuple[KeyStore, Signing]:
    """The home's keys. Raises SecretLost where a home that was used before lacks one of them."""
    settle_home_key(plan.home)
    secret = home_key(plan.home, plan.chance, may_create=journal.is_new)
    keys = KeyStore.open(plan.home / KEYS, secret, may_create=journal.is_new)
    try:
        return keys, open_signing(plan.signer, about(journal, plan.origin, plan.chance))
    except NoteError as error:
        keys.close()
        raise _bad_origin(plan, error) from error
    except BaseException:
        keys.close()
        raise


def _bad_origin(plan: Plan, error: NoteError) -> UsageError:
    return UsageError(
        f"'{plan.origin}' cannot be the log's name: {error}",
        "Nothing was started.",
        "correct `origin` under [ledger] in answerable.toml",
    )


def _releases(plan: Plan) -> dict[str, Release]:
    return {
        blueprint.agent: release_of(blueprint, plan.policy.digest) for blueprint in plan.blueprints
    }
