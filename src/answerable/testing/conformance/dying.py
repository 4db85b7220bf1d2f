"""Death at a chosen port call, and a miniature program that must survive it."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Literal

from answerable.engine.port import (
    Accepted,
    Arrival,
    Claim,
    Conflict,
    Cursor,
    Engine,
    Fence,
    Kept,
    Record,
)
from answerable.testing.conformance.house import House, close, message, names, promise

When = Literal["before", "after"]
NEVER = 1_000_000_000


class Died(BaseException):
    """The process is gone: no handler of the program may go on after this."""


class DyingEngine:
    """Counts port calls and dies before or after the `die_at`-th; a step of a claim is a call.

    After that every call dies, as the tasks of a dead process would. `calls` tells how many a
    whole run takes, with `die_at` left out.
    """

    def __init__(self, engine: Engine, die_at: int = NEVER, when: When = "before") -> None:
        self._engine = engine
        self._die_at = die_at
        self._when = when
        self._is_dead = False
        self.calls = 0

    def die(self) -> None:
        """Die here and now: between two port calls, such as after an effect."""
        self._is_dead = True
        raise Died

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Accepted]:
        mine = self._enter()
        result = await self._engine.accept(arrivals)
        self._leave(mine)
        return result

    def claim(self, worker: str, n: int) -> AsyncIterator[Claim]:
        return _DyingClaims(self, self._engine.claim(worker, n))

    async def append(
        self, fence: Fence, records: Sequence[Record], done: Sequence[str] = ()
    ) -> list[Cursor]:
        mine = self._enter()
        result = await self._engine.append(fence, records, done)
        self._leave(mine)
        return result

    async def renew(self, fence: Fence) -> None:
        mine = self._enter()
        await self._engine.renew(fence)
        self._leave(mine)

    async def read(
        self, after: Cursor, kinds: Collection[str] | None = None
    ) -> AsyncIterator[Record]:
        mine = self._enter()
        async for one in self._engine.read(after, kinds):
            yield one
        self._leave(mine)

    async def find(self, arrival_id: str) -> Kept | None:
        mine = self._enter()
        result = await self._engine.find(arrival_id)
        self._leave(mine)
        return result

    async def drop(self, fence: Fence, after: Cursor, upto: Cursor, kinds: Collection[str]) -> int:
        mine = self._enter()
        dropped = await self._engine.drop(fence, after, upto, kinds)
        self._leave(mine)
        return dropped

    async def waiting(self, kind: str) -> AsyncIterator[Arrival]:
        mine = self._enter()
        async for one in self._engine.waiting(kind):
            yield one
        self._leave(mine)

    async def waiting_in(self, inboxes: Collection[str]) -> list[Arrival]:
        mine = self._enter()
        found = await self._engine.waiting_in(inboxes)
        self._leave(mine)
        return found

    async def step(self, claims: AsyncIterator[Claim]) -> Claim:
        mine = self._enter()
        claim = await anext(claims)
        self._leave(mine)
        return claim

    def _enter(self) -> int:
        self.calls += 1
        if self._is_dead or (self.calls == self._die_at and self._when == "before"):
            self.die()
        return self.calls

    def _leave(self, call: int) -> None:
        if self._is_dead or (call == self._die_at and self._when == "after"):
            self.die()


class _DyingClaims:
    def __init__(self, engine: DyingEngine, claims: AsyncIterator[Claim]) -> None:
        self._engine = engine
        self._claims = claims

    def __aiter__(self) -> "_DyingClaims":
        return self

    async def __anext__(self) -> Claim:
        return await self._engine.step(self._claims)

    async def aclose(self) -> None:
        await close(self._claims)


class Outside:
    """The other system and the customer: both honour a key, and count what reaches them."""

    def __init__(self) -> None:
        self.effects: Counter[str] = Counter()
        self.replies: Counter[str] = Counter()


async def tell(engine: DyingEngine, outside: Outside, *, die_after_effect: bool = False) -> None:
    """One interaction: accept, claim, intent, effect, reply, outcome; then nothing is left."""
    await engine.accept([message("m1"), message("nothing-left")])
    claims = engine.claim("mini", 1)
    while (claim := await anext(claims)).arrivals[0].id != "nothing-left":
        decisions = [one for one in claim.memo if one.kind == "decided"]
        decision = decisions[0] if decisions else await _decide(engine, claim.fence)
        if decision.key not in outside.effects:  # the lookup that a reconcilable tool offers
            outside.effects[decision.key] += 1
            if die_after_effect:
                engine.die()
        if decision.key not in outside.replies:
            outside.replies[decision.key] += 1
        outcome = Record("out_m1", "outcome", b"done", None, "m1")
        await engine.append(claim.fence, [outcome], ["m1"])
    await close(claims)


async def _decide(engine: DyingEngine, fence: Fence) -> Record:
    intent = Record("dec_m1", "decided", b"refund 40", None, "m1")
    try:
        await engine.append(fence, [intent])
    except Conflict as conflict:
        return conflict.first
    return intent


@promise
async def dying_at_any_port_call_leaves_one_effect_one_decision_one_reply(house: House) -> None:
    counted = DyingEngine(house.engine)
    await tell(counted, Outside())
    assert counted.calls == 5, "accept, claim, intent, outcome, claim"
    for call in range(1, counted.calls + 1):
        await _survives(house.another(), call, "before")
        await _survives(house.another(), call, "after")
    await _survives(house.another(), NEVER, "after", after_effect=True)


async def _survives(house: House, call: int, when: When, *, after_effect: bool = False) -> None:
    """Die, die again at the same call, then live: the outside and the feed say it once."""
    outside = Outside()
    for _ in range(2):
        await house.open()
        try:
            dying = DyingEngine(house.engine, call, when)
            await tell(dying, outside, die_after_effect=after_effect)
        except Died:
            pass
        await house.crash()
    await house.open()
    await tell(DyingEngine(house.engine), outside)
    assert (outside.effects, outside.replies) == ({"dec_m1": 1}, {"dec_m1": 1}), (call, when)
    assert names(await house.feed()) == ["dec_m1", "out_m1"], (call, when)
    await house.crash()
