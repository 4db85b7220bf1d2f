"""Takeover races: people take cases over while agents answer them, seeded, with crashes.

One race is one message of a case and one person who takes that case at a random moment of its way
through the hallway, and gives it back later. Many cases race at once in one home. What counts is
what the mailbox saw: a message of the agent that began to leave, or left, after `take` had
returned and before the case was handed back, is one too many.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from answerable.base.clock import SystemClock
from answerable.cases.domain import Message
from answerable.compose.house import open_house
from answerable.pipeline import desk
from answerable.rails.port import Outgoing
from answerable.sdk.agent import Agent
from answerable.sdk.context import Context
from answerable.sdk.words import Outcome, Reply
from answerable.testing.world import OWNER, SPECIALIST, Life, Mailbox, World

CASES_AT_ONCE = 192
RACES_PER_LIFE = 5_000
TICKS_MAX = 40  # of the event loop: how late into a message's way the person may come
_IDLE_S = 0.01
_SLOW, _SLOW_S = 0.3, 0.15


@dataclass
class Score:
    """What was seen."""

    races: int = 0
    takeovers: int = 0
    agent_messages_before: int = 0
    agent_messages_after_takeover: int = 0
    deaths: int = 0


@dataclass
class WatchedMailbox(Mailbox):
    """Counts what leaves while a person has the case, at its beginning and at its end."""

    chance: random.Random = field(default_factory=random.Random)
    score: Score = field(default_factory=Score)
    held: set[str] = field(default_factory=set)  # senders whose case a person has
    taken: Counter[str] = field(default_factory=Counter)  # how often, by sender

    async def send(self, outgoing: Outgoing) -> str:
        sender = outgoing.to
        began = self.taken[sender]
        self.score.agent_messages_after_takeover += sender in self.held
        is_slow = self.chance.random() < _SLOW  # slower than a commit, now and then
        await asyncio.sleep(self.chance.random() * _SLOW_S if is_slow else 0)
        is_after = self.taken[sender] != began  # a take returned while this was on its way
        self.score.agent_messages_after_takeover += is_after
        self.score.agent_messages_before += not is_after
        return outgoing.key

    async def find(self, key: str) -> str | None:  # noqa: ARG002 - a rail's face
        return None  # what a crash interrupted may leave once more: only that tests the lease


def quick_agent() -> Agent:
    """Answers at once."""
    agent = Agent("quick", owner=OWNER, desk="all", purpose="race")

    @agent.on_message
    async def answer(_ctx: Context, message: Message) -> Outcome:
        return Reply(f"About {message.external_id}.")

    return agent


class Races:
    """All races of one seed, over one home, life after life."""

    def __init__(self, home: Path, *, races: int, seed: int = 1) -> None:
        self._races = races
        self._chance = random.Random(f"races:{seed}")
        self.score = Score()
        self._mailbox = WatchedMailbox(
            chance=random.Random(f"mailbox:{seed}"), score=self.score, repeat="reconcilable"
        )
        self._world = World(
            home=home, agent=quick_agent(), mailbox=self._mailbox, clock=SystemClock(), seed=seed
        )
        self._cases: dict[str, str] = {}
        self._number = 0

    async def run(self) -> Score:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        await self._world.found()
        while self.score.races < self._races:
            await self._live()
        return self.score

    async def _live(self) -> None:
        """One life of the worker; a random moment of it is its last."""
        life = Life(open_house(self._world.plan()))
        await life.dispatcher.start()
        wanted = min(RACES_PER_LIFE, self._races - self.score.races)
        last = self.score.races + self._chance.randint(max(1, wanted // 2), wanted)
        drivers = [
            asyncio.create_task(self._drive(life, f"party-{number}@example.org", last))
            for number in range(CASES_AT_ONCE)
        ]
        await asyncio.wait(drivers, return_when=asyncio.FIRST_COMPLETED)
        for driver in drivers:
            driver.cancel()
        self.score.deaths += 1
        await life.die()
        await asyncio.gather(*drivers, return_exceptions=True)
        failures = [driver for driver in drivers if not driver.cancelled() and driver.exception()]
        if failures and life.dispatcher.failure is None:
            failures[0].result()

    async def _drive(self, life: Life, sender: str, last: int) -> None:
        """One case, race after race."""
        if sender not in self._cases:
            await self._say(life, sender)
            while sender not in self._cases:
                await asyncio.sleep(_IDLE_S)
                self._look_up(life, sender)
        if sender in self._mailbox.held:  # a person had it when the last life ended
            await self._wait()
            await self._give_back(life, sender)
        while self.score.races < last:
            await self._race(life, sender)

    async def _race(self, life: Life, sender: str) -> None:
        if self._chance.random() < 0.5:
            speaking = asyncio.create_task(self._say(life, sender))
        else:
            await self._say(life, sender)
            speaking = None
        await self._wait()
        await desk.take(life.house.hall, self._cases[sender], SPECIALIST)
        self._mailbox.held.add(sender)
        self._mailbox.taken[sender] += 1
        self.score.takeovers += 1
        if speaking is not None:
            await speaking
        await self._wait()
        self.score.races += 1
        await self._give_back(life, sender)

    async def _give_back(self, life: Life, sender: str) -> None:
        self._mailbox.held.discard(sender)
        hall, case = life.house.hall, self._cases[sender]
        if desk.find_case(hall, case).lease.holder == life.person(SPECIALIST):
            await desk.hand_back(hall, case, SPECIALIST)

    async def _wait(self) -> None:
        for _ in range(self._chance.randrange(TICKS_MAX)):
            await asyncio.sleep(0)

    async def _say(self, life: Life, sender: str) -> None:
        self._number += 1
        await life.say("hello", external_id=f"m{self._number}", sender=sender)

    def _look_up(self, life: Life, sender: str) -> None:
        hall = life.house.hall
        inbox = hall.keyring.identifier_hash("email", sender)
        row = life.db.execute(
            'SELECT c.id FROM "case" c JOIN identifier i ON i.party = c.party WHERE i.hash = ?',
            (inbox,),
        ).fetchone()
        if row is not None:
            self._cases[sender] = str(row[0])
