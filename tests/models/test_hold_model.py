"""Held effects against one word each: held, done or refused. Only a living person's yes, in time
and with nothing changed in between, does what was decided, once; everything else is no."""

from dataclasses import dataclass
from typing import Literal, get_args

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from msgspec import structs

from answerable.agents.stops import Mode
from answerable.base.clock import HOUR_US, MINUTE_US
from answerable.cases.domain import Lease
from answerable.effects.domain import EffectState, Status
from answerable.pipeline import desk
from answerable.testing.world import OWNER, SPECIALIST, Till, World
from machines import PAT, SETTINGS, HouseMachine
from stories import HOLD_TOOLS, Runs, inline_world, support

HOLD_US = 4 * HOUR_US
SCOPES = ("support", "tool:support/refund", "*")
WORD = {Status.HELD: "held", Status.DONE: "done", Status.REFUSED: "refused"}
NOBODY = "nobody"
NUMBERS = st.integers(0, 20)
Wrong = Literal["", "another interaction", "no such effect", "another word"]


@dataclass
class Hold:
    """What a person is asked, and what became of it."""

    effect: str
    sender: str
    amount: int
    expires_at: int
    release: int
    lease: Lease
    word: str = "held"
    is_taken: bool = False


class Holds(HouseMachine):
    def __init__(self) -> None:
        self.till, self.runs = Till(), Runs()
        self.holds: list[Hold] = []
        self.asks = self.answers = 0
        self.loaded = self.registered = 0
        self.stops: set[tuple[str, Mode]] = set()
        self.owner: str | None = OWNER
        super().__init__()
        self.ids = {who: self.life.person(who) for who in (OWNER, SPECIALIST, PAT)}
        self.ids[NOBODY] = "per_nobody"
        self.here = {OWNER, SPECIALIST, PAT}

    def made_world(self) -> World:
        self.till.before = self.till.after = self.fault
        agent = support(self.till, runs=self.runs, attempts_max=6 + self.loaded)
        return inline_world(self.home, agent, policy=HOLD_TOOLS)

    def open(self) -> None:
        super().open()
        if self.owner:
            self.registered = self.loaded

    def state(self, hold: Hold) -> EffectState:
        return next(one for one in self.life.effects() if one.id == hold.effect)

    def one(self, number: int) -> Hold | None:
        return self.holds[number % len(self.holds)] if self.holds else None

    @property
    def is_stopped(self) -> bool:
        return any(mode is not Mode.ASK for _, mode in self.stops)

    @rule()
    def is_asked_for(self) -> None:
        self.asks += 1
        amount, sender = 1_000 + self.asks, f"party-{self.asks}@example.org"
        known, now = {hold.effect for hold in self.holds}, self.clock.now()
        for _ in range(3):  # who asks says it again until it is acknowledged
            said = self.life.say(f"refund {amount}", external_id=f"m{self.asks}", sender=sender)
            if self.happens(said) is not None:
                break
        new = [one for one in self.life.effects() if one.kind == "tool" and one.id not in known]
        may = bool(self.owner) and not self.is_stopped and self.registered == self.loaded
        held = [one for one in new if one.status is Status.HELD]
        assert len(held) == may, "held, unless it may not even be asked"
        assert all(one.status is Status.DENIED for one in new if one not in held)
        self.holds += [
            Hold(one.id, sender, amount, now + HOLD_US, self.loaded, one.lease) for one in held
        ]

    @rule(
        number=NUMBERS, says=st.sampled_from(("grant", "grant", "refuse")),
        by=st.sampled_from((SPECIALIST, SPECIALIST, OWNER, PAT, NOBODY)),
        wrong=st.sampled_from(("", *get_args(Wrong))),
        is_late=st.sampled_from((False, False, False, True)),
    )  # fmt: skip
    def is_answered(self, number: int, says: str, by: str, wrong: Wrong, *, is_late: bool) -> None:
        hold = self.one(number)
        if hold is None:
            return
        state, runs, deaths = self.state(hold), self.runs.count, self.deaths
        match wrong:
            case "another interaction":
                state = structs.replace(state, interaction="int_another")
            case "no such effect":
                state = structs.replace(state, id="eff_another-1")
            case "another word":
                says = "by all means"
        if is_late:  # the worker has not yet looked at the clock when it comes in
            self.clock.advance(max(0, hold.expires_at - self.clock.now()))
        self.answers += 1
        self._answer(hold, state, says, by)
        if self.deaths == deaths:
            assert self.runs.count == runs, "a yes acts; it does not run the agent again"
            if not wrong:
                self._becomes(hold, says, by)
            same = self.life.answer(state, says, id_=f"answer-{self.answers}", by=self.ids[by])
            assert self.happens(same) in (False, None), "it was accepted before"
        if self.deaths != deaths:
            self._as_it_turned_out(hold)

    def _answer(self, hold: Hold, state: EffectState, says: str, by: str) -> None:
        answering = self.life.answer(state, says, id_=f"answer-{self.answers}", by=self.ids[by])
        self.happens(answering)

    def _becomes(self, hold: Hold, says: str, by: str) -> None:
        """Their word counts if they are here, and it is still asked."""
        if hold.word != "held" or by not in self.here or self.clock.now() >= hold.expires_at:
            return
        is_as_it_was = hold.release == self.loaded and not hold.is_taken
        is_done = says == "grant" and is_as_it_was and not self.is_stopped and bool(self.owner)
        hold.word = "done" if is_done else "refused"

    def _as_it_turned_out(self, hold: Hold) -> None:
        """Who died while answering learns only now whether the answer counted."""
        for _ in range(6):
            if self.state(hold).status in WORD:
                break
            self.clock.advance(MINUTE_US)
            self.settle()
        if hold.word == "held":
            hold.word = WORD[self.state(hold).status]

    @rule(number=NUMBERS, by=st.sampled_from((SPECIALIST, PAT)))
    def its_case_is_taken(self, number: int, by: str) -> None:
        hold = self.one(number)
        if hold is not None and by in self.here:
            self.happens(desk.take(self.life.house.hall, self.state(hold).case, by))
            case = desk.find_case(self.life.house.hall, self.state(hold).case)
            hold.is_taken = case.lease != hold.lease

    @rule(scope=st.sampled_from(SCOPES), mode=st.sampled_from(Mode), is_on=st.booleans())
    def is_stopped_or_let_go(self, scope: str, mode: Mode, *, is_on: bool) -> None:
        if is_on == ((scope, mode) in self.stops):
            return
        deaths = self.deaths
        self.happens(self.life.stop_agent(scope, is_on=is_on, mode=mode))
        is_so = (scope, mode) in self.life.house.hall.agents.registry.stops.orders
        assert is_so == is_on or self.deaths != deaths
        (self.stops.add if is_so else self.stops.discard)((scope, mode))

    @rule(who=st.sampled_from((OWNER, PAT)))
    def leaves(self, who: str) -> None:
        if who not in self.here:
            return
        deaths = self.deaths
        self.happens(self.leave(who))
        if self.life.house.hall.people.directory.living(self.ids[who]):
            assert self.deaths != deaths
            return
        self.here.discard(who)
        if who == self.owner:
            self.owner = None
            for hold in self.holds:
                if hold.word == "held" and not hold.is_taken:
                    hold.word = "refused"

    @rule()
    def somebody_else_answers_for_it(self) -> None:
        hall = self.life.house.hall
        if self.owner is None:
            unit = hall.people.accept_ownership("support", SPECIALIST)
            self.happens(self.life.house.commit_control(unit))
            self.owner = SPECIALIST if hall.people.directory.owned("support") else None

    @rule(minutes=st.sampled_from((1, 30, 200, 241)))
    def time_passes(self, minutes: int) -> None:
        self._to(self.clock.now() + minutes * MINUTE_US)

    @rule(number=NUMBERS, early_us=st.sampled_from((0, 1)))
    def time_passes_to_the_end_of_one(self, number: int, early_us: int) -> None:
        if hold := self.one(number):
            self._to(hold.expires_at - early_us)

    def _to(self, at: int) -> None:
        self.clock.advance(max(0, at - self.clock.now()))
        self.settle()

    @rule(moments=st.integers(1, 25))
    def death_is_near(self, moments: int) -> None:
        self.mortal.die_in(moments)

    @rule(is_crash=st.booleans(), is_another_release=st.booleans())
    def another_life(self, *, is_crash: bool, is_another_release: bool) -> None:
        if is_another_release:
            self.loaded = 1 - self.loaded
            self.world.agent = self.made_world().agent
        self.crash() if is_crash else self.close_and_open()
        self.settle()

    @invariant()
    def each_is_what_it_is(self) -> None:
        for hold in self.holds:
            if hold.word == "held" and self.clock.now() >= hold.expires_at:
                hold.word = "refused"  # silence
            state = self.state(hold)
            assert WORD.get(state.status) == hold.word, (hold, state.status)
        done = {hold.effect: [hold.amount] for hold in self.holds if hold.word == "done"}
        assert dict(self.till.done) == done, "exactly what was decided, once"

    @invariant()
    def nobody_is_told_what_is_not_so(self) -> None:
        words = {hold.sender: hold.word for hold in self.holds}
        for sent in self.world.mailbox.sent:
            said = "done" if sent.text == "Refunded." else "refused"
            assert words.get(sent.to, "refused") == said, sent

    def ends(self) -> None:
        self.mortal.die_in(10**9)
        self.do(self.life.run_out())
        self.each_is_what_it_is()
        self.nobody_is_told_what_is_not_so()
        approvals = [entry.effect.id for entry in self.do(self.life.entries("approval"))
                     if entry.effect]  # fmt: skip
        assert len(approvals) == len(set(approvals)), "one word on each"
        assert self.do(self.life.verified()).problem is None


TestHolds = Holds.TestCase
TestHolds.settings = SETTINGS
