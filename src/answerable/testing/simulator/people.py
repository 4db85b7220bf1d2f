"""Who lives in a world: customers, specialists, and those who change who may do what."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any, Literal

from answerable.base.clock import HOUR_US, MINUTE_US, SECOND_US
from answerable.base.errors import AnswerableError
from answerable.pipeline.desk import Taken
from answerable.rails.port import Incoming
from answerable.store.stopfile import LOOK_EVERY_US, StopFile
from answerable.testing.simulator.agents import AGENTS, draw_wish
from answerable.testing.simulator.forgetting import erase
from answerable.testing.simulator.moments import Kind, Moment
from answerable.testing.simulator.process import Lost
from answerable.testing.simulator.shop import REPEAT
from answerable.testing.simulator.weather import pause_s
from answerable.testing.simulator.witness import Letter, Order
from answerable.testing.simulator.world import OWNER_OF, PEOPLE, World
from answerable.worker import stopping, verbs
from answerable.worker.verbs.control import Mode
from answerable.worker.verbs.desk import HoldRow

Doing = Callable[[World, Moment | None, random.Random], Coroutine[Any, Any, None]]

_HANDED_OVER_S = 60.0
_STANDS_STILL_S = 60.0
_WATCHES_S = 120.0
_AT_ONCE: tuple[Kind, ...] = ("acting", "dragging", "looked up")  # a moment later it is too late
_SEEN: tuple[Kind, ...] = (
    "queued",
    "held",
    "granted",
    "acting",
    "begun",
    "dragging",
    "looked up",
    "unknown",
    "asked",
)
_STOPS: tuple[Mode, ...] = ("pause", "read_only", "ask")
_MATTERS: tuple[Kind, ...] = ("held", "held", "begun", "unknown", "retry")
_ANSWERS: tuple[Literal["grant", "refuse"], ...] = ("grant", "grant", "refuse")


async def customer(world: World, number: int) -> None:
    """Writes now and then, on either rail; what they send may come twice, late, in any order."""
    chance = world.rng(f"customer-{number}")
    names = (
        f"kim{number}-canarybird",
        f"Kim{number}-CANARYBIRD",
    )  # one address to us; which one, to them
    sending = []
    for count in range(world.weather.messages):
        external_id = f"m{number}-{count}"
        rail = chance.choice(tuple(AGENTS))
        sender = f"{chance.choice(names)}@example.org"
        letter = Letter(
            external_id, rail, sender,
            draw_wish(chance, f"canarybird-{number}-{count}", world.craze),
        )  # fmt: skip
        world.witness.letters[external_id] = letter
        if chance.random() >= world.weather.rush:
            await asyncio.sleep(pause_s(chance))
        times = chance.choice((1, 1, 1, 2, 3))
        sending += [asyncio.create_task(_send(world, letter, chance)) for _ in range(times)]
        if chance.random() < 0.7:
            await asyncio.wait(sending)
    await asyncio.gather(*sending)


async def _send(world: World, letter: Letter, chance: random.Random) -> None:
    if chance.random() < 0.3:
        await asyncio.sleep(pause_s(chance))
    message = Incoming(
        external_id=letter.external_id, sender=f"Kim Canarybird <{letter.sender}>",
        text=letter.wish.text(), rail=letter.rail,
    )  # fmt: skip
    await world.deliver([message])


async def specialist(world: World, name: str) -> None:
    """Answers holds, settles what nobody knows, takes cases and gives them back: just when there is
    something, or whenever; some of it late, twice, or in the name of somebody who has left."""
    chance = world.rng(f"specialist-{name}")
    me = world.persons[name]
    while True:
        moment = await world.witness.moments.next(*_SEEN, within_s=pause_s(chance) + 1.0)
        try:
            await (_notice(world, me, moment, chance) if moment else _work(world, me, chance))
        except (Lost, AnswerableError, TimeoutError) as error:
            world.happened[f"people: {type(error).__name__}"] += 1


async def _work(world: World, me: str, chance: random.Random) -> None:
    """Whatever lies there."""
    match chance.randrange(4):
        case 0:
            await settle_unknown(world, me, chance)
        case 1:
            hands = world.books.hands
            queued = [case for case in sorted(hands) if hands[case][-1][0].startswith("queue:")]
            if cases := queued or (sorted(hands) if chance.random() < 0.4 else []):
                await _take_case(world, me, chance.choice(cases), chance)
        case _:
            rows = await world.ask(verbs.ApprovalList())
            held = (
                [one.effect for one in rows if isinstance(one, HoldRow)]
                if isinstance(rows, list)
                else []
            )
            if held:
                await _answer_hold(world, me, chance.choice(held), chance)


async def _notice(world: World, me: str, moment: Moment, chance: random.Random) -> None:
    """Something happened just now: what people do in the middle of it."""
    if moment.kind not in _AT_ONCE and chance.random() < 0.5:
        await asyncio.sleep(pause_s(chance) % 20.0)
    match moment.kind:
        case "queued" if chance.random() < 0.4:
            await _take_case(world, me, moment.case, chance)
        case "held" if chance.random() < 0.8:
            await _answer_hold(world, me, moment.effect, chance)
        case "looked up" if chance.random() < 0.8:
            await _settle(world, me, moment.effect)
        case "unknown" | "asked" if chance.random() < 0.4:
            await _settle(world, me, moment.effect)
        case "acting" if (unknown := world.books.unknown()) and chance.random() < 0.7:
            await _settle(world, me, chance.choice(unknown))
        case "dragging" if chance.random() < 0.5:
            await _take_case(world, me, moment.case, chance)
        case "begun" if chance.random() < 0.06:
            await _take_case(world, me, moment.case, chance)
        case "held" | "granted" if chance.random() < 0.05:
            await _take_case(world, me, moment.case, chance)
        case _:
            pass


async def _answer_hold(world: World, me: str, effect: str, chance: random.Random) -> None:
    if chance.random() < 0.2:
        await asyncio.sleep(pause_s(chance))  # it may have expired by now
    by = chance.choice((me, me, me, me, *sorted(world.witness.gone), "nobody@acme.example"))
    says = [chance.choice(_ANSWERS) for _ in range(chance.choice((1, 1, 2)))]
    answers = [
        world.ask(verbs.ApprovalAnswer(effect, by, one, wait_s=chance.choice((0.0, 2.0))))
        for one in says
    ]
    await _all(answers)
    world.happened["holds answered"] += 1


async def _all(asking: list[Coroutine[Any, Any, object]]) -> list[object]:
    """At once; the first error is raised when all have ended."""
    ended = await asyncio.gather(*asking, return_exceptions=True)
    for one in ended:
        if isinstance(one, BaseException):
            raise one
    return ended


async def settle_unknown(world: World, me: str, chance: random.Random) -> None:
    """A person finds out on the other side how it ended, and says the truth: where that is asked,
    or before it is."""
    rows = await world.ask(verbs.UnknownList())
    asked = (
        [row.effect for row in rows if isinstance(row, HoldRow)] if isinstance(rows, list) else []
    )
    unknown = asked or world.books.unknown()
    if not unknown:
        return
    await _settle(world, me, chance.choice(unknown))


async def _settle(world: World, me: str, effect: str) -> None:
    """Nobody knows yet of what is on its way."""
    if world.shop.travelling[effect] or effect in world.under_way():
        return
    truth: Literal["done", "not_done"] = "done" if world.shop.done[effect] else "not_done"
    await world.ask(verbs.EffectSettle(effect, me, truth, wait_s=0.0))
    world.happened["unknowns settled"] += 1


async def _take_case(world: World, me: str, case: str, chance: random.Random) -> None:
    """Any case, whoever has it; until they give it back nobody else may speak on it."""
    witness = world.witness
    clicks = [world.ask(verbs.DeskTake(case, me)) for _ in range(chance.choice((1, 1, 2)))]
    taken = [one for one in await _all(clicks) if isinstance(one, Taken)]
    if me in witness.gone:
        return
    if any(one.is_late for one in taken):
        witness.late_cases.add(case)
    witness.held[case] = me
    world.happened["takeovers"] += 1
    await asyncio.sleep(pause_s(chance) % 30.0)
    if chance.random() < 0.5:
        await _say(world, me, case, chance)
    if witness.held.get(case) == me and chance.random() < 0.9:
        del witness.held[case]
        await world.ask(verbs.DeskHandback(case, me))


async def _say(world: World, me: str, case: str, chance: random.Random) -> None:
    """Once; or under a key again and again, which is once too."""
    if chance.random() < 0.5:
        await world.ask(verbs.DeskSay(case, me, "canarybird: a person here", wait_s=0.0))
        return
    key, interaction = f"say-{world.happened['takeovers']}", world.books.last_of(case)
    text = f"canarybird {key} of {me}"
    verb = verbs.DeskSay(case, me, text, interaction=interaction, key=key, wait_s=0.0)
    await _all([world.ask(verb) for _ in range(chance.choice((1, 2)))])


async def boss(world: World) -> None:
    """Changes who may do what, now and then."""
    chance = world.rng("boss")
    doings: tuple[Doing, ...] = (
        _stop, _stop, _stop, _stop_file, _leave, _leave, _delegate, _delegate, _hand_over, _swap,
        _swap, erase, erase,
    )  # fmt: skip
    for _ in range(world.weather.powers):
        moment = None
        if chance.random() < 0.6:
            moment = await world.witness.moments.next(chance.choice(_MATTERS), within_s=_WATCHES_S)
        else:
            await asyncio.sleep(pause_s(chance) + 0.1)
        doing = chance.choice(doings)
        world.happened[f"boss:{doing.__name__}"] += 1
        await doing(world, moment, chance)


async def clockmaker(world: World) -> None:
    """Sets the clock, when nothing is on its way whose time would be misjudged by it."""
    chance = world.rng("clock")
    for _ in range(world.weather.jumps):
        await asyncio.sleep(pause_s(chance))
        while sum(world.shop.travelling.values()) or world.under_way():
            await asyncio.sleep(1.0)
        by_us = chance.choice((SECOND_US, MINUTE_US, HOUR_US)) * chance.choice((-1, 1))
        jump_us = int(by_us * chance.random())
        if _revives(world, jump_us):
            continue
        world.clock.jump(jump_us)
        world.happened["clock set"] += 1


def _revives(world: World, jump_us: int) -> bool:
    """Whether a delegation that has ended would begin again by it: who answered meanwhile did."""
    now_us = world.clock.now()
    ends = [one.until for one in world.books.power.standing.values()]
    return any(now_us + jump_us < end <= now_us for end in ends)


def _living(world: World) -> list[str]:
    return [name for name in PEOPLE if world.persons[name] not in world.witness.gone]


async def _stop(world: World, moment: Moment | None, chance: random.Random) -> None:
    by = world.persons[chance.choice(_living(world))]
    agent = _agent_of(moment, chance)
    parties = sorted({e.subject.pid for e in world.books.received.values() if e.subject})
    tool, party = chance.choice(("refund", "wire")), "".join(parties[:1])
    if moment is not None and moment.name in REPEAT:
        tool, party = moment.name, moment.party
    scopes = ["*", agent, f"tool:{agent}/{tool}", *([f"party:{party}"] if party else [])]
    scope = chance.choice(scopes)
    order = Order(scope, chance.choice(_STOPS))
    is_kill = order.mode == "pause" and chance.random() < 0.3
    verb = verbs.Stop(scope, by, mode=order.mode, is_kill=is_kill)
    stopping.note(world.home, verb)
    if await world.surely(verb) is None:
        stopping.forget(world.home, verb)
        return
    world.witness.stopped.add(order)
    if chance.random() < 0.4:
        await world.restart(gently=chance.random() < 0.5)
    await asyncio.sleep(pause_s(chance) + chance.random() * _STANDS_STILL_S)
    await lift(world, order)


async def lift(world: World, order: Order) -> None:
    by = world.persons[_living(world)[0]]
    world.witness.stopped.discard(order)
    await world.surely(verbs.Stop(order.scope, by, is_on=False, mode=order.mode))


async def _stop_file(world: World, _moment: Moment | None, chance: random.Random) -> None:
    StopFile(world.home).press()
    await asyncio.sleep(LOOK_EVERY_US / SECOND_US + 0.001)  # what began before the next look has
    world.witness.file_pressed = True
    await asyncio.sleep(pause_s(chance))
    world.witness.file_pressed = False
    StopFile(world.home).lift()


async def _leave(world: World, _moment: Moment | None, chance: random.Random) -> None:
    """Somebody leaves; after a while who is there takes on what nobody answers for."""
    living = _living(world)
    if len(living) < 3:
        return
    name = chance.choice(living)
    person = world.persons[name]
    for case in [case for case, holder in world.witness.held.items() if holder == person]:
        del world.witness.held[case]
    await world.surely(verbs.PersonLeave(person))
    world.books.catch_up()
    if person not in world.books.power.left:
        return
    world.witness.gone.add(person)
    process = world.process
    await asyncio.sleep(_HANDED_OVER_S)
    if world.process is process and process is not None and not process.is_dead:
        world.witness.nothing_left_with(person)
    await asyncio.sleep(pause_s(chance))
    await fill(world)


async def fill(world: World) -> None:
    """Whoever is here answers for what nobody answers for."""
    world.books.catch_up()
    for agent in OWNER_OF:
        if world.books.power.accountable(agent, world.clock.now()) is None:
            await world.surely(verbs.OwnerAccept(agent, world.persons[_living(world)[0]]))


async def _hand_over(world: World, moment: Moment | None, chance: random.Random) -> None:
    """An owner asks somebody to take an agent on, and they do: nobody leaves."""
    agent = _agent_of(moment, chance)
    owner = world.books.power.owners[agent][0]
    others = [world.persons[name] for name in _living(world) if world.persons[name] != owner]
    other = chance.choice(others)
    if await world.surely(verbs.OwnerSet(agent, other, owner)) is not None:
        await world.surely(verbs.OwnerAccept(agent, other))


async def _delegate(world: World, moment: Moment | None, chance: random.Random) -> None:
    agent = _agent_of(moment, chance)
    owner = world.books.power.owners[agent][0]
    others = [world.persons[name] for name in _living(world) if world.persons[name] != owner]
    until = world.clock.now() + int(chance.choice((2.0, 60.0, 4_000.0)) * SECOND_US)
    await world.surely(verbs.OwnerDelegate(agent, chance.choice(others), until, owner))
    if chance.random() < 0.3:
        await asyncio.sleep(pause_s(chance))
        await world.surely(verbs.OwnerDelegate(agent, "", 0, owner))


def _agent_of(moment: Moment | None, chance: random.Random) -> str:
    return moment.agent if moment and moment.agent else chance.choice(tuple(OWNER_OF))


async def _swap(world: World, _moment: Moment | None, chance: random.Random) -> None:
    """Another release, or other rules: a worker that has them follows the one that had not."""
    world.release = (chance.choice((1, 2)), chance.choice((0, 1)))
    await world.restart(gently=chance.random() < 0.5)
