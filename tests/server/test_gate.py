"""What is asked again while the worker is away, and what is said of the rest."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from answerable.rails.port import Ack
from answerable.server.errors import DeadlinePassed, Overloaded, WorkerUnreachable
from answerable.server.gate import Gate
from answerable.worker import verbs
from answerable.worker.server import serve
from answerable.worker.verbs.base import Done

Answer = Callable[[verbs.Verb], Awaitable[object]]
TAKE = verbs.DeskTake("cas_1", "per_1")
ACCEPT = verbs.MessagesAccept(())


def gate_to(home: Path, *, in_flight_max: int = 10, deadline_s: float = 5.0) -> Gate:
    return Gate(home, in_flight_max=in_flight_max, deadline_s=deadline_s)


class Dying:
    """A worker whose first life ends with a command in its hands."""

    def __init__(self) -> None:
        self.asked: list[verbs.Verb] = []
        self.holds = asyncio.Event()

    async def first_life(self, verb: verbs.Verb) -> object:
        self.asked.append(verb)
        self.holds.set()
        await asyncio.Event().wait()
        return None

    async def second_life(self, verb: verbs.Verb) -> object:
        self.asked.append(verb)
        return [] if isinstance(verb, verbs.MessagesAccept) else Done("ent_1", 1)

    async def lives_twice(self, home: Path) -> None:
        first = await serve(home, self.first_life)
        await self.holds.wait()
        await first.close()
        self.second = await serve(home, self.second_life)


async def _told(home: Path, verb: verbs.Verb, returns: type) -> tuple[Dying, object]:
    gate, worker = gate_to(home), Dying()
    living = asyncio.create_task(worker.lives_twice(home))
    try:
        return worker, await gate.ask(verb, returns)
    except WorkerUnreachable as away:
        return worker, away
    finally:
        await living
        await gate.close()
        await worker.second.close()


def test_what_can_be_asked_twice_is_asked_again(tmp_path: Path) -> None:
    worker, told = asyncio.run(_told(tmp_path, ACCEPT, list[Ack]))
    assert told == []
    assert worker.asked == [ACCEPT, ACCEPT]


def test_what_cannot_is_not_and_nobody_knows_whether_it_took_effect(tmp_path: Path) -> None:
    worker, told = asyncio.run(_told(tmp_path, TAKE, Done))
    assert isinstance(told, WorkerUnreachable)
    assert told.not_done == "Whether the request took effect is not known."
    assert worker.asked == [TAKE]


def test_what_was_never_sent_waits_for_the_worker(tmp_path: Path) -> None:
    async def scenario() -> Done:
        gate, worker = gate_to(tmp_path), Dying()
        asking = asyncio.create_task(gate.ask(TAKE, Done))
        await asyncio.sleep(0.2)
        server = await serve(tmp_path, worker.second_life)
        try:
            return await asking
        finally:
            await gate.close()
            await server.close()

    assert asyncio.run(scenario()) == Done("ent_1", 1)


def test_a_worker_that_stays_away_is_said_and_that_nothing_was_done(tmp_path: Path) -> None:
    with pytest.raises(WorkerUnreachable) as told:
        asyncio.run(gate_to(tmp_path).ask(TAKE, Done, patience_s=0.1))
    assert told.value.not_done == "Nothing was done."


def test_who_ends_waits_for_nobody(tmp_path: Path) -> None:
    gate = gate_to(tmp_path)
    gate.end()
    with pytest.raises(WorkerUnreachable):
        asyncio.run(asyncio.wait_for(gate.ask(ACCEPT, list[Ack]), 2))


async def _held(home: Path, verb: verbs.Verb, other: verbs.Verb, returns: type) -> object:
    """Ask `other` while `verb`, which is never answered, takes the only place."""

    async def answer(asked: verbs.Verb) -> object:
        if asked == verb:
            await asyncio.Event().wait()
        return []

    server = await serve(home, answer)
    gate = gate_to(home, in_flight_max=1, deadline_s=1.0)
    waiting = asyncio.create_task(gate.ask(verb, list[Ack]))
    await asyncio.sleep(0.1)
    try:
        return await gate.ask(other, returns)
    finally:
        with pytest.raises(DeadlinePassed):
            await waiting
        await gate.close()
        await server.close()


def test_more_than_is_served_at_once_waits_for_its_turn(tmp_path: Path) -> None:
    assert asyncio.run(_held(tmp_path, ACCEPT, verbs.StopList(), list)) == []


def test_of_commands_that_wait_in_the_worker_one_too_many_is_refused(tmp_path: Path) -> None:
    first, second = verbs.CaseFeed(wait_s=0.5), verbs.CaseFeed(wait_s=0.6)
    with pytest.raises(Overloaded):
        asyncio.run(_held(tmp_path, first, second, list))


def test_commands_that_wait_take_no_place_of_others(tmp_path: Path) -> None:
    waits = verbs.CaseFeed(wait_s=0.5)
    assert asyncio.run(_held(tmp_path, waits, verbs.StopList(), list)) == []
