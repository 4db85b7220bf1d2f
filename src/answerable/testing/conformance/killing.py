"""Promises under SIGKILL: a real process, killed without a word."""

import contextlib
import functools
import itertools
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

from answerable.base.chance import Chance, SeededChance
from answerable.engine.port import Arrival
from answerable.testing.conformance.child import RECORDS_EACH
from answerable.testing.conformance.house import House, MakePlace, Place, tell

_KILLS = 4
_SPINS_MAX = 100_000


@contextlib.contextmanager
def _child(place: Place, program: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that runs `program` on the place's engine; killed at the end of the block."""
    command = [sys.executable, "-m", "answerable.testing.conformance.child"]
    process = subprocess.Popen(  # noqa: S603 - our own program
        [*command, place.opener, place.where, program],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        yield process
    finally:
        process.kill()  # SIGKILL
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _acknowledged(place: Place, program: str, count: int, chance: Chance) -> list[str]:
    """Kill a child some moment after its `count`-th acknowledgement; all that it had told us."""
    with _child(place, program) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(count)]
        for _ in range(int(chance.uniform() * _SPINS_MAX)):
            pass
        process.kill()
        told.extend(line.strip() for line in process.stdout if line.endswith("\n"))
    assert all(told), "the child ended by itself"
    return told


def an_acknowledged_arrival_survives_sigkill(make_place: MakePlace) -> None:
    for count in (1, 40):
        place = make_place()
        told = _acknowledged(place, "accepts", count, SeededChance(count))
        tell(itertools.repeat(place).__next__, functools.partial(_check_accepted, told=told))


async def _check_accepted(house: House, told: list[str]) -> None:
    for name in told:
        assert await house.accept(Arrival(name, "x", "message", b"")) == [False], name
    claim = await house.next_claim()
    assert claim.arrivals == (Arrival("m0", "cas_0", "message", b"hello"),)


def sigkill_inside_an_append_leaves_all_of_it_or_nothing(make_place: MakePlace) -> None:
    chance = SeededChance(7)
    for _ in range(_KILLS):
        place = make_place()
        count = 1 + int(chance.uniform() * 60)
        told = _acknowledged(place, "appends", count, chance)
        tell(itertools.repeat(place).__next__, functools.partial(_check_whole, told=told))


async def _check_whole(house: House, told: list[str]) -> None:
    parts = Counter(one.arrival for one in await house.feed())
    assert set(parts.values()) == {RECORDS_EACH}, "a part of an append was written"
    assert parts.keys() >= set(told), "an acknowledged append is missing"
    waiting = {f"sentinel-{which}" for which in range(8)}
    await house.accept(*(Arrival(f"sentinel-{n}", f"cas_{n}", "message", b"") for n in range(8)))
    while waiting:
        claim = await house.next_claim()
        name = claim.arrivals[0].id
        assert name not in parts, "an append was written without finishing its arrival"
        waiting.discard(name)
        await house.finish(claim)
