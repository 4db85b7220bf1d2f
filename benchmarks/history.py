"""Long histories: homes of many sealed entries, written through the real door and committer.

A home's project has the agent, rail and policies of `peers/in_process.py`, so that the same home
can be driven in one process and by a worker. Each interaction is accepted as a message, and its
unit is what the hallway writes: the message, a decision with its body, how it ended, the outcome.
Every fifth comes from a new party; the others from one that was there, drawn by chance, so that a
party's entries lie all over the history as they do in a company's.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parent / "peers"))

from in_process import POLICY

from answerable.base.chance import SeededChance
from answerable.base.ids import kin
from answerable.cases.domain import Case, Lease, Message
from answerable.compose.configured import office_plan, plan
from answerable.effects.intent import ReplyAction, encode_action, encode_intent
from answerable.ledger import domain as ledger
from answerable.ledger.draft import Body, Draft, Unit
from answerable.parties.domain import Party
from answerable.pipeline.receive import accept_messages
from answerable.policy.domain import Request, encode_request
from answerable.rails.port import Incoming
from answerable.testing.world import OWNER
from answerable.worker.client import Client, WorkerAway
from answerable.worker.commands import call
from answerable.worker.commands.office import Office
from answerable.worker.process import close_office, open_office
from answerable.worker.verbs import OwnerAccept, PersonAdd, Status
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.control import Standing

AGENT, RELEASE, RAIL = "support", f"rel_{'0' * 24}", "email"
TEXT = "Where is my order? It is a week late, and nobody has answered me."
_EACH_PARTY = 5  # interactions, in the mean
_AT_ONCE = 2_000  # units on their way
_CONNECTS = 3_000
_HERE = Path(__file__).parent
_SETTINGS = """
agents = ["shop:support"]
[rails.email]
use = "shop:rail"
agent = "support"
"""
_SHOP = f"""
import sys
sys.path += [{str(_HERE)!r}, {str(_HERE / "peers")!r}]
from in_process import Post, support as make
from workload import Outside

support = make(Outside())

def rail(home):
    return Post()
