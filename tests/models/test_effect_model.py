"""Effects against an outside that does everything an outside does: whatever it answers, and
whenever we die, nothing is done twice, nothing that may have happened is said to be undone, and
everything ends."""

from typing import get_args

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from msgspec.structs import replace

from answerable.agents.domain import Repeat
from answerable.agents.stops import Mode
from answerable.base.clock import day_of
from answerable.effects import rows
from answerable.effects.domain import EffectState, Status
from answerable.pipeline import desk
from answerable.policy.limits import Key
from answerable.testing.world import SPECIALIST, World
from machines import SETTINGS, HouseMachine
from outsides import PER_DAY, REPEATS, Behaviour, Looking, Outside, agent_of
from stories import inline_world

THEN: tuple[Behaviour, ...] = ("busy", "busy", "never", "loses after", "dies after", "dies late")
NOT_DONE = (Status.FAILED, Status.REFUSED, Status.DENIED)


class Effects(HouseMachine):
    def __init__(self) -> None:
        self.asks = 0
        self.answers = 0
        super().__init__()

    def made_world(self) -> World:
        self.outside = Outside(self)
        return inline_world(self.home, agent_of(self.outside))

    def forget(self) -> None:
        self.outside.die()

    def truth(self, state: EffectState) -> bool:
        return bool(self.outside.done[f"{state.name} {state.id}"])

    def may_come(self, state: EffectState) -> bool:
        key = f"{state.name} {state.id}"
        return key in self.outside.under_way or self.outside.inside[key] > 0

    @property
    def tools(self) -> list[EffectState]:
        return [one for one in self.life.effects() if one.kind == "tool"]

    @rule(
        what=st.lists(st.sampled_from(REPEATS), min_size=1, max_size=2),
        first=st.sampled_from(get_args(Behaviour)),
        then=st.lists(st.sampled_from(THEN), max_size=1),
        times=st.integers(1, 4),
        looks=st.lists(st.sampled_from(get_args(Looking)), max_size=2),
        seconds=st.sampled_from((0, 20, 100)),
    )  # fmt: skip
    def ask(
        self, what: list[Repeat], first: Behaviour, then: list[Behaviour], times: int,
        looks: list[Looking], seconds: int,
    ) -> None:  # fmt: skip
        self.outside.plan.extend([first, *then * times])
        self.outside.looks.extend(looks)
        self.asks += 1
        text = " ".join(f"{tool} {self.asks * 10 + n}" for n, tool in enumerate(what))
        sender = f"party-{self.asks}@example.org"
        self.happens(self.life.say(text, external_id=f"m{self.asks}", sender=sender))
        self.pass_time(seconds, step_s=5)

    @rule(seconds=st.sampled_from([1, 5, 11, 16, 60, 1300]))
    def time_passes(self, seconds: int) -> None:
        self.pass_time(seconds)

    def settle(self) -> None:
        self.outside.arrive()
        super().settle()

    @rule(moments=st.integers(1, 30))
    def death_is_near(self, moments: int) -> None:
        self.mortal.die_in(moments)

    @rule(is_crash=st.booleans())
    def another_life(self, *, is_crash: bool) -> None:
        if is_crash:
            self.crash()
        else:
            self.close_and_open()
        self.settle()

    @rule()
    def the_deaf_one_hears(self) -> None:
        self.outside.hear()
        self.settle()

    @rule(is_on=st.booleans())
    def is_stopped_or_let_go(self, *, is_on: bool) -> None:
        if is_on != self.is_stopped:
            self.happens(self.life.stop_agent("support", is_on=is_on))

    @property
    def is_stopped(self) -> bool:
        return self.life.house.hall.agents.is_stopped(Mode.PAUSE, agent="support")

    @precondition(lambda self: self.asks)
    @rule(number=st.integers(0, 20))
    def a_person_takes_the_case(self, number: int) -> None:
        if effects := self.tools:
            case = effects[number % len(effects)].case
            taking = self.loop.create_task(desk.take(self.life.house.hall, case, SPECIALIST))
            self.settle()
            taking.add_done_callback(lambda task: task.cancelled() or task.exception())

    @rule(number=st.integers(0, 20), attempt=st.integers(-1, 0))
    def a_person_settles(self, number: int, attempt: int) -> None:
        """They look at the other side, and say what is there, when nothing is under way."""
        unknown = [one for one in self.tools if one.status in (Status.UNKNOWN, Status.ASKED)]
        if not unknown:
            return
        state = unknown[number % len(unknown)]
        if not self.may_come(state):
            self._settle_one(state, attempt)

    def _settle_one(self, state: EffectState, attempt: int = 0) -> None:
        self.answers += 1
        seen = replace(state, attempt=state.attempt + attempt)
        says = "done" if self.truth(state) else "not_done"
        self.happens(self.life.answer(seen, says, id_=f"answer-{self.answers}"))

    @invariant()
    def nothing_went_wrong(self) -> None:
        assert not self.wrong, self.wrong
        for key, amounts in self.outside.done.items():
            assert len(amounts) <= 1, f"{key} was done {len(amounts)} times"

    @invariant()
    def what_is_said_is_so(self) -> None:
        for state in self.tools:
            if state.status in NOT_DONE:
                assert not self.truth(state), f"{state.id} was done, and is {state.status}"
                assert not self.may_come(state), f"{state.id} may still happen"
            if state.status is Status.RETRY:
                assert not self.truth(state), f"{state.id} is done, and is to be tried again"
            if state.status is Status.DONE:
                assert self.truth(state), f"{state.id} was not done"

    @invariant()
    def room_comes_back_only_for_what_did_not_happen(self) -> None:
        today = day_of(self.clock.now())
        for repeat in REPEATS:
            mine = [one for one in self.tools if one.name == repeat and one.day == today]
            kept = [one for one in mine if one.status not in NOT_DONE]
            assert len(kept) <= PER_DAY
            key = Key("support", f"tool:{repeat}", None, None)
            assert rows.used(self.life.db, key, today).effects == len(kept)

    def ends(self) -> None:
        self.mortal.die_in(10**9)
        self.outside.behave()
        self.settle()
        if self.is_stopped:
            self.do(self.life.stop_agent("support", is_on=False))
        for _ in range(4):
            self.time_passes(60)
        self.do(self.life.run_out())
        for state in self.tools:
            assert state.status.is_end or state.status is Status.ASKED, state
            if not state.status.is_end:
                self._settle_one(state)
        self.nothing_went_wrong()
        self.what_is_said_is_so()
        self.room_comes_back_only_for_what_did_not_happen()
        assert all(state.status.is_end for state in self.life.effects())
        db = self.life.db
        open_ = db.execute("SELECT count(*) FROM interaction WHERE disposition = 'open'")
        assert open_.fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM interaction").fetchone() == (self.asks,)
        assert self.do(self.life.verified()).problem is None


TestEffects = Effects.TestCase
TestEffects.settings = SETTINGS
