"""Random histories against a small model: whatever callers do, in any order, the rules hold."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from answerable.base.clock import SECOND_US
from answerable.engine.port import Arrival, Claim, Conflict, Cursor, Fence, Fenced, Record
from answerable.testing.conformance.house import House, MakePlace, names, tell

Verb = Literal["accept", "take", "append", "finish", "stale", "advance", "again", "crash", "close"]
VERBS: tuple[Verb, ...] = (
    "accept", "accept", "accept", "take", "take", "take", "append", "append", "finish", "stale",
    "advance", "again", "crash", "close",
)  # fmt: skip
_HISTORIES = 40


@dataclass(frozen=True, slots=True)
class Op:
    """One thing that a caller does; what the numbers pick depends on the verb."""

    verb: Verb
    one: int
    two: int


@dataclass(slots=True)
class Model:
    """What must be true, in the simplest form that can say it."""

    accepted: dict[str, Arrival] = field(default_factory=dict)  # in accept order
    done: set[str] = field(default_factory=set)
    taken: dict[str, Claim] = field(default_factory=dict)  # unfinished, by the present holder
    feed: list[Record] = field(default_factory=list)
    fences: list[Fence] = field(default_factory=list)

    def available(self, now_us: int) -> list[Arrival]:
        """What may be handed out next."""
        busy = {self.accepted[name].inbox for name in self.taken}
        undone = [a for a in self.accepted.values() if a.id not in self.done]
        due = [a for a in undone if a.inbox not in busy and a.not_before_us <= now_us]
        heads: dict[str, Arrival] = {}
        for arrival in due:
            if not arrival.not_before_us:
                heads.setdefault(arrival.inbox, arrival)
        return [a for a in due if a.not_before_us or heads[a.inbox] is a]

    def first_of(self, keys: Sequence[str]) -> Record | None:
        return next((one for one in self.feed if one.key in keys), None)

    def memo(self, arrival: str) -> tuple[Record, ...]:
        return tuple(one for one in self.feed if one.arrival == arrival)


class History:
    """Runs operations on a house and on the model, and compares after each."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._model = Model()
        self._is_new_holder = True

    async def run(self, ops: Sequence[Op]) -> None:
        for op in ops:
            await self._do(op)
        await self._restart("crash")
        assert await self._house.feed() == self._model.feed
        while self._model.available(self._house.clock.now()):
            await self._take()

    async def _do(self, op: Op) -> None:
        match op.verb:
            case "accept":
                await self._accept(op)
            case "take":
                await self._take()
            case "append":
                await self._append(op, is_finishing=False)
            case "finish":
                await self._append(op, is_finishing=True)
            case "stale":
                await self._append_under_old_fence(op)
            case "advance":
                self._house.clock.advance((op.one + 1) * SECOND_US)
            case "again" | "crash" | "close":
                await self._restart(op.verb)

    async def _accept(self, op: Op) -> None:
        delay_us = (op.two % 3) * 2 * SECOND_US
        arrival = Arrival(
            f"m{op.one}{op.two}",
            f"cas_{op.one % 3}",
            "timer" if delay_us else "message",
            b"%d" % len(self._model.accepted),
            self._house.clock.now() + delay_us if delay_us else 0,
        )
        is_new = arrival.id not in self._model.accepted
        assert await self._house.accept(arrival) == [is_new]
        if is_new:
            self._model.accepted[arrival.id] = arrival

    async def _take(self) -> None:
        available = self._model.available(self._house.clock.now())
        if not available:
            return
        claim = await self._house.next_claim()
        (arrival,) = claim.arrivals
        assert arrival in available
        if not self._model.fences or self._is_new_holder:
            assert all(claim.fence.epoch > old.epoch for old in self._model.fences)
            self._model.fences.append(claim.fence)
            self._is_new_holder = False
        assert claim.fence == self._model.fences[-1]
        recorded = self._model.memo(arrival.id)
        assert claim.memo == recorded, (names(claim.memo), names(recorded))
        self._model.taken[arrival.id] = claim

    async def _append(self, op: Op, *, is_finishing: bool) -> None:
        if not self._model.taken:
            return
        taken = list(self._model.taken)
        name = taken[op.one % len(taken)]
        keys = [f"k{(op.one * 5 + op.two + more) % 23}" for more in range(op.two % 3 + 1)]
        records = [Record(key, "decided", f"{key} of {name}".encode(), None, name) for key in keys]
        may_win = self._model.first_of(keys) is None
        done = [name] if is_finishing else []
        try:
            positions = await self._house.engine.append(
                self._model.taken[name].fence, records, done
            )
        except Conflict as conflict:
            self._check(conflict.first, keys)
            return
        assert may_win, "a key was written twice"
        self._note(records, positions)
        if is_finishing:
            self._model.done.add(name)
            del self._model.taken[name]

    def _check(self, met: Record, keys: Sequence[str]) -> None:
        assert met in [self._model.first_of([key]) for key in keys]

    def _note(self, records: Sequence[Record], positions: Sequence[Cursor]) -> None:
        last = self._model.feed[-1].position if self._model.feed else 0
        assert list(positions) == sorted(set(positions))
        assert all(position > last for position in positions)
        self._model.feed.extend(
            replace(one, position=at) for one, at in zip(records, positions, strict=True)
        )

    async def _append_under_old_fence(self, op: Op) -> None:
        if len(self._model.fences) < 2 or self._is_new_holder:
            return
        old = self._model.fences[op.one % (len(self._model.fences) - 1)]
        undone = [name for name in self._model.accepted if name not in self._model.done]
        try:
            await self._house.engine.append(old, [Record(f"stale-{op}", "x", b"")], undone[:1])
        except Fenced:
            return
        raise AssertionError("a zombie wrote")

    async def _restart(self, how: Verb) -> None:
        if how == "again":
            await self._house.give_up()
        elif how == "crash":
            await self._house.crash_and_reopen()
        else:
            await self._house.close_and_reopen()
        self._model.taken.clear()
        self._is_new_holder = True
        assert await self._house.feed() == self._model.feed


def a_random_history_reads_like_the_model(make_place: MakePlace) -> None:
    """Bounded and derandomised: the same histories at every run. Needs hypothesis (dev extra)."""
    from hypothesis import HealthCheck, given, settings  # noqa: PLC0415 - only the kit needs it
    from hypothesis import strategies as st  # noqa: PLC0415

    ops = st.builds(Op, st.sampled_from(VERBS), st.integers(0, 4), st.integers(0, 4))

    @settings(
        max_examples=_HISTORIES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(ops, min_size=40, max_size=80))
    def history(steps: list[Op]) -> None:
        tell(make_place, lambda house: History(house).run(steps))

    history()
