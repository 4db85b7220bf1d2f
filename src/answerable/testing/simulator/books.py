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

from answerable.base.clock import SECOND_US
from answerable.ledger.domain import KINDS, Entry, Owner, decode_entry
from answerable.policy import reasons
from answerable.testing.simulator.agents import policies, verdict_of
from answerable.testing.simulator.moments import Kind, Moments

_ON_ITS_WAY_US = 30 * SECOND_US
"""A word that was in time may be recorded later: behind a slow disk, or a crash."""
_OPEN_ENDS: dict[str, Kind] = {"retry": "retry", "unknown": "unknown", "asked": "asked"}
RULES = tuple(rules.digest for rules in policies())


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

    @property
    def answered(self) -> set[str]:
        """Agents whose owner is here."""
        return {agent for agent, (person, _) in self.owners.items() if person not in self.left}

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

    def __init__(self, home: Path, instant: Callable[[], float], moments: Moments) -> None:
        self._instant = instant
        self._moments = moments
        self.doubtful: list[str] = []  # what was allowed or granted, and should not have been
        self.unreadable: list[str] = []  # bodies without a key
        self.is_clock_true = True
        self._rules = ""  # the policy set that the living process has loaded
        self._kids: set[str] = set()  # keys that were seen to be durable
        self._keys = sqlite3.connect(f"{(home / 'keys.db').as_uri()}?mode=ro", uri=True)
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
        self._keys.close()

    def begin_life(self, rules: str) -> None:
        """What is recorded from here on is another process's, with these rules."""
        self.catch_up()
        self._rules = rules

    def catch_up(self) -> None:
        """Read what was committed since."""
        sql = "SELECT position, key, kind, data FROM record WHERE position > ? ORDER BY position"
        for position, key, kind, data in self._database.execute(sql, (self._position,)).fetchall():
            self._position = position
            if kind in KINDS:
                self._take(decode_entry(data))
            elif key.startswith("stp_"):
                self.memos[key.partition("_")[2].rpartition("/")[0].partition("-")[0]] += 1
                self._sealed(key, data.decode())

    def instant_ended(self) -> None:
        """Time moves on: what is so now is what was so before."""
        self.catch_up()
        self.before = self.power.copy()

    def unknown(self) -> list[str]:
        """Effects of which the last that was recorded is that nobody knows."""
        last = {effect: ended[-1].status for effect, ended in self.ends.items() if ended}
        return [effect for effect in sorted(last) if last[effect] == "unknown"]

    def last_of(self, case: str) -> str:
        """The case's newest interaction, or empty."""
        mine = [one for one, entry in self.received.items() if entry.case == case]
        return mine[-1] if mine else ""

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
        if entry.body is not None:
            self._sealed(entry.id, entry.body.kid)
        self.power.take(entry)
        effect = entry.effect.id if entry.effect else ""
        match entry.kind:
            case "received":
                self.received[entry.interaction] = entry
            case "decided" if effect:
                self.decided[effect] = entry
                self._judged(entry)
            case "approval":
                self._approved(effect, entry)
            case "effect.started":
                self.starts[effect].append(entry)
            case "effect.done" | "effect.failed" | "effect.unknown":
                self._ended(effect, _ended(entry))
            case "lease" | "escalated" | "handback":
                self._changed_hands(entry)
            case "outcome" | "gap.declared":
                self.outcomes[entry.interaction].append(entry)
            case _:
                pass

    def _changed_hands(self, entry: Entry) -> None:
        change = entry.change or {}
        hand = (str(change["holder"]), int(change["epoch"]), self._instant())
        self.hands[entry.case].append(hand)
        if entry.kind == "escalated":
            self._moments.tell("queued", entry)

    def _ended(self, effect: str, ended: Ended) -> None:
        self.ends[effect].append(ended)
        if ended.status in _OPEN_ENDS:
            self._tell(_OPEN_ENDS[ended.status], effect)

    def _tell(self, kind: Kind, effect: str) -> None:
        decided = self.decided.get(effect)
        if decided is not None:
            self._moments.tell(kind, decided)

    def _sealed(self, what: str, kid: str) -> None:
        """A body that can be read back: its key is durable as soon as it is."""
        if kid in self._kids:
            return
        self._kids.add(kid)
        if self._keys.execute("SELECT 1 FROM key WHERE kid = ?", (kid,)).fetchone() is None:
            self.unreadable.append(f"{what} is sealed under key {kid}, which is not in the store")

    def _judged(self, entry: Entry) -> None:
        """By the rules that are loaded, and as they say."""
        used, action, agent = entry.policy[-1], entry.action, entry.agent
        if used.verdict == "hold":
            self._moments.tell("held", entry)
        if action is None or agent is None or used.verdict == "deny":
            return
        if used.set != self._rules:
            self.doubtful.append(f"{entry.id} was judged by {used.set}, under {self._rules}")
        amount = action.amount_minor if action.kind == "tool" else None
        says = verdict_of(RULES.index(used.set), agent.id, action.name, amount)
        is_asked = used.verdict == "hold" and reasons.STOP_ASK in used.reasons
        if used.verdict != says and not is_asked:
            self.doubtful.append(f"{entry.id} is an {used.verdict}; the rules say {says}")

    def _approved(self, effect: str, entry: Entry) -> None:
        self.approvals[effect].append(entry)
        is_yes = entry.outcome is not None and entry.outcome.status == "granted"
        if is_yes:
            self._tell("granted", effect)
        if is_yes and not self.before.is_living(entry.actor or ""):
            self.doubtful.append(f"{effect} was granted by {entry.actor}, who is not here")
        decided = self.decided.get(effect)
        until = int((decided.change or {}).get("expires_at", 0)) if decided else 0
        if is_yes and self.is_clock_true and entry.ts > until + _ON_ITS_WAY_US:
            self.doubtful.append(f"{effect} was granted after {until}, when it had expired")

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
