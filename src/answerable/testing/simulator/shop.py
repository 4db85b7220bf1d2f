"""The other side: what it was asked, what it did, and everything that can go wrong in between.

It outlives every worker. A request that has left goes its way, whoever asked for it may be dead.
Each call is shown to the witness the moment it begins: there every promise is held against it.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from answerable.effects.errors import NotDone, OutcomeUnknown
from answerable.rails.port import Outgoing
from answerable.testing.simulator.loop import PROCESS
from answerable.testing.simulator.weather import Weather

Repeat = Literal["idempotent", "reconcilable", "at_most_once"]
REPEAT: dict[str, Repeat] = {
    "refund": "idempotent", "label": "reconcilable", "wire": "at_most_once",
}  # fmt: skip


class Patience(NamedTuple):
    """Seconds: until a call is given up, and after that until it can not begin any more."""

    deadline_s: float
    settles_s: float


TOOL_ATTEMPTS_MAX = 3
PATIENCE = Patience(3.0, 5.0)
_STUBBORN_S = 15.0
_MOOD_S = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One call as the other side saw it begin. `arguments` are the tool's, or the reply's."""

    key: str
    kind: Literal["tool", "reply"]
    agent: str
    name: str
    arguments: tuple[str, int] | Outgoing
    process: int


class Witness(Protocol):
    """Who sees each call begin and end, and each step of a turn."""

    def begins(self, asked: Asked) -> None: ...

    def ends(self, asked: Asked) -> None: ...

    def looks(self, key: str) -> None: ...

    def drags(self, key: str) -> None: ...

    def steps(self, external_id: str, done_before: int) -> None: ...


class Fate(NamedTuple):
    """What becomes of one call."""

    does: bool
    travel_s: float = 0.0  # until it is done, if it is
    answer: Literal["receipt", "no", "final_no", "raise", "unknown", "hang", "odd", "stubborn"] = (
        "receipt"
    )
    answer_s: float = 0.0


_BEYOND_PATIENCE: tuple[Callable[[float], Fate], ...] = (
    lambda u: Fate(does=True, travel_s=3 + 4.5 * u, answer="hang"),  # still on its way
    lambda u: Fate(does=True, answer="stubborn", answer_s=9 + _STUBBORN_S * u),
)
_FATES: tuple[Callable[[float], Fate], ...] = (
    *_BEYOND_PATIENCE,
    lambda u: Fate(does=False, answer="no", answer_s=u),
    lambda u: Fate(does=False, answer="final_no", answer_s=u),
    lambda _: Fate(does=False, answer="hang"),
    lambda u: Fate(does=True, travel_s=u, answer="hang"),  # the answer is lost
    lambda u: Fate(does=True, travel_s=u, answer="raise", answer_s=u),
    lambda u: Fate(does=True, travel_s=u, answer="unknown", answer_s=u),
    lambda u: Fate(does=False, answer="raise", answer_s=u),
    lambda u: Fate(does=True, travel_s=u, answer="odd", answer_s=u),  # a receipt that is none
    lambda u: Fate(does=True, travel_s=2.5 * u, answer="receipt", answer_s=4 * u),
    lambda u: Fate(does=u < 0.2 or u > 0.5, answer="stubborn", answer_s=3 + _STUBBORN_S * u),
)
_LOST: tuple[Callable[[float], Fate], ...] = (
    *_BEYOND_PATIENCE,
    lambda u: Fate(does=u < 0.6, travel_s=u, answer="hang"),
    lambda u: Fate(does=u < 0.6, travel_s=u, answer="raise"),
)


class Mood(NamedTuple):
    """A door that says no to all that comes, or loses its answers, until then."""

    until: float
    says_no: bool


