"""Who stands where the world is touched, and holds each call against the promises as it begins."""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from answerable.base.clock import SECOND_US, Clock
from answerable.ledger.domain import Entry
from answerable.rails.port import Outgoing
from answerable.testing.simulator.agents import (
    EACH_MAX,
    PARTY_DAY_MAX,
    Wish,
)
from answerable.testing.simulator.books import Books
from answerable.testing.simulator.moments import Kind, Moments
from answerable.testing.simulator.shop import Asked, Shop
from answerable.worker.verbs.control import Mode

_SAID = re.compile(r"about (\S+): \[([0-9, ]*)\] \S+")

__all__ = ["Letter", "Order", "Violation", "Witness"]


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken, and what was seen."""

    promise: int
    seen: str

    def __str__(self) -> str:
        return f"promise {self.promise}: {self.seen}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that somebody sent, as they know it."""

    external_id: str
    rail: str
    sender: str
    wish: Wish


@dataclass(frozen=True, slots=True)
class Order:
    """A stop that was answered with yes: from then on nothing in its scope may begin."""

    scope: str
    mode: Mode


@dataclass
class Witness:
    """What people of the world know for sure, and what was seen that should not be."""

    clock: Clock
    instant: Callable[[], float]
    day_count_max: int = 0
    books: Books | None = None
    shop: Shop | None = None
    letters: dict[str, Letter] = field(default_factory=dict)  # by external id
    interactions: dict[str, str] = field(default_factory=dict)  # by external id, as acknowledged
    stopped: set[Order] = field(default_factory=set)
    file_pressed: bool = False
    gone: set[str] = field(default_factory=set)  # persons whose leaving was answered
    held: dict[str, str] = field(default_factory=dict)  # case -> the person who was given it
    moments: Moments = field(default_factory=Moments)
    late_cases: set[str] = field(default_factory=set)  # whose takeover said that a send is late
    violations: list[Violation] = field(default_factory=list)
    in_flight: dict[int, tuple[Asked, str]] = field(default_factory=dict)
    room: defaultdict[tuple[str, ...], dict[str, int]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def broken(self, promise: int, seen: str) -> None:
        self.violations.append(Violation(promise, seen))

    def know(self, external_id: str, interaction: str) -> None:
        """An acknowledgement: the same message is the same interaction, for ever."""
        known = self.interactions.setdefault(external_id, interaction)
        if known != interaction and interaction:
            self.broken(3, f"{external_id} was acknowledged as {known} and as {interaction}")

    def nothing_left_with(self, person: str) -> None:
        """A minute after somebody left: what was theirs, and is open, is with people."""
        books = self.books
        if books is None:
            return
        books.catch_up()
        holders = {case: hands[-1][0] for case, hands in books.hands.items()}
        for case in [case for case, holder in holders.items() if holder == person]:
            self.broken(1, f"{case} is still with {person}, who left a minute ago")
        for interaction, entry in books.received.items():
            agent = holders.get(entry.case, "").removeprefix("agent:")
            is_old = entry.ts < self.clock.now() - 60 * SECOND_US
            is_nobodys = agent in books.power.owners and agent not in books.power.answered
            if is_old and is_nobodys and not books.outcomes.get(interaction):
                self.broken(
                    1, f"{interaction} is open with {agent}, which is nobody's for a minute"
                )

    # the shop's face

    def begins(self, asked: Asked) -> None:
        if self.books is None:
            self.broken(2, f"{asked.name} {asked.key} before there is a ledger")
            return
        self.books.catch_up()
        entry = self.books.decided.get(asked.key)
        if entry is None:
            self.broken(2, f"{asked.name} {asked.key} began without a record")
            return
        Look(self, self.books, asked, entry).at_everything()
        self.in_flight[id(asked)] = (asked, self.held.get(entry.case, ""))
        self.moments.tell("begun", entry)

    def looks(self, key: str) -> None:
        """The other side is asked what became of a call."""
        self._tell("looked up", key)

    def drags(self, key: str) -> None:
        """A call that nobody waits for any more goes on."""
        self._tell("dragging", key)

    def _tell(self, kind: Kind, key: str) -> None:
        entry = self.books.decided.get(key) if self.books else None
        if entry is not None:
            self.moments.tell(kind, entry)

    def ends(self, asked: Asked) -> None:
        """A person may have been given the case meanwhile: then this was spoken after them."""
        _, held_at_begin = self.in_flight.pop(id(asked), (asked, ""))
        entry = self.books.decided.get(asked.key) if self.books else None
        if entry is None or entry.agent is None:
            return
        now_held = self.held.get(entry.case, "")
        if now_held and now_held != held_at_begin and entry.case not in self.late_cases:
            self.broken(6, f"{asked.key} of an agent still under way after {now_held} had the case")

    def steps(self, external_id: str, done_before: int) -> None:
        """A step really runs: none that is recorded does."""
        if self.books is None:
            return
        self.books.catch_up()
        tail = self.interactions.get(external_id, "").partition("_")[2]
        if tail and self.books.memos[tail] > done_before:
            self.broken(3, f"step {done_before} of {external_id} ran again after it was recorded")


@dataclass(frozen=True, slots=True)
class Look:
    """One call at the moment it begins, beside the entry that decided it."""

    witness: Witness
    books: Books
    asked: Asked
    entry: Entry

    def at_everything(self) -> None:
        self._allowed()
        self._owned()
        self._exact()
        self._not_stopped()
        self._one_speaker()
        self._within_limits()

    def _allowed(self) -> None:
        """A verdict of allow, or of hold with one living person's yes, before it was too late."""
        key, verdict = self.asked.key, self.entry.policy[-1].verdict
        if verdict == "deny":
            self.witness.broken(2, f"{key} was denied and began")
        if verdict != "hold":
            return
        given = self.books.approvals.get(key, [])
        outcome = given[0].outcome if len(given) == 1 else None
        if outcome is None or outcome.status != "granted":
            self.witness.broken(5, f"{key} was held and began without exactly one yes")

    def _owned(self) -> None:
        key, entry, witness = self.asked.key, self.entry, self.witness
        if entry.agent is None:  # a person speaks for themselves
            if entry.actor in witness.gone:
                witness.broken(1, f"{key} of {entry.actor}, who had left")
            return
        starts = self.books.starts.get(key)
        named = starts[-1].owner if starts else entry.owner
        now_us, agent = witness.clock.now(), entry.agent.id
        answers = self.books.power.accountable(agent, now_us)
        if named is None or named not in (answers, self.books.before.accountable(agent, now_us)):
            witness.broken(1, f"{key} began under {named}, while {answers} answers for it")
        elif named.person in witness.gone:
            witness.broken(1, f"{key} began after {named.person} had left")

    def _exact(self) -> None:
        """What is done is what was wished, and goes back to where the wish came from."""
        asked, witness = self.asked, self.witness
        if isinstance(asked.arguments, Outgoing):
            self._goes_back(asked.arguments)
            return
        order, cents = asked.arguments
        letter = witness.letters.get(order)
        if letter is None or (asked.name, cents) not in letter.wish.tools:
            witness.broken(4, f"{asked.key} does {asked.name} {cents} for {order}: nobody's wish")
        if witness.interactions.get(order, self.entry.interaction) != self.entry.interaction:
            witness.broken(4, f"{asked.key} serves {order}, which its decision is not about")
        amount = self.entry.action.amount_minor if self.entry.action else None
        if amount != cents:
            witness.broken(5, f"{asked.key} does {cents}, but {amount} was decided")

    def _goes_back(self, outgoing: Outgoing) -> None:
        asked, witness = self.asked, self.witness
        letter = witness.letters.get(outgoing.in_reply_to)
        if letter is None or outgoing.to != letter.sender or asked.name != letter.rail:
            witness.broken(7, f"{asked.key} goes to {outgoing.to}, not back to its message")
            return
        if self.entry.agent is not None:
            self._is_true(outgoing.text)
        known = witness.interactions.get(letter.external_id, self.entry.interaction)
        if known != self.entry.interaction:
            witness.broken(7, f"{asked.key} answers another message than its decision")

    def _is_true(self, text: str) -> None:
        """It says that an effect was done once it was, and what its own steps were told."""
        shop, witness = self.witness.shop, self.witness
        after = self.entry.effect.after if self.entry.effect else None
        said = _SAID.fullmatch(text)
        if shop is None or said is None:
            return
        if after and not (shop.done[after] or shop.travelling[after]):  # it may be this instant
            witness.broken(3, f"{self.asked.key} says that {after} was done, and it was not")
        for place, told in enumerate(filter(None, said[2].split(", "))):
            if int(told) not in shop.told[said[1], place]:
                witness.broken(3, f"{self.asked.key} was told {told} by step {place} of nobody")

    def _not_stopped(self) -> None:
        if self.witness.file_pressed:
            self.witness.broken(10, f"{self.asked.key} began under the stop file")
        for order in sorted(self.witness.stopped, key=repr):
            if self._bears(order):
                self.witness.broken(10, f"{self.asked.key} began under {order.mode} {order.scope}")

    def _bears(self, order: Order) -> bool:
        """A person's own words are stopped by a stop of everything alone."""
        asked, entry = self.asked, self.entry
        if entry.agent is None:
            return (order.scope, order.mode) == ("*", "pause")
        was_held = entry.policy[-1].verdict == "hold"
        if (asked.kind == "reply" and order.mode == "read_only") or (
            order.mode == "ask" and was_held
        ):
            return False
        party = entry.subject.pid if entry.subject else ""
        tool = f"tool:{asked.agent}/{asked.name}" if asked.kind == "tool" else ""
        return order.scope in ("*", asked.agent, tool, f"party:{party}")

    def _one_speaker(self) -> None:
        """Once a person was told that they have the case, no agent begins anything on it."""
        key, entry, witness = self.asked.key, self.entry, self.witness
        holder = witness.held.get(entry.case, "")
        if entry.agent is not None and holder:
            witness.broken(6, f"{key} of an agent began while {holder} has the case")
        epoch = int((entry.change or {}).get("epoch", 0))
        for other, later, since in self.books.hands[entry.case]:
            if later > epoch and since < witness.instant():
                witness.broken(6, f"{key} began under epoch {epoch}, after {other} took {later}")

    def _within_limits(self) -> None:
        """Counted by hand: every key that began and may be done, on the day it was decided for."""
        asked, entry = self.asked, self.entry
        if isinstance(asked.arguments, Outgoing):
            return
        cents = asked.arguments[1]
        day = str((entry.change or {}).get("day"))
        party = entry.subject.pid if entry.subject else ""
        of_party = self.witness.room[asked.agent, asked.name, party, day]
        of_all = self.witness.room[asked.agent, asked.name, day]
        of_party[asked.key] = of_all[asked.key] = cents
        for room in (of_party, of_all):  # what surely was not done has given its room back
            for key in [key for key in room if self.books.final(key) in ("failed", "refused")]:
                del room[key]
        is_over = sum(of_party.values()) > PARTY_DAY_MAX or len(of_all) > self.witness.day_count_max
        if cents > EACH_MAX or is_over:
            self.witness.broken(5, f"{asked.key} went over a limit of {asked.name}")
