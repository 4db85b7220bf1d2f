"""The other system behind effect tools of all three kinds: it answers in every way there is."""

import asyncio
import contextlib
from collections import Counter, defaultdict, deque
from typing import Literal, get_args

from answerable import (
    Agent,
    Context,
    Limit,
    Message,
    Money,
    NotDone,
    OutcomeUnknown,
    Patience,
    Reply,
    ToolCall,
)
from answerable.agents.domain import Repeat
from answerable.base.clock import SECOND_US
from answerable.sdk.words import Outcome
from answerable.testing.world import OWNER
from machines import HouseMachine

Behaviour = Literal[
    "does", "busy", "never", "loses before", "loses after", "breaks before", "breaks after",
    "hangs before", "hangs after", "late", "deaf", "dies before", "dies after", "dies late",
]  # fmt: skip
Looking = Literal["tells", "is down", "hangs"]
DEADLINE_S, SETTLES_S, PER_DAY = 10.0, 5.0, 6
REPEATS: tuple[Repeat, ...] = get_args(Repeat)


class Outside:
    """The other system. What it did is the truth; what it says need not be."""

    def __init__(self, machine: HouseMachine) -> None:
        self._machine = machine
        self._clock = machine.clock
        self.plan: deque[Behaviour] = deque()
        self.looks: deque[Looking] = deque()
        self.done: defaultdict[str, list[int]] = defaultdict(list)
        self.under_way: dict[str, tuple[int, int]] = {}  # key -> when it will be done, the amount
        self.maybe: set[str] = set()  # called, and no answer said that nothing happened
        self.asked: dict[str, int] = {}  # key -> the amount that it was called with
        self.inside: Counter[str] = Counter()  # calls that have not returned
        self.deaf: dict[str, asyncio.Event] = {}
        self.dead: set[asyncio.Event] = set()

    def arrive(self) -> None:
        """What was under way gets there."""
        for key, (at, amount) in list(self.under_way.items()):
            if at <= self._clock.now():
                del self.under_way[key]
                self.do(key, amount)

    def do(self, key: str, amount: int) -> None:
        if not self.done[key] or not key.startswith("idempotent"):
            self.done[key].append(amount)

    async def pay(self, repeat: Repeat, call: ToolCall, amount: int) -> str:
        key = f"{repeat} {call.key}"
        if self.asked.setdefault(key, amount) != amount:
            self._machine.wrong.append(f"{key}: other bytes than before")
        if repeat == "at_most_once" and key in self.maybe:
            self._machine.wrong.append(f"{key}: called again though it may have happened")
        self.maybe.add(key)
        self.inside[key] += 1
        try:
            return await self._answer(key, amount)
        finally:
            self.inside[key] -= 1

    async def _answer(self, key: str, amount: int) -> str:
        behaviour = self.plan.popleft() if self.plan else "does"
        if behaviour in ("busy", "never"):
            self._says_no(key, is_final=behaviour == "never")
        kind, _, when = behaviour.partition(" ")
        if "late" in (kind, when):
            at = self._clock.now() + int((DEADLINE_S + SETTLES_S) * SECOND_US)
            self.under_way[key] = (at, amount)
        elif kind == "deaf":
            await self._does_not_hear(key)
        if kind in ("does", "deaf") or when == "after":
            self.do(key, amount)
        if kind == "dies":
            self._machine.mortal.died.set()
        if kind in ("hangs", "late", "dies"):
            await asyncio.Event().wait()
        if kind == "loses":
            raise OutcomeUnknown("no answer")
        if kind == "breaks":
            raise ZeroDivisionError
        return "done"

    def _says_no(self, key: str, *, is_final: bool) -> None:
        """Busy says nothing of an earlier call; a last no under the same key does."""
        is_known = key in self.under_way or bool(self.done[key])
        if is_final and is_known:
            return
        if not is_known:
            self.maybe.discard(key)
        raise NotDone("no", is_final=is_final)

    async def _does_not_hear(self, key: str) -> None:
        heard = self.deaf[key] = asyncio.Event()
        while not heard.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await heard.wait()
        if heard in self.dead:
            raise asyncio.CancelledError

    def die(self) -> None:
        """Calls end with the process that made them; what they began at the other side goes on."""
        self.dead.update(self.deaf.values())
        self.hear()
        self.inside.clear()

    async def find(self, repeat: Repeat, key: str) -> str | None:
        looking = self.looks.popleft() if self.looks else "tells"
        if looking == "is down":
            raise OutcomeUnknown("down")
        if looking == "hangs":
            await asyncio.Event().wait()
        return "found" if self.done[f"{repeat} {key}"] else None

    def behave(self) -> None:
        """From here on it does what it is asked, at once."""
        self.plan.clear()
        self.looks.clear()
        self.hear()

    def hear(self) -> None:
        for heard in self.deaf.values():
            heard.set()
        self.deaf.clear()


def agent_of(outside: Outside) -> Agent:
    """Asks for what the message says: `reconcilable 5 idempotent 7`."""
    agent = Agent("support", owner=OWNER, desk="orders", purpose="pay")
    patience = Patience(deadline_s=DEADLINE_S, settles_s=SETTLES_S, attempts_max=3)
    limit = Limit(count_per_day=PER_DAY)
    tools = {}
    for repeat in REPEATS:

        async def pay(call: ToolCall, amount: Money, repeat: Repeat = repeat) -> str:
            return await outside.pay(repeat, call, amount.amount_minor)

        async def find(key: str, repeat: Repeat = repeat) -> str | None:
            return await outside.find(repeat, key)

        pay.__name__ = repeat
        tools[repeat] = agent.tool(
            effect="refund", repeat=repeat, find=find if repeat == "reconcilable" else None,
            limit=limit, patience=patience,
        )(pay)  # fmt: skip

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Outcome:
        words = message.text.split()
        asked = [
            ctx.propose(tools[tool], amount=Money(int(minor), "USD"))  # type: ignore[index]
            for tool, minor in zip(words[::2], words[1::2], strict=True)
        ]
        return Reply("Paid.", after=asked[-1], otherwise="Not paid.")

    return agent
