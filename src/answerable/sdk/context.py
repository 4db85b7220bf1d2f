"""What an agent can do inside a turn: remember steps, propose effects, hand over."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import ParamSpec, Protocol, TypeVar, get_type_hints

import msgspec

from answerable.agents.domain import Tool
from answerable.effects.intent import bound_arguments
from answerable.sdk.history import ITEMS, ITEMS_MAX, Said, newest_of
from answerable.sdk.port import BudgetSpent, Mind
from answerable.sdk.raised import decode_raised, encode_raised, made_again
from answerable.sdk.think import HISTORY_BYTES_MAX, OTHERWISE, Read, Task, Thinking
from answerable.sdk.words import Escalation, Proposal, Reply

P = ParamSpec("P")
T = TypeVar("T")

PROPOSALS_MAX = 20
STEPS_MAX = 200
STEP_BYTES_MAX = 256 * 1024
PROPOSAL_BYTES_MAX = 32 * 1024


class TurnFlooded(Exception):  # it ends the turn, at the desk
    """A turn asked for more than a turn may: steps, proposals or bytes."""


class TurnDiverged(Exception):
    """Run again after a crash, a turn asked another question than was recorded."""

    def __init__(self, step: str) -> None:
        super().__init__(f"Step {step} was recorded with other arguments than it has now.")


class AuthorExit(Exception):
    """The author's code asked for the end of the process; it gets the end of its turn."""


class Recorder(Protocol):
    """Where steps are remembered: reads back what is recorded, records what is not."""

    async def remember(self, key: str, compute: Callable[[], Awaitable[bytes]]) -> bytes: ...

    async def history(self, limit: int) -> tuple[Said, ...]: ...

    def now(self) -> int: ...

    def seed(self) -> int: ...


