"""Who answers for an agent: whatever people ask, accept, delegate, end and leave, the directory
names the one person that a short list of facts names, and nobody who left."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from answerable.base.clock import HOUR_US
from answerable.base.errors import AnswerableError
from answerable.compose.house import House, open_house
from answerable.ledger.domain import Owner
from answerable.ledger.draft import Committed, Unit
from answerable.people.service import People
from answerable.testing.world import Life, Till
from machines import SETTINGS, Machine
from stories import inline_world, support

NAMES = ("ada", "ben", "cid", "dot")
AGENTS = ("support", "billing")
PERSONS, AGENT = st.sampled_from(NAMES), st.sampled_from(AGENTS)


@dataclass
class Facts:
    """What was said, in the order in which it was; a name is a person only while they are here."""

    ids: dict[str, str] = field(default_factory=dict)  # of who is here now
    above: dict[str, str] = field(default_factory=dict)  # id -> whom they report to
    accepted: dict[str, tuple[str, int]] = field(default_factory=dict)  # agent -> who, which entry
    asked: dict[str, str] = field(default_factory=dict)
    stands_in: dict[str, tuple[str, str, int, int]] = field(default_factory=dict)

    def is_here(self, person: str) -> bool:
        return person in self.ids.values()

    def owner(self, agent: str) -> str:
        person, _ = self.accepted.get(agent, ("", 0))
        return person if self.is_here(person) else ""

    def running(self, agent: str, at: int) -> tuple[str, int] | None:
        """Who stands in for the owner, and since which entry."""
        owner, person, until, entry = self.stands_in.get(agent, ("", "", 0, 0))
        is_theirs = bool(owner) and owner == self.owner(agent)
        return (person, entry) if is_theirs and self.is_here(person) and at < until else None

    def accountable(self, agent: str, at: int) -> Owner | None:
        owner = self.owner(agent)
        if not owner:
            return None
        running = self.running(agent, at)
        if running is None:
            return Owner(person=owner, accepted_at=self.accepted[agent][1])
        return Owner(person=running[0], accepted_at=running[1], via=owner)

    def first_above(self, person: str) -> str:
        while person := self.above.get(person, ""):
            if self.is_here(person):
                return person
        return ""


class Accountability(Machine):
    def __init__(self) -> None:
        super().__init__()
        self.facts = Facts()
        self.world = inline_world(self.folder / "home", support(Till()))
        self.world.clock = self.clock
        self.open()

    def open(self) -> None:
        self.life = Life(open_house(self.world.plan(with_agent=False)))
        self.do(self.life.dispatcher.start())

    @property
    def house(self) -> House:
        return self.life.house

    @property
    def people(self) -> People:
        return self.house.hall.people

    def tries(self, checked: Callable[[], Unit], *, may: bool) -> Committed | None:
        """It is written if it may be; otherwise it is refused, in words of ours."""
        if may:
            return self.do(self.house.change_power(checked))
        with pytest.raises(AnswerableError):
            self.do(self.house.change_power(checked))
        return None

    @initialize()
    def the_first_day(self) -> None:
        for name, boss in zip(NAMES, ("", *NAMES), strict=False):
            self.comes(name, boss)
        for agent, name in zip(AGENTS, NAMES, strict=False):
            self.accepts(agent, name)

    @rule(name=PERSONS, boss=st.sampled_from(("", *NAMES)))
    def comes(self, name: str, boss: str) -> None:
        may = name not in self.facts.ids and (not boss or boss in self.facts.ids)
        email, above = f"{name}@acme.example", f"{boss}@acme.example" if boss else ""
        if self.tries(
            lambda: self.people.add(email, name, by="system:test", reports_to=above), may=may
        ):
            person = self.people.find(email).id
            assert person not in self.facts.above, "an id is never given again"
            self.facts.above[person] = self.facts.ids.get(boss, "")
            self.facts.ids[name] = person

    @rule(name=PERSONS)
    def leaves(self, name: str) -> None:
        person = self.facts.ids.get(name, "")
        if not self.tries(
            lambda: self.people.leave(f"{name}@acme.example", by="system:test"), may=bool(person)
        ):
            return
        was_alone = [
            agent
            for agent in self.facts.accepted
            if self.facts.owner(agent) in ("", person)
            and (self.facts.asked.get(agent, "") == person or not self.is_asked(agent))
        ]
        del self.facts.ids[name]
        above = self.facts.first_above(person)
        self.facts.asked |= {agent: above for agent in was_alone if above}

    def is_asked(self, agent: str) -> bool:
        return self.facts.is_here(self.facts.asked.get(agent, ""))

    @rule(agent=AGENT, name=PERSONS, by=PERSONS)
    def is_asked_to_own(self, agent: str, name: str, by: str) -> None:
        person, asking = self.facts.ids.get(name, ""), self.facts.ids.get(by, "")
        owner = self.facts.owner(agent)
        may = bool(person and asking) and (not owner or (asking == owner and person != owner))
        who = f"{name}@acme.example"
        if self.tries(lambda: self.people.ask_to_own(agent, who, by=f"{by}@acme.example"), may=may):
            self.facts.asked[agent] = person

    @rule(agent=AGENT, name=PERSONS)
    def accepts(self, agent: str, name: str) -> None:
        person, owner = self.facts.ids.get(name, ""), self.facts.owner(agent)
        may = bool(person) and (owner in ("", person) or self.facts.asked.get(agent) == person)
        if committed := self.tries(
            lambda: self.people.accept_ownership(agent, f"{name}@acme.example"), may=may
        ):
            self.facts.accepted[agent] = (person, committed.indexes[0])
            self.facts.asked.pop(agent, None)
            self.facts.stands_in.pop(agent, None)

    @rule(agent=AGENT, to=PERSONS, by=st.sampled_from(("", *NAMES)), hours=st.integers(0, 3))
    def delegates(self, agent: str, to: str, by: str, hours: int) -> None:
        """By anybody; where nobody is named, by who owns it."""
        owns = [name for name, id_ in self.facts.ids.items() if id_ == self.facts.owner(agent)]
        by = by or next(iter(owns), NAMES[0])
        owner, person = self.facts.ids.get(by, ""), self.facts.ids.get(to, "")
        may = bool(owner and person) and owner == self.facts.owner(agent)
        may = may and person != owner and hours > 0
        now = self.clock.now()
        until = now + hours * HOUR_US
        whom, who = f"{to}@acme.example", f"{by}@acme.example"
        if committed := self.tries(
            lambda: self.people.delegate(agent, whom, until, by=who, now=now), may=may
        ):
            self.facts.stands_in[agent] = (owner, person, until, committed.indexes[0])

    @rule(agent=AGENT, to=st.sampled_from(("", *NAMES)), by=PERSONS)
    def ends_a_delegation(self, agent: str, to: str, by: str) -> None:
        running = self.facts.running(agent, self.clock.now())
        ending = self.facts.ids.get(by, "")
        may = running is not None and bool(ending)
        may = may and ending in (self.facts.owner(agent), running[0] if running else "")
        may = may and (not to or (running or ("",))[0] == self.facts.ids.get(to, "nobody"))
        whom, who, now = f"{to}@acme.example" if to else "", f"{by}@acme.example", self.clock.now()
        if self.tries(lambda: self.people.end_delegation(agent, whom, by=who, now=now), may=may):
            del self.facts.stands_in[agent]

    @rule(quarters=st.integers(1, 8))
    def time_passes(self, quarters: int) -> None:
        self.clock.advance(quarters * HOUR_US // 4)

    @rule(is_crash=st.booleans())
    def another_life(self, *, is_crash: bool) -> None:
        self.do(self.life.die() if is_crash else self.life.close())
        self.open()

    @invariant()
    def the_directory_names_who_the_facts_name(self) -> None:
        now, directory = self.clock.now(), self.people.directory
        for agent in AGENTS:
            _, _, until, _ = self.facts.stands_in.get(agent, ("", "", now, 0))
            for at in (now, until - 1, until, now + 100 * HOUR_US):
                said = directory.accountable_for(agent, at)
                assert said == self.facts.accountable(agent, at), (agent, at - now)
                if said is not None:
                    assert directory.living(said.person), f"{said.person} has left"
                    assert not said.via or directory.living(said.via), f"{said.via} has left"
            asked = directory.asked_for(agent)
            said_asked = self.facts.asked.get(agent, "") if self.is_asked(agent) else ""
            assert (asked.id if asked else "") == said_asked
        for person in self.facts.above:
            above = directory.above(person)
            assert (above.id if above else "") == self.facts.first_above(person)

    def ends(self) -> None:
        assert self.do(self.life.verified()).problem is None

    def gone(self) -> None:
        self.do(self.life.die())


TestAccountability = Accountability.TestCase
TestAccountability.settings = settings(SETTINGS, stateful_step_count=60)
