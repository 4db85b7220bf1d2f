"""A world: one home, its people, its customers and the other side, for one seed."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextvars import Context
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from answerable.adapters.engines.embedded.writer import commit
from answerable.agents.domain import Blueprint
from answerable.base import faults
from answerable.base.chance import SeededChance
from answerable.base.clock import HOUR_US, MINUTE_US
from answerable.base.errors import AnswerableError
from answerable.compose.house import Plan
from answerable.people.errors import AgentHasNoOwner
from answerable.pipeline.hall import Line
from answerable.policy.load import PolicySet
from answerable.rails.port import Ack, Incoming
from answerable.testing.simulator import agents
from answerable.testing.simulator.books import Books
from answerable.testing.simulator.clock import SimClock
from answerable.testing.simulator.disk import troubled_commit
from answerable.testing.simulator.loop import PROCESS, SimLoop
from answerable.testing.simulator.process import Lost, Process
from answerable.testing.simulator.shop import Repeat, Shop, SimRail
from answerable.testing.simulator.weather import Weather, pause_s
from answerable.testing.simulator.witness import Witness
from answerable.worker import heartbeat, verbs
from answerable.worker.verbs.base import Done

T = TypeVar("T")
PEOPLE = ("olga", "otto", "sam", "sue")  # two owners, two specialists
OWNER_OF = {"shop": "olga", "bank": "otto"}
_RESTART_S = 5.0
_STEPS_MAX = 400_000
_LATER_US = (0, 9 * HOUR_US, 9 * HOUR_US + 40 * MINUTE_US, 9 * HOUR_US + 43 * MINUTE_US)
"""After the clock's epoch: most worlds live through the end of a day."""


def address(name: str) -> str:
    return f"{name}@acme.example"


