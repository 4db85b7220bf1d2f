"""What the ledger says, read by somebody else: straight from the file, with plain dictionaries.

Nothing here uses the rooms' own readers or state rows: it is the second opinion that promises are
held against.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from answerable.ledger.domain import KINDS, Entry, Owner, decode_entry


class Standing(NamedTuple):
    """Who answers for an agent by delegation: `person` instead of `owner`, until then."""

    owner: str
    person: str
    until: int
    since: int  # ledger index


@dataclass(slots=True)
class Power:
    """Who may what, as the entries so far say."""

    owners: dict[str, tuple[str, int]] = field(default_factory=dict)  # agent -> person, index
    standing: dict[str, Standing] = field(default_factory=dict)  # by agent
    left: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)

    def copy(self) -> "Power":
        return Power(dict(self.owners), dict(self.standing), set(self.left), set(self.people))

    def accountable(self, agent: str, at_us: int) -> Owner | None:
        """The one living person who answers for it, by the rules of the glossary."""
        person, index = self.owners.get(agent, ("", 0))
        if not person or person in self.left:
            return None
        other = self.standing.get(agent)
        if (
            other
            and other.owner == person
            and other.person not in self.left
            and at_us < other.until
        ):
            return Owner(person=other.person, accepted_at=other.since, via=person)
        return Owner(person=person, accepted_at=index)

    def is_living(self, person: str) -> bool:
        return person in self.people and person not in self.left

    def take(self, entry: Entry) -> None:
        change = entry.change or {}
        match entry.kind:
            case "person.added":
                self.people.add(str(change["person"]))
            case "person.left":
                self.left.add(str(change["person"]))
            case "owner.accepted":
                agent = str(change["agent"])
                self.owners[agent] = (str(change["person"]), entry.seq)
                self.standing.pop(agent, None)
            case "owner.delegated":
                agent, until = str(change["agent"]), int(change["until"])
                self.standing.pop(agent, None)
                if until:
                    via, person = str(change["via"]), str(change["person"])
                    self.standing[agent] = Standing(via, person, until, entry.seq)
            case _:
                pass


class Ended(NamedTuple):
    """One entry that says how an attempt ended."""

    status: str
    attempt: int
    reason: str
    by: str


class Books:
    """Follows the feed of a home's file."""

    def __init__(self, home: Path, instant: Callable[[], float]) -> None:
        self._instant = instant
        self.doubtful: list[str] = []  # what was granted by somebody who was not there
        self._database = sqlite3.connect(f"{(home / 'answerable.db').as_uri()}?mode=ro", uri=True)
        self._position = 0
        self.entries: list[Entry] = []
        self.power = Power()
        self.before = Power()  # as it was when the last instant ended
        self.decided: dict[str, Entry] = {}  # by effect
        self.approvals: defaultdict[str, list[Entry]] = defaultdict(list)
        self.starts: defaultdict[str, list[Entry]] = defaultdict(list)
        self.ends: defaultdict[str, list[Ended]] = defaultdict(list)
        self.hands: defaultdict[str, list[tuple[str, int, float]]] = defaultdict(list)
        """Case -> its leases: holder, epoch, and the instant in which it was seen."""
        self.received: dict[str, Entry] = {}  # by interaction
        self.outcomes: defaultdict[str, list[Entry]] = defaultdict(list)  # by interaction
        self.memos: Counter[str] = Counter()  # steps recorded, by interaction's tail

    def close(self) -> None:
        self._database.close()

    def catch_up(self) -> None:
        """Read what was committed since."""
        sql = "SELECT position, key, kind, data FROM record WHERE position > ? ORDER BY position"
        for position, key, kind, data in self._database.execute(sql, (self._position,)).fetchall():
            self._position = position
            if kind in KINDS:
                self._take(decode_entry(data))
            elif key.startswith("stp_"):
                self.memos[key.partition("_")[2].rpartition("/")[0].partition("-")[0]] += 1

    def instant_ended(self) -> None:
        """Time moves on: what is so now is what was so before."""
        self.catch_up()
        self.before = self.power.copy()

    def unfinished(self) -> list[tuple[str, str, int]]:
        """Arrivals that are not finished: id, kind, not before."""
        sql = "SELECT id, kind, not_before_us FROM arrival WHERE done = 0"
        return self._database.execute(sql).fetchall()

    def digest(self) -> Iterator[bytes]:
        """Every byte that was recorded, in order."""
        sql = "SELECT key, data, coalesce(body, x'') FROM record ORDER BY position"
        for key, data, body in self._database.execute(sql):
            yield key.encode() + data + body

    def _take(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.power.take(entry)
        effect = entry.effect.id if entry.effect else ""
        match entry.kind:
            case "received":
                self.received[entry.interaction] = entry
            case "decided" if effect:
                self.decided[effect] = entry
            case "approval":
                self._approved(effect, entry)
            case "effect.started":
                self.starts[effect].append(entry)
            case "effect.done" | "effect.failed" | "effect.unknown":
                self.ends[effect].append(_ended(entry))
            case "lease" | "escalated" | "handback":
                change = entry.change or {}
                hand = (str(change["holder"]), int(change["epoch"]), self._instant())
                self.hands[entry.case].append(hand)
            case "outcome" | "gap.declared":
                self.outcomes[entry.interaction].append(entry)
            case _:
                pass

    def _approved(self, effect: str, entry: Entry) -> None:
        self.approvals[effect].append(entry)
        is_yes = entry.outcome is not None and entry.outcome.status == "granted"
        if is_yes and not self.before.is_living(entry.actor or ""):
            self.doubtful.append(f"{effect} was granted by {entry.actor}, who is not here")

    def final(self, effect: str) -> str:
        """Where an effect stands by its entries alone: `done`, `failed`, ..., `open`."""
        verdict = self.decided[effect].policy[-1].verdict
        if verdict == "deny":
            return "denied"
        approvals = self.approvals.get(effect, [])
        if any(one.outcome and one.outcome.status == "refused" for one in approvals):
            return "refused"
        ended = [one for one in self.ends.get(effect, []) if one.status != "late"]
        last = ended[-1].status if ended else "open"
        return last if last in ("done", "failed", "refused") else "open"


def _ended(entry: Entry) -> Ended:
    outcome, effect = entry.outcome, entry.effect
    return Ended(
        outcome.status if outcome else "", effect.attempt if effect else 0,
        (outcome.reason or "") if outcome else "", entry.actor or "",
    )  # fmt: skip