@dataclass
class Shop:
    """Tools, look-ups and both mailboxes of a world, in one set of books."""

    chance: random.Random
    weather: Weather
    witness: Witness
    freeze: Callable[[], None]  # the code of this process keeps its loop from now on
    done: Counter[str] = field(default_factory=Counter)  # how often, by key
    calls: Counter[str] = field(default_factory=Counter)
    travelling: Counter[str] = field(default_factory=Counter)  # done later, by key
    sent: list[Outgoing] = field(default_factory=list)
    moods: dict[tuple[str, str], Mood] = field(default_factory=dict)  # by agent and name
    told: defaultdict[tuple[str, int], set[int]] = field(default_factory=lambda: defaultdict(set))
    """What each step of a turn was ever told, by message and place."""

    # effects

    async def serve(self, agent: str, tool: str, key: str, arguments: tuple[str, int]) -> str:
        asked = Asked(key, "tool", agent, tool, arguments, PROCESS.get())
        return await self.call(asked, REPEAT[tool])

    async def find(self, key: str) -> str | None:
        """What became of a key; wrong never, unwilling now and then."""
        self.witness.looks(key)
        trouble = self._trouble()
        if trouble < 0.3:
            await asyncio.sleep(trouble)
            raise OutcomeUnknown("busy")
        if trouble < 0.5:
            await asyncio.Event().wait()
        await asyncio.sleep(trouble if trouble < 1 else 2 * self.chance.random())
        return f"receipt {key}" if self.done[key] else None

    def _trouble(self) -> float:
        """Below 1 where something goes wrong, and then how."""
        return self.chance.random() if self.chance.random() < self.weather.outside else 1.0

    async def call(self, asked: Asked, repeat: Repeat) -> str:
        self.calls[asked.key] += 1
        self.witness.begins(asked)
        fate = self._fate(asked)
        try:
            if fate.answer == "stubborn":
                return await self._stubborn(asked, fate, repeat)
            if fate.does:
                self._send_off(asked, fate.travel_s, repeat)
            return await self._answer(asked, fate)
        finally:
            self.witness.ends(asked)

    def _fate(self, asked: Asked) -> Fate:
        """Where something goes wrong, it may go wrong for a while."""
        door, now_s = (asked.agent, asked.name), asyncio.get_running_loop().time()
        is_calm = self.chance.random() >= self.weather.outside
        u = self.chance.random()
        mood = self.moods.get(door)
        if mood is not None and now_s < mood.until and self.weather.outside:
            return self._moody(mood, u)
        if is_calm:
            return Fate(does=True, travel_s=u * 0.2, answer_s=u * 0.2)
        if self.chance.random() < self.weather.outages:
            until = now_s + 5 + _MOOD_S * self.chance.random()
            self.moods[door] = Mood(until, says_no=self.chance.random() < 0.5)
            return self._moody(self.moods[door], u)
        return self.chance.choice(_FATES)(u)

    def _moody(self, mood: Mood, u: float) -> Fate:
        if mood.says_no:
            return Fate(does=False, answer="no", answer_s=u * 0.2)
        return self.chance.choice(_LOST)(u)

    def _send_off(self, asked: Asked, travel_s: float, repeat: Repeat) -> None:
        """It is on its way now, and nobody can call it back."""
        if travel_s <= 0:
            self._do(asked, repeat)
            return
        self.travelling[asked.key] += 1

        def arrive() -> None:
            self.travelling[asked.key] -= 1
            self._do(asked, repeat)

        loop = asyncio.get_running_loop()
        loop.call_later(travel_s, arrive, context=_WORLD)

    def _do(self, asked: Asked, repeat: Repeat) -> None:
        if repeat == "idempotent" and self.done[asked.key]:
            return
        self.done[asked.key] += 1
        if isinstance(asked.arguments, Outgoing):
            self.sent.append(asked.arguments)

    async def _answer(self, asked: Asked, fate: Fate) -> str:
        wait_s = max(fate.answer_s, fate.travel_s)
        if fate.answer == "hang":
            await asyncio.Event().wait()
        await asyncio.sleep(wait_s)
        match fate.answer:
            case "no" | "final_no":
                is_sure = not (self.done[asked.key] or self.travelling[asked.key])
                is_final = fate.answer == "final_no" and is_sure  # only that speaks of the key
                raise NotDone("the other side says no", is_final=is_final)
            case "raise":
                raise ConnectionError("reset")
            case "unknown":
                raise OutcomeUnknown("no word")
            case "odd":
                return self.chance.choice(("", "\ud800", "x" * 9_000, "0"))
            case _:
                return f"receipt {asked.key}"

    async def _stubborn(self, asked: Asked, fate: Fate, repeat: Repeat) -> str:
        """Code that does not let itself be cancelled, and does it in the end, or does not."""
        loop = asyncio.get_running_loop()
        until = loop.time() + fate.answer_s
        while (left_s := until - loop.time()) > 0:
            try:
                await asyncio.sleep(left_s)
            except asyncio.CancelledError:
                self.witness.drags(asked.key)
        if fate.does:
            self._do(asked, repeat)
        return f"receipt {asked.key}"

    # turns

    async def look_up(self, external_id: str, number: int) -> int:
        """A step of a turn, really run: what was recorded is not asked again."""
        self.witness.steps(external_id, number)
        trouble = self._trouble()
        await asyncio.sleep(trouble if trouble < 1 else 0)
        if trouble < 0.1:
            raise ConnectionError("look-up failed")
        told = self.chance.randrange(1_000)
        self.told[external_id, number].add(told)
        return told

    async def misbehave(self, how: str) -> None:
        """What an author's code may do wrong; nothing, where `how` is nothing of that."""
        match how:
            case "spin":  # never gives the loop back: nothing of its process runs any more
                self.freeze()
                await asyncio.Event().wait()
            case "slow":
                await asyncio.sleep(3_600)
            case "raise":
                raise RuntimeError("as the message says")
            case _:
                pass


class SimRail:
    """A mailbox of the shop's, as a rail."""

    def __init__(self, shop: Shop, name: str, agent: str, repeat: Repeat) -> None:
        self._shop = shop
        self._name = name
        self._agent = agent
        self.repeat: Repeat = repeat
        self.identifier_kind = "email"  # one party may write on both

    async def send(self, outgoing: Outgoing) -> str:
        asked = Asked(outgoing.key, "reply", self._agent, self._name, outgoing, PROCESS.get())
        return await self._shop.call(asked, self.repeat)

    async def find(self, key: str) -> str | None:
        return await self._shop.find(key)


_WORLD = Context()
"""Of what belongs to no process: it runs on, whoever is killed."""