class World:
    """Everything of one seed. `release` is which agents and rules the next life loads."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.seed = seed
        self.chance = random.Random(f"world:{seed}")
        self.weather = Weather.drawn(self.chance)
        self.loop = SimLoop(  # type: ignore[abstract] # what it lacks raises NotImplementedError
            self.rng("order"), shuffle=self.weather.shuffle, steps_max=_STEPS_MAX
        )  # fmt: skip
        self.clock = SimClock(self.loop, self.rng("morning").choice(_LATER_US))
        self.witness = Witness(self.clock, self.loop.time)
        self.shop = Shop(self.rng("shop"), self.weather, self.witness, self._freeze)
        self.witness.shop = self.shop
        self._house = agents.House(
            hold_s=self.chance.choice((40, 600, 1_800)),
            day_count_max=self.chance.choice((1, 2, 3, 4)),
        )
        self.witness.day_count_max = self._house.day_count_max
        crazes: tuple[agents.ToolName | None, ...] = (None, None, "refund", "label", "wire")
        self.craze = self.chance.choice(crazes)
        self.release = (1, 0)  # version of the code, set of policies
        self._blueprints: dict[int, tuple[Blueprint, ...]] = {}  # by version
        self.repeats: tuple[Repeat, ...] = tuple(
            self.chance.choices(("idempotent", "reconcilable", "at_most_once"), k=2)
        )
        self.process: Process | None = None
        self._up = asyncio.Event()
        self._lives = 0
        self._die_at = 0
        self._is_over = False
        self.persons: dict[str, str] = {}  # short name -> id
        self.happened: Counter[str] = Counter()
        self.erased: set[str] = set()  # parties
        self.destroyed: set[str] = set()  # ids of keys
        self._is_founded = False
        self._faults = self.rng("faults")
        self.loop.after_step = self._after_step
        self.loop.before_time_moves = self._time_moves

    def rng(self, name: str) -> random.Random:
        """Chance of somebody's own: what others draw does not change what they do."""
        return random.Random(f"{name}:{self.seed}")

    # plans

    def plan(self) -> Plan:
        version, rules = self.release
        if version not in self._blueprints:
            self._blueprints[version] = tuple(
                agents.make_agent(
                    name, address(OWNER_OF[name]), version, self.shop, self._house
                ).blueprint()
                for name in agents.AGENTS.values()
            )
        rails = {
            rail: Line(SimRail(self.shop, rail, name, repeat), name, deadline_s=3.0)
            for (rail, name), repeat in zip(agents.AGENTS.items(), self.repeats, strict=True)
        }
        return Plan(
            home=self.home, blueprints=self._blueprints[version], lines=rails,
            policy=_policies()[rules], clock=self.clock, is_threaded=False,
            chance=SeededChance(self.seed * 1_000_003 + self._lives),
            commit=troubled_commit(self._faults, self.weather, self._saw)
            if self._is_founded
            else commit,
        )  # fmt: skip

    def _saw(self, what: str) -> None:
        self.happened[what] += 1

    async def found(self) -> None:
        """The first day: people exist, and owners have accepted."""
        process = self._new_process(replace(self.plan(), blueprints=()))
        await process.open()
        for name, above in zip(PEOPLE, ("", "olga", "", ""), strict=True):
            added = await process.ask(
                verbs.PersonAdd(
                    address(name), name.title(), reports_to=address(above) if above else ""
                )
            )
            assert isinstance(added, Done)
            self.persons[name] = added.id
        for agent, owner in OWNER_OF.items():
            await process.ask(verbs.OwnerAccept(agent, self.persons[owner]))
        self.witness.books = self.books = Books(self.home, self.loop.time, self.witness.moments)
        self.books.is_clock_true = not self.weather.jumps
        self.books.instant_ended()
        await process.close()
        self._is_founded = True

    # lives

    async def keep_up(self) -> None:
        """The supervisor: a worker that ended is followed by another."""
        chance = self.rng("supervisor")
        while not self._is_over:
            process = self._new_process(self.plan())
            try:
                await process.open()
            except AgentHasNoOwner:
                self.release = (1, 0)  # what is known goes on, without acting
                self._saw("no owner for a new release")
            except (Lost, AnswerableError) as error:
                self._saw(f"open: {type(error).__name__}")
            else:
                self._up.set()
                await process.ended.wait()
                self._up.clear()
            process.kill()
            await process.ended.wait()
            await asyncio.sleep(chance.random() * chance.choice((0.0, _RESTART_S, 30.0)))

    def _new_process(self, plan: Plan) -> Process:
        self._lives += 1
        self._saw("lives")
        self.process = Process(self.loop, self._lives, plan)
        if self._is_founded:
            self.books.begin_life(plan.policy.digest)
        steps = self.weather.crash_steps if self._is_founded else 0
        self._die_at = int(self._faults.expovariate(1 / steps)) + 1 if steps else 0
        return self.process

    def _after_step(self, process: int, steps: int) -> None:
        """A life may end after any step of it: at every await."""
        now, is_due = self.process, 0 < self._die_at <= steps and self.weather.crash_steps
        if now is not None and process == now.number and is_due:
            self._saw("killed")
            now.kill()

    def _freeze(self) -> None:
        process = self.process
        if process is None or PROCESS.get() != process.number:
            return
        self._saw("stalled")
        turn = process.watch.turn if process.watch else ""
        process.freeze()

        def end() -> None:
            if turn:
                heartbeat.note_stalled(self.home, turn)
            process.kill()

        self.loop.call_later(5.0, end, context=Context())

    def _time_moves(self) -> None:
        books = self.witness.books
        if books is not None:
            books.catch_up()
            if not self.loop.is_busy:  # nobody was waiting for what was just read
                books.instant_ended()

    async def fault(self, name: str) -> None:
        """A named point in the hallway: a pause, in which anything else may happen, or the end.

        No pause between what is durable and who waits for it: nothing waits there in production,
        and who answers by the file would for seconds be somebody else than by the answer.
        """
        process = self.process
        if process is None or PROCESS.get() != process.number:
            return
        if self._is_founded and self._faults.random() < self.weather.deaths:
            self._saw("killed at a named point")
            process.kill()
            await asyncio.sleep(0)
            return
        is_slow = name == "committer.before_append" and self._is_drawn(self.weather.slow_disk)
        is_watched = name == "act.before_send" and self.witness.moments.tell_acting()
        if is_slow or (is_watched and self.books.unknown() and self._is_drawn(0.5)):
            await asyncio.sleep(self._faults.random())
        elif name != "committer.after_append" and self._faults.random() < self.weather.delays:
            await asyncio.sleep(pause_s(self._faults) % 4.0)

    def _is_drawn(self, how_often: float) -> bool:
        return self._faults.random() < how_often

    # asking

    async def ask(self, verb: verbs.Verb) -> object:
        """Of whichever worker is up. Raises Lost, AnswerableError."""
        async with asyncio.timeout(7_200):
            await self._up.wait()
        process = self.process
        if process is None:
            raise Lost
        return await process.ask(verb)

    async def surely(self, verb: verbs.Verb) -> object | None:
        """Again and again until it is answered; None where the answer is no."""
        while True:
            try:
                return await self.ask(verb)
            except Lost:
                await asyncio.sleep(1.0)
            except AnswerableError as error:
                self._saw(f"refused: {error.code}")
                if error.http_status < 500:
                    return None
                await asyncio.sleep(1.0)

    async def deliver(self, messages: Sequence[Incoming]) -> None:
        """Until it is acknowledged, as any sender's side does."""
        acks = await self.surely(verbs.MessagesAccept(tuple(messages)))
        for ack in acks if isinstance(acks, list) else ():
            assert isinstance(ack, Ack)
            self.witness.know(ack.external_id, ack.interaction)
            self._saw("acknowledged")

    def under_way(self) -> set[str]:
        """The keys of calls that somebody living waits for; with a process its calls are gone."""
        living = self.process.number if self.process else 0
        calls = self.witness.in_flight.values()
        return {asked.key for asked, _ in calls if asked.process == living}

    async def restart(self, *, gently: bool) -> None:
        process = self.process
        if process is not None and self._up.is_set():
            await (process.close() if gently else self._kill(process))

    async def _kill(self, process: Process) -> None:
        process.kill()
        await process.ended.wait()

    async def end(self) -> None:
        """The last worker ends well, and none follows."""
        await self._up.wait()
        self._is_over = True
        await self.restart(gently=True)

    @contextlib.contextmanager
    def faulty(self) -> Iterator[None]:
        faults.install(self.fault)
        try:
            yield
        finally:
            faults.install(None)


@cache
def _policies() -> tuple[PolicySet, PolicySet]:
    return agents.policies()
