"""Everything that is done names who answers for it at that instant, delegations included."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from answerable.base.clock import HOUR_US, SECOND_US
from answerable.base.errors import AnswerableError
from answerable.effects.domain import Status
from answerable.ledger.domain import Entry, Owner
from answerable.testing.world import OWNER, SPECIALIST, Life, Till, World
from answerable.worker import verbs
from answerable.worker.verbs.proofs import Who
from offices import Ask, asking
from stories import (
    HOLD_TOOLS,
    clock_of,
    inline_world,
    loses_the_answer,
    once,
    queue_of,
    refund_of,
    refuses,
    run,
    support,
)

BEA = "bea@acme.example"


@asynccontextmanager
async def at_work(
    tmp_path: Path, till: Till, policy: str = HOLD_TOOLS, **agent: Any
) -> AsyncIterator[tuple[Life, Ask, World]]:
    world = inline_world(tmp_path / "home", support(till, **agent), policy=policy)
    await world.found()
    async with world.running() as life:
        yield life, asking(life), world


async def delegated(life: Life, hours: float, to: str = SPECIALIST) -> None:
    until = clock_of(life).now() + int(hours * HOUR_US)
    await asking(life)(verbs.OwnerDelegate("support", to, until, OWNER))


async def owners_of(life: Life, *kinds: str) -> list[tuple[str, str | None]]:
    """(who was accountable, for whom they stood in) of each entry."""
    owners = [entry.owner for entry in await life.entries(*kinds)]
    return [(owner.person, owner.via) for owner in owners if owner is not None]


def test_a_decision_and_its_effect_name_who_stands_in_and_count_as_theirs(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        async with at_work(tmp_path, till, policy="") as (life, ask, _):
            olga, sam = life.person(OWNER), life.person(SPECIALIST)
            await delegated(life, 8)
            await life.say("refund", external_id="m1")
            await life.settled()
            acts = await life.entries("decided", "effect.started", "effect.done")
            assert {(one.owner.person, one.owner.via) for one in acts if one.owner} == {(sam, olga)}
            (began,) = await life.entries("owner.delegated")
            assert {one.owner.accepted_at for one in acts if one.owner} == {began.seq}
            assert [one.oseq for one in acts] == list(range(1, len(acts) + 1)), "Sam's own counter"
            assert till.payments == [4_000]
            who = await ask(verbs.DecisionWho(acts[0].id))
            assert isinstance(who, Who)
            assert (who.owner, who.via, who.via_name) == (sam, olga, "Olga Owner")
            said = f"Sam Specialist ({sam}) was accountable, standing in for Olga Owner ({olga}), "
            assert said in who.sentence

    run(scenario)


def test_a_hold_decided_under_a_delegation_that_ended_is_done_in_its_owners_name(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        till = Till()
        async with at_work(tmp_path, till) as (life, _, world):
            olga, sam = life.person(OWNER), life.person(SPECIALIST)
            await delegated(life, 0.5)
            await life.say("refund", external_id="m1")
            await life.settled()
            (held,) = life.effects(Status.HELD)
            assert (held.owner.person, held.owner.via) == (sam, olga)
            clock_of(life).advance(HOUR_US // 2)
            await life.answer(held, "grant")
            await life.settled()
            assert await owners_of(life, "decided") == [(sam, olga)] * 2
            acted = await owners_of(life, "effect.started", "effect.done")
            assert set(acted) == {(olga, None)}, "the refund and the reply that waited for it"
            assert refund_of(life).owner == Owner(person=olga, accepted_at=2)
            assert (till.payments, world.mailbox.texts) == ([4_000], ["Refunded."])

    run(scenario)


def test_a_hold_decided_by_its_owner_is_done_in_the_name_of_who_stands_in_by_then(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path, Till()) as (life, _, world):
            olga, sam = life.person(OWNER), life.person(SPECIALIST)
            await life.say("refund", external_id="m1")
            await life.settled()
            await delegated(life, 0.5)
            await life.answer(life.effects(Status.HELD)[0], "grant", by=olga)
            await life.settled()
            assert await owners_of(life, "decided") == [(olga, None)] * 2
            assert set(await owners_of(life, "effect.started", "effect.done")) == {(sam, olga)}
            assert world.mailbox.texts == ["Refunded."]

    run(scenario)


def test_an_attempt_that_is_repeated_after_the_delegation_is_the_owners(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till(before=refuses(1))
        async with at_work(tmp_path, till, policy="") as (life, _, _world):
            olga, sam = life.person(OWNER), life.person(SPECIALIST)
            await delegated(life, 1 / 3600 / 2)  # half a second; the retry comes after one
            await life.say("refund", external_id="m1")
            await life.settled()
            assert await owners_of(life, "effect.failed") == [(sam, olga)]
            clock_of(life).advance(SECOND_US)
            await life.run_out()
            assert set(await owners_of(life, "effect.done")) == {(olga, None)}
            assert till.payments == [4_000]

    run(scenario)


def test_what_was_begun_under_a_delegation_stays_its_persons_however_late_it_is_known(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        till = Till(after=once(loses_the_answer))
        async with at_work(tmp_path, till, policy="") as (life, _, _world):
            olga, sam = life.person(OWNER), life.person(SPECIALIST)
            await delegated(life, 1 / 3600)
            await life.say("refund", external_id="m1")
            await life.settled()
            assert refund_of(life).status is Status.UNKNOWN
            clock_of(life).advance(HOUR_US)
            await life.run_out()
            done = [one for one in await life.entries("effect.done") if one.effect]
            by_effect = {one.effect.id: one.owner for one in done if one.effect}
            refund = by_effect.pop(refund_of(life).id)
            assert refund is not None
            assert (refund.person, refund.via) == (sam, olga), "he answered when it was done"
            (reply,) = by_effect.values()
            assert reply is not None
            assert (reply.person, reply.via) == (olga, None)

    run(scenario)


def test_when_who_stands_in_leaves_the_owner_answers_and_nothing_goes_to_the_desk(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        till = Till()
        async with at_work(tmp_path, till) as (life, ask, _world):
            olga = life.person(OWNER)
            await delegated(life, 8)
            await life.say("refund", external_id="m1")
            await life.settled()
            await ask(verbs.PersonLeave(SPECIALIST))
            assert queue_of(life) == []
            await life.answer(life.effects(Status.HELD)[0], "grant", by=olga)
            await life.settled()
            assert set(await owners_of(life, "effect.done")) == {(olga, None)}

    run(scenario)


def test_when_the_owner_leaves_who_stands_in_does_not_answer_for_them(tmp_path: Path) -> None:
    async def scenario() -> None:
        till = Till()
        async with at_work(tmp_path, till) as (life, ask, world):
            await delegated(life, 8)
            await life.say("refund", external_id="m1")
            await life.settled()
            (held,) = life.effects(Status.HELD)
            await ask(verbs.PersonLeave(OWNER))
            assert queue_of(life) == [("orders", "no_owner")]
            await life.answer(held, "grant")
            await life.say("hello", external_id="m2", sender="lee@example.org")
            await life.run_out()
            assert (till.payments, world.mailbox.texts) == ([], [])
            assert await life.entries("effect.started") == []

    run(scenario)


def test_a_delegation_stands_in_the_next_life_and_ends_at_its_time_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_work(tmp_path, Till()) as (life, _, world):
            olga, sam = life.person(OWNER), life.person(SPECIALIST)
            await delegated(life, 1)
            await life.die()
        async with world.running() as life:
            await life.say("hello", external_id="m1")
            await life.settled()
            clock_of(life).advance(HOUR_US)
            await life.say("hello", external_id="m2", sender="lee@example.org")
            await life.settled()
            assert await owners_of(life, "decided") == [(sam, olga), (olga, None)]

    run(scenario)


# Any life: an auditor who has nothing but the entries comes to the same names


class Auditor:
    """Who answered for the agent, read off the entries in their order, without our directory."""

    def __init__(self) -> None:
        self.left: set[str] = set()
        self.accepted: tuple[str, int] = ("", -1)
        self.delegated: tuple[str, str, int, int] = ("", "", 0, -1)
        self.asked = ""

    def read(self, entry: Entry) -> None:
        change = entry.change or {}
        match entry.kind:
            case "person.left":
                self.left.add(str(change["person"]))
            case "owner.changed":
                self.asked = str(change["person"])
            case "owner.accepted":
                person = str(change["person"])
                owner = self.accepted[0]
                was_asked = self.asked == person
                assert not owner or owner in (*self.left, person) or was_asked, "taken unasked"
                self.accepted, self.asked = (person, entry.seq), ""
                self.delegated = ("", "", 0, -1)
            case "owner.delegated":
                until = change["until"]
                assert isinstance(until, int)
                person, via = str(change["person"]), str(change["via"])
                self.delegated = (person, via, until, entry.seq)
            case _:
                pass

    def answers(self, at: int) -> Owner | None:
        owner, accepted_at = self.accepted
        person, via, until, began = self.delegated
        if owner in self.left:
            return None
        if via == owner and at < until and person not in self.left:
            return Owner(person=person, accepted_at=began, via=owner)
        return Owner(person=owner, accepted_at=accepted_at)


async def do(life: Life, ask: Ask, step: tuple[str, int], number: int) -> None:
    """One thing that happens; what the rules refuse does not."""
    what, roll = step
    people = (OWNER, SPECIALIST, BEA)
    one, other = people[roll % 3], people[(roll // 3) % 3]
    match what:
        case "message":
            text = ("refund", "hello")[roll % 2]
            await life.say(text, external_id=f"m{number}", sender=f"p{roll % 4}@example.org")
        case "answer":
            for held in life.effects(Status.HELD)[:1]:
                says = "grant" if roll % 4 else "refuse"
                await life.answer(held, says, id_=f"a{number}", by=life.person(one))
        case "delegate":
            until = clock_of(life).now() + (roll % 5) * HOUR_US // 2
            await ask(verbs.OwnerDelegate("support", one, until if roll % 5 else 0, other))
        case "time":
            clock_of(life).advance((roll % 4) * HOUR_US // 4)
        case "ask":
            await ask(verbs.OwnerSet("support", one, other))
        case "accept":
            await ask(verbs.OwnerAccept("support", one))
        case "leave":
            await ask(verbs.PersonLeave(one))
        case _:
            await ask(verbs.PersonAdd(one, "Again", reports_to=other))
    await life.settled()


STEPS = ("message", "message", "answer", "delegate", "delegate", "time", "ask", "accept", "leave",
         "add")  # fmt: skip


@settings(
    max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 59)), min_size=8, max_size=25))
def test_whatever_happens_each_act_names_who_answered_at_that_instant(
    steps: list[tuple[str, int]],
) -> None:
    async def scenario() -> None:
        with tempfile.TemporaryDirectory() as folder:
            till = Till(before=refuses(2))
            async with at_work(Path(folder), till) as (life, ask, _):
                await ask(verbs.PersonAdd(BEA, "Bea"))
                for number, step in enumerate(steps):
                    try:
                        await do(life, ask, step, number)
                    except AnswerableError:
                        continue
                await life.run_out()
                entries = await life.entries()
        audit(entries)

    run(scenario)


def audit(entries: list[Entry]) -> None:
    """What was decided or begun names who answered then; how it ended, who answered for that."""
    auditor, responsible = Auditor(), dict[str, Owner | None]()
    for entry in entries:
        auditor.read(entry)
        if entry.agent is None or entry.effect is None:
            continue
        if entry.kind in ("decided", "effect.started"):
            assert entry.owner == auditor.answers(entry.ts), entry
            responsible[entry.effect.id] = entry.owner
        else:
            assert entry.owner == responsible[entry.effect.id], entry
            was_done = entry.kind == "effect.done"
            assert not was_done or entry.owner is not None