"""


def project(folder: Path) -> Path:
    """A project with an agent that refunds and answers; returns its home, which is not made yet."""
    (folder / "policies").mkdir(parents=True)
    (folder / "answerable.toml").write_text(_SETTINGS)
    (folder / "shop.py").write_text(_SHOP)
    (folder / "policies" / "shop.cedar").write_text(POLICY)
    home = folder / "home"
    home.mkdir()
    return home


def sender(number: int) -> str:
    """The address of the party that came as the `number`th."""
    return f"kim{number}@example.org"


@dataclass(frozen=True, slots=True)
class Came:
    """A message of the history that was accepted, and which party it is of."""

    interaction: str
    arrival: str
    inbox: str
    party: int


class History:
    """Units as the hallway writes them, one an interaction."""

    def __init__(self, office: Office, owner: ledger.Owner) -> None:
        self._hall = office.house.hall
        self._owner = owner
        self._chance = SeededChance(7)
        self._known: list[tuple[Party, Case]] = []
        self._party = Party("", "")
        self._case = Case("", "", AGENT, Lease(f"agent:{AGENT}", 1))
        self.interactions = 0

    @property
    def parties(self) -> int:
        return len(self._known)

    def units(self) -> Iterator[Unit]:
        """Without arrivals: what the ledger alone costs."""
        while True:
            interaction = self._hall.ids.new("int")
            yield self._unit(Came(interaction, "", interaction, self._drawn(self.parties)))

    async def arrived(self, count: int) -> list[Unit]:
        """That many messages accepted, and the unit that finishes each."""
        hall, parties, drawn = self._hall, self.parties, []
        incoming: list[Incoming] = []
        for number in range(self.interactions, self.interactions + count):
            drawn.append(self._drawn(parties))
            parties = max(parties, drawn[-1] + 1)
            one = Incoming(external_id=f"h{number}", sender=sender(drawn[-1]), text=TEXT, rail=RAIL)
            incoming.append(one)
        acks = await accept_messages(hall, incoming)
        keyring = hall.keyring
        return [
            self._unit(
                Came(
                    ack.interaction, keyring.dedup_id(RAIL, one.external_id),
                    keyring.identifier_hash("email", one.sender), party,
                )
            )
            for ack, one, party in zip(acks, incoming, drawn, strict=True)
        ]  # fmt: skip

    def _drawn(self, parties: int) -> int:
        if parties == 0 or self._chance.uniform() < 1 / _EACH_PARTY:
            return parties
        return int(self._chance.uniform() * parties)

    def _unit(self, came: Came) -> Unit:
        self.interactions += 1
        done = (came.arrival,) if came.arrival else ()
        unit = Unit(arrival=came.arrival or None, done=done)
        if came.party == self.parties:
            self._known.append(self._new_party(came, unit))
        self._party, self._case = self._known[came.party]
        unit.drafts += self._interaction(came)
        return unit

    def _new_party(self, came: Came, unit: Unit) -> tuple[Party, Case]:
        hash_ = self._hall.keyring.identifier_hash("email", sender(came.party))
        parties, cases = self._hall.parties, self._hall.cases
        party = parties.find_or_create(hash_, sender(came.party), came.interaction, unit)
        return party, cases.find_or_open(party.id, AGENT, came.interaction, unit)

    def _interaction(self, came: Came) -> list[Draft]:
        interaction = came.interaction
        trace = ledger.Trace(interaction=interaction, case=self._case.id)
        effect = ledger.Effect(
            id=kin("eff", interaction, 1), key=kin("eff", interaction, 1), repeat="idempotent"
        )
        message, agent = kin("msg", interaction, 0), ledger.AgentRef(id=AGENT, release=RELEASE)
        decided = self._decided(interaction, message, effect)
        return [
            Draft(
                kind="received", id=message, actor=f"rail:{RAIL}", party=self._party.id,
                trace=trace, change={"inbox": came.inbox, "rail": RAIL, "grade": 1},
                body=Body(kid=self._party.kid, data=self._message(came)),
            ),
            decided,
            Draft(
                kind="effect.done", id=f"{effect.id}.end", owner=self._owner, agent=agent,
                party=self._party.id, parent=decided.id, trace=trace, effect=effect,
                outcome=ledger.Outcome(status="done"),
                body=Body(kid=self._party.kid, data=b"sent"),
            ),
            Draft(
                kind="outcome", id=kin("out", interaction, 0).removesuffix("-0"),
                actor="system:hallway", party=self._party.id, parent=message, trace=trace,
                outcome=ledger.Outcome(status="answered"),
            ),
        ]  # fmt: skip

    def _message(self, came: Came) -> bytes:
        who = sender(came.party)
        message = Message(
            external_id=came.interaction, rail=RAIL, sender=who, address=who, text=TEXT,
            sent_at=self._hall.clock.now(), subject="",
        )  # fmt: skip
        return msgspec.msgpack.encode(message)

    def _decided(self, interaction: str, message: str, effect: ledger.Effect) -> Draft:
        action = encode_action(
            ReplyAction(rail=RAIL, to="kim@example.org", in_reply_to="m1", text="On Tuesday.")
        )
        request = encode_request(
            Request(
                agent=AGENT, release=RELEASE, action="reply", name=RAIL, grade=1,
                at_us=self._hall.clock.now(),
            )
        )  # fmt: skip
        return Draft(
            kind="decided", id=kin("dec", interaction, 1), owner=self._owner,
            agent=ledger.AgentRef(id=AGENT, release=RELEASE), party=self._party.id,
            parent=message, trace=ledger.Trace(interaction=interaction, case=self._case.id),
            policy=(
                ledger.PolicyUse(
                    set="0" * 64, context="0" * 64, verdict="allow",
                    reasons=("shop.cedar:3 @replies",),
                ),
            ),
            action=ledger.Action(kind="reply", name=RAIL, commit="0" * 64),
            effect=effect,
            change={"holder": f"agent:{AGENT}", "epoch": 1, "day": "2026-03-02"},
            body=Body(kid=self._party.kid, data=encode_intent(action, request)),
        )  # fmt: skip


async def build(home: Path, entries: int) -> dict[str, float]:
    """A home with that many entries; how long each part took, in seconds, and what is in it."""
    owner = await _owner(home)
    office = await open_office(plan(home), works=False)
    committer = office.house.hall.committer
    history = History(office, owner)
    await committer.commit(Unit(drafts=[_registered()]))
    took = {"commit": 0.0, "publish": 0.0, "index": 0.0}
    while committer.size < entries:
        start_s = time.perf_counter()
        units = await history.arrived(min(_AT_ONCE, 1 + (entries - committer.size) // 4))
        await asyncio.gather(*(committer.commit(unit) for unit in units))
        took["commit"] += time.perf_counter() - start_s
        if committer.size % 100_000 < 4 * _AT_ONCE:
            sys.stderr.write(f"{committer.size} entries\n")
    for part, follow in (("publish", office.publisher.follow), ("index", office.index.follow)):
        start_s = time.perf_counter()
        await follow(office.house.hall.engine)
        took[part] = time.perf_counter() - start_s
    found = {"entries": committer.size, "interactions": history.interactions}
    await close_office(office)
    return {part: round(s, 1) for part, s in took.items()} | found | {"parties": history.parties}


def _registered() -> Draft:
    """The release that all decisions of the history were made by."""
    return Draft(
        kind="release.registered", id=f"{RELEASE}.registered", actor="system:history",
        change={"agent": AGENT, "release": RELEASE, "policy": "0" * 64},
    )  # fmt: skip


async def _owner(home: Path) -> ledger.Owner:
    office = await open_office(office_plan(home), works=False)
    try:
        return await owner_in(office)
    finally:
        await close_office(office)


async def owner_in(office: Office) -> ledger.Owner:
    """The first day: a person who has accepted to answer for the agent."""
    person = await call(office, PersonAdd(OWNER, "Olga Owner"))
    accepted = await call(office, OwnerAccept(AGENT, OWNER))
    if not isinstance(person, Done) or not isinstance(accepted, Done):
        raise SystemExit("no owner, no ledger")
    return ledger.Owner(person=person.id, accepted_at=accepted.index)


async def connected(home: Path) -> Client:
    """A client of a worker that has answered; waits for it."""
    for _ in range(_CONNECTS):
        try:
            client = await Client.connect(home)
        except WorkerAway:
            await asyncio.sleep(0.02)
            continue
        await client.call(Status(), Standing)
        return client
    raise WorkerAway(home)


def spread(ms: Sequence[float]) -> dict[str, float]:
    p95 = statistics.quantiles(ms, n=20, method="inclusive")[-1]
    return {
        "p50": round(statistics.median(ms), 2), "p95": round(p95, 2), "max": round(max(ms), 2),
    }  # fmt: skip