class Context:
    """One turn's view of the platform. It is of no use once the turn has ended."""

    def __init__(
        self, recorder: Recorder, *, interaction: str, case: str, party: str,
        mind: Mind | None = None,
    ) -> None:  # fmt: skip
        self.interaction = interaction
        self.case = case
        self.party = party
        self.proposals: list[Proposal] = []
        self.broke: TurnFlooded | TurnDiverged | BudgetSpent | None = None
        self._mind = mind
        self._recorder: Recorder | None = recorder
        self._ordinals: Counter[str] = Counter()

    async def step(self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do something once: its result is recorded, and read back after a crash.

        Arguments and result are JSON-shaped (dataclasses and msgspec structs too); `call` says
        its result's type in its return annotation. Raises whatever `call` raises; that is recorded
        like a result, and raised again after a crash.
        """
        returns = get_type_hints(call).get("return", object)
        name = getattr(call, "__qualname__", type(call).__qualname__)
        digest = hashlib.sha256(msgspec.json.encode([args, kwargs], order="sorted")).hexdigest()

        async def compute() -> bytes:
            try:
                result = await call(*args, **kwargs)
            except (Exception, asyncio.CancelledError):
                raise
            except BaseException as error:  # a task of the author's that raised it ends the loop
                raise AuthorExit(type(error).__name__) from error
            return msgspec.json.encode(result)

        data = await self._remember(f"{name}/{digest[:16]}", compute, keeps_errors=True)
        result: T = msgspec.json.decode(data, type=returns)
        return result

    async def now(self) -> int:
        """The time of the first asking, in microseconds UTC: the same after a crash."""
        recorder = self._live()

        async def compute() -> bytes:
            return msgspec.json.encode(recorder.now())

        return msgspec.json.decode(await self._remember("ctx.now/", compute), type=int)

    async def random(self) -> random.Random:
        """Chance that is the same after a crash."""
        recorder = self._live()

        async def compute() -> bytes:
            return msgspec.json.encode(recorder.seed())

        return random.Random(msgspec.json.decode(await self._remember("ctx.random/", compute)))

    async def history(self, *, limit: int = ITEMS) -> tuple[Said, ...]:
        """What was said on this case before this message, oldest first: a recorded step.

        The party's messages, and the replies of agents and of people that really were sent; the
        newest `limit`, at most 100, 64 KiB in all and 8 KiB of each. Raises ValueError.
        """
        if not 1 <= limit <= ITEMS_MAX:
            raise ValueError(f"`limit` is 1 to {ITEMS_MAX}, not {limit}")
        recorder = self._live()

        async def compute() -> bytes:
            return msgspec.json.encode(await recorder.history(limit))

        data = await self._remember(f"ctx.history/{limit}", compute)
        return msgspec.json.decode(data, type=tuple[Said, ...])

    async def think(
        self, instructions: str, *, facts: object = None, tools: Sequence[Tool] = (),
        reads: Sequence[Read] = (), otherwise: str = OTHERWISE, history: int = ITEMS,
    ) -> Reply | Escalation:  # fmt: skip
        """Let the agent's model answer the message: `return await ctx.think("Be brief.")`.

        It sees `instructions` (after the agent's own prompt) and, as data, the newest `history` of
        what was said on the case (16 KiB at most; 0 is none), `facts` and the message.
        `reads` are functions that it may call to look something up; each is a step. `tools` are
        effects that it may propose, one an answer; the reply then waits for that effect, and
        `otherwise` is said if it does not get done. An Escalation is returned where the model hands
        over, or gives no whole answer. Each request to the model is a step, too.

        Raises ModelAway where its endpoint gives no answer; BudgetSpent ends the turn. What a
        customer writes can talk a model into anything that it may propose: what it may *do* is for
        policy, limits and holds to say.
        """
        self._live()
        if self._mind is None:
            raise RuntimeError("this context thinks with no model")
        said = await self.history(limit=history) if history else ()
        task = Task(
            instructions=instructions, facts=facts, tools=tuple(tools), reads=tuple(reads),
            otherwise=otherwise, history=newest_of(said, HISTORY_BYTES_MAX),
        )  # fmt: skip
        try:
            return await Thinking(self, self._remember, self._mind, task).run()
        except BudgetSpent as error:  # the author's code may not swallow it
            self.broke = error
            raise

    def propose(self, tool: Tool, **arguments: object) -> Proposal:
        """Ask for an effect. It is decided when the turn has ended; nothing happens before.

        Not together with `escalate`: once people have the case nothing of the agent's is done.
        Raises TypeError, ValueError where the arguments are not what the tool's signature says.
        """
        self._live()
        if len(self.proposals) >= PROPOSALS_MAX:
            raise self._flood(f"more than {PROPOSALS_MAX} proposals in one turn")
        data = bound_arguments(tool, arguments)
        if len(data) > PROPOSAL_BYTES_MAX:
            raise self._flood(f"a proposal of {len(data)} bytes, over {PROPOSAL_BYTES_MAX}")
        proposal = Proposal(tool, data, len(self.proposals) + 1)
        self.proposals.append(proposal)
        return proposal

    def escalate(self, reason: str, *, queue: str = "") -> Escalation:
        """Hand the case to people: `return ctx.escalate("No order matches")`.

        In a turn that proposed effects none of those is decided, and people are told so.
        """
        return Escalation(reason, queue)

    def close(self) -> None:
        """The turn has ended; code that still runs can no longer record or propose."""
        self._recorder = None

    def _live(self) -> Recorder:
        if self._recorder is None:
            raise RuntimeError("this turn has ended; its context does nothing any more")
        return self._recorder

    async def _remember(
        self, name: str, compute: Callable[[], Awaitable[bytes]], *, keeps_errors: bool = False
    ) -> bytes:
        """Errors that are not kept are the platform's: the next life asks again."""
        recorder = self._live()
        ordinal = self._ordinals[name.partition("/")[0]]
        self._ordinals[name.partition("/")[0]] += 1
        if sum(self._ordinals.values()) > STEPS_MAX:
            raise self._flood(f"more than {STEPS_MAX} steps in one turn")

        raised: list[Exception] = []

        async def bounded() -> bytes:
            try:
                data = await compute()
            except Exception as error:
                if not keeps_errors or self.broke is not None:  # broke: in a step within it
                    raise
                raised.append(error)
                return encode_raised(error)
            if len(data) > STEP_BYTES_MAX:
                raise self._flood(f"a step's result of {len(data)} bytes, over {STEP_BYTES_MAX}")
            return data

        try:
            data = await recorder.remember(f"{ordinal}/{name}", bounded)
        except TurnDiverged as error:
            self.broke = error
            raise
        recorded = decode_raised(data)
        if recorded is not None:
            raise raised[0] if raised else made_again(recorded)
        return data

    def _flood(self, what: str) -> TurnFlooded:
        self.broke = TurnFlooded(what)
        return self.broke
