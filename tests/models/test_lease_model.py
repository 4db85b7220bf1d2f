"""One speaker: people take cases, give them back, speak and leave while the agent answers and hands
over. The model is who holds each case, as each write says; it is asked when a send begins."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from types import NoneType

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from answerable.desk.errors import NotYours
from answerable.engine.port import Record
from answerable.people.errors import PersonUnknown
from answerable.pipeline import desk
from answerable.testing.conformance.dying import Died
from answerable.testing.world import OWNER, SPECIALIST, Till, World
from machines import PAT, SETTINGS, HouseMachine
from posts import Post, Seen, Writes
from stories import inline_world, support

SENDERS = ("kim@example.org", "lee@example.org")
SENDER, WHO = st.sampled_from(SENDERS), st.sampled_from((SPECIALIST, OWNER, PAT))


class Speakers(HouseMachine):
    def __init__(self) -> None:
        self.takers: dict[asyncio.Task[None], str] = {}
        self.said = self.spoken = 0
        self.left: set[str] = set()
        self.is_closing = False  # then what has just been ended may be called late
        super().__init__()
        self.ids = {who: self.life.person(who) for who in (OWNER, SPECIALIST, PAT)}

    def made_world(self) -> World:
        self.writes = Writes(self.wrong, self.left)
        self.cases, self.of = self.writes.cases, self.writes.of
        self.post = Post(began=self.writes.began, die=self.fault)
        return inline_world(self.home, support(Till()), rail=self.post)

    def forget(self) -> None:
        self.post.is_dying = True
        self.post.let_go()
        self.loop.idle()
        self.post.is_dying = False
        for taker in self.takers:
            taker.cancel()
        self.takers.clear()
        self.loop.idle()
        for case in self.cases.values():
            case.reaching = case.registered = 0
            case.sending.clear()

    def learn(self, records: Sequence[Record]) -> None:
        self.writes.learn(records)

    def one(self, number: int) -> tuple[str, Seen]:
        return list(self.cases.items())[number % len(self.cases)]

    def is_quiet(self, case: Seen | None) -> bool:
        """Whether what comes in now is taken up, and said, at once."""
        waits = "SELECT count(*) FROM arrival WHERE done = 0 AND not_before_us = 0"
        door = self.life.house.hall.doors.of("reply", "", "email")
        is_free = case is None or not (case.reaching or case.sending.total())
        is_open = door.may_try(self.clock.now()) and not self.post.is_slow
        return is_free and is_open and self.life.db.execute(waits).fetchone() == (0,)

    @rule(sender=SENDER, text=st.sampled_from(("hello", "hello", "human!")))
    def a_message_comes(self, sender: str, text: str) -> None:
        self.said += 1
        name = f"m{self.said}"
        self.of[name] = sender
        case = next((one for one in self.cases.values() if one.sender == sender), None)
        is_known = all(one.sender for one in self.cases.values())
        is_quiet, deaths = self.is_quiet(case) and is_known, self.deaths
        is_agents = case is None or case.lease.holder.startswith("agent:")
        ack = self.happens(self.life.say(text, external_id=name, sender=sender))
        if ack is None or self.deaths != deaths:
            return
        of = 'SELECT "case" FROM interaction WHERE id = ?'
        row = self.life.db.execute(of, (ack.interaction,)).fetchone()
        if row is not None:
            case = self.cases[row[0]]
            assert case.sender in ("", sender)
            case.sender = sender
        if is_quiet and case is not None:
            is_told = any(one.in_reply_to == name for one in self.post.sent)
            assert is_told == (is_agents and text == "hello"), (case.lease, text)
            assert case.lease.holder.startswith("queue:") or not (is_agents and text != "hello")

    @precondition(lambda self: self.cases)
    @rule(number=st.integers(0, 9), who=WHO)
    def is_taken(self, number: int, who: str) -> None:
        name, case = self.one(number)
        if self.ids[who] in self.left:
            with pytest.raises(PersonUnknown):
                self.do(desk.take(self.life.house.hall, name, who))
            return
        deaths = self.deaths
        taker = self.loop.create_task(self._reach(name, case, who))
        self.takers[taker] = name
        self.settle()
        assert self.deaths != deaths or case.lease.holder == self.ids[who]

    async def _reach(self, name: str, case: Seen, who: str) -> None:
        case.reaching += 1
        through = self.life.house.hall.leases._in_flight[name]
        case.registered = max(case.registered, through - case.sending.total())
        try:
            taken = await desk.take(self.life.house.hall, name, who)
            before = [one for one in case.sending.elements() if one.epoch < taken.lease.epoch]
            on_its_way = case.sending.total() if taken.is_late else len(before)
            is_wrong = bool(on_its_way) != taken.is_late and not self.mortal.died.is_set()
            if is_wrong and not (self.is_closing and taken.is_late):
                self.wrong.append(f"{taken} while {before} is on its way")
        except PersonUnknown:
            assert self.ids[who] in self.left
        finally:
            case.reaching -= 1

    @precondition(lambda self: self.cases)
    @rule(number=st.integers(0, 9), who=WHO)
    def is_given_back(self, number: int, who: str) -> None:
        name, case = self.one(number)
        back = desk.hand_back(self.life.house.hall, name, who)
        if case.lease.holder == self.ids[who] and self.ids[who] not in self.left:
            self.happens(back)
            return
        with pytest.raises((NotYours, PersonUnknown)):
            self.do(back)

    @precondition(lambda self: self.cases)
    @rule(number=st.integers(0, 9), who=WHO)
    def a_person_speaks(self, number: int, who: str) -> None:
        name, case = self.one(number)
        last = 'SELECT max(id) FROM interaction WHERE "case" = ?'
        row = self.life.db.execute(last, (name,)).fetchone()
        self.spoken += 1
        text, deaths = f"reply {self.spoken}", self.deaths
        says = desk.say(self.life.house.hall, str(row[0]), name, who, text)
        if case.lease.holder != self.ids[who] or self.ids[who] in self.left:
            with pytest.raises((NotYours, PersonUnknown)):
                self.do(says)
            return
        is_quiet = self.is_quiet(case)
        self.happens(says)
        is_told = any(one.text == text for one in self.post.sent)
        assert is_told or not is_quiet or self.deaths != deaths

    @precondition(lambda self: self.cases)
    @rule(number=st.integers(0, 9), who=WHO, rounds=st.integers(0, 14))
    def is_taken_while_a_message_comes(self, number: int, who: str, rounds: int) -> None:
        name, case = self.one(number)
        if self.ids[who] in self.left:
            return
        self.said += 1
        self.of[f"m{self.said}"] = sender = case.sender or SENDERS[0]
        saying = self.life.say("hello", external_id=f"m{self.said}", sender=sender)
        said = self.loop.create_task(saying)
        self.loop.go_on(rounds)
        if not self.mortal.died.is_set():
            self.takers[self.loop.create_task(self._reach(name, case, who))] = name
        self.settle()
        said.cancel() or said.cancelled() or said.exception()

    @rule(is_slow=st.booleans(), is_deaf=st.booleans(), is_early=st.booleans())
    def the_rail_is(self, *, is_slow: bool, is_deaf: bool, is_early: bool) -> None:
        self.post.is_slow, self.post.is_deaf, self.post.is_early = is_slow, is_deaf, is_early

    @rule()
    def sends_end(self) -> None:
        self.post.let_go()
        self.settle()

    @rule(seconds=st.sampled_from((1, 5, 11, 61)))
    def time_passes(self, seconds: int) -> None:
        self.pass_time(seconds)

    @rule()
    def one_leaves(self) -> None:
        if self.ids[PAT] not in self.left:
            self.left.add(self.ids[PAT])
            self.happens(self.leave(PAT))
            if self.life.house.hall.people.directory.living(self.ids[PAT]):
                self.left.clear()  # who died before it was written

    @rule(moments=st.integers(1, 30))
    def death_is_near(self, moments: int) -> None:
        self.mortal.die_in(moments)

    @rule(is_crash=st.booleans())
    def another_life(self, *, is_crash: bool) -> None:
        self.is_closing = not is_crash
        self.crash() if is_crash else self.close_and_open()
        self.is_closing = False

    @invariant()
    def one_holder_and_nobody_waits_for_nothing(self) -> None:
        assert not self.wrong, self.wrong
        for name, case in self.cases.items():
            assert desk.find_case(self.life.house.hall, name).lease == case.lease
        for taker, name in list(self.takers.items()):
            if taker.done():
                del self.takers[taker]
                assert taker.cancelled() or isinstance(taker.exception(), Died | NoneType), taker
            else:
                assert self.cases[name].sending.total(), "a takeover waits for nothing"

    def ends(self) -> None:
        self.mortal.die_in(10**9)
        self.post.is_slow = False
        self.sends_end()
        self.pass_time(30)
        self.do(self.life.run_out())
        self.one_holder_and_nobody_waits_for_nothing()
        assert not self.takers
        assert set(Counter(one.key for one in self.post.sent).values()) <= {1}, "said once"
        open_ = "SELECT count(*) FROM interaction WHERE disposition = 'open'"
        assert self.life.db.execute(open_).fetchone() == (0,)
        assert self.do(self.life.verified()).problem is None


TestSpeakers = Speakers.TestCase
TestSpeakers.settings = settings(SETTINGS, stateful_step_count=60)
