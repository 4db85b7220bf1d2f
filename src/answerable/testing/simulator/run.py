"""One seed, from the first day to the verdict."""

import asyncio
import hashlib
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from answerable.base.errors import AnswerableError
from answerable.store.stopfile import StopFile
from answerable.telemetry.failures import describe
from answerable.testing.simulator.auditor import auditor
from answerable.testing.simulator.loop import Stuck
from answerable.testing.simulator.oracle import judge
from answerable.testing.simulator.people import (
    boss,
    clockmaker,
    customer,
    fill,
    lift,
    settle_unknown,
    specialist,
)
from answerable.testing.simulator.process import Lost
from answerable.testing.simulator.witness import Violation
from answerable.testing.simulator.world import World

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a disk whose fsync costs nothing, where there is one
_ROUNDS_MAX = 400


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one world. The same seed gives the same `digest`, to the byte."""

    seed: int
    digest: str
    violations: tuple[Violation, ...]
    entries: int
    steps: int
    happened: Counter[str]

    @property
    def is_kept(self) -> bool:
        return not self.violations


def simulate(seed: int, keep: Path | None = None) -> Verdict:
    """Live through the world of this seed. Its home is left at `keep`, if that is given."""
    parent = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="answerable-sim-", dir=parent))
    try:
        verdict = _live(World(folder / "home", seed))
        if keep is not None:
            shutil.copytree(folder / "home", keep)
        return verdict
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _live(world: World) -> Verdict:
    loop = world.loop
    try:
        with world.faulty():
            loop.run_until_complete(_story(world))
        violations = asyncio.run(judge(world))
    except Stuck as stuck:
        violations = [*world.witness.violations, Violation(3, f"no end comes: {stuck}")]
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this seed's, and is told with it
        seen = f"the world broke off: {describe(error)}"
        violations = [*world.witness.violations, Violation(0, seen)]
    finally:
        loop.close()
    digest = hashlib.sha256()
    for data in world.books.digest():
        digest.update(data)
    for one in world.shop.sent:
        digest.update(f"{one.key}{one.to}{one.text}".encode(errors="replace"))
    steps = sum(loop.steps_of.values())
    digest.update(str(steps).encode())
    world.books.close()
    return Verdict(
        world.seed, digest.hexdigest(), tuple(violations), len(world.books.entries), steps,
        world.happened,
    )  # fmt: skip


async def _story(world: World) -> None:
    """A storm, then rest."""
    await world.found()
    supervisor = _begin(world.keep_up(), "supervisor")
    busy = [_begin(specialist(world, name), name) for name in ("sam", "sue")]
    storm = [
        _begin(customer(world, one), f"customer-{one}") for one in range(world.weather.parties)
    ]
    storm += [_begin(boss(world), "boss"), _begin(clockmaker(world), "clockmaker")]
    storm.append(_begin(auditor(world), "auditor"))
    try:
        await asyncio.gather(*storm)
        for one in busy:
            one.cancel()
        _check_lived(await asyncio.gather(*busy, return_exceptions=True))
        world.weather.calm()
        await _rest(world)
        await world.end()
        await supervisor
    finally:
        supervisor.cancel()


def _check_lived(ended: Iterable[BaseException | None]) -> None:
    """Who asks, and is answered with a defect of ours, would be missed by nobody."""
    for error in ended:
        if isinstance(error, Exception):
            raise error


def _begin(work: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
    return asyncio.create_task(work, name=name)


async def _rest(world: World) -> None:
    """Nothing goes wrong any more: whatever was left open comes to its end."""
    chance = world.rng("rest")
    StopFile(world.home).lift()
    world.witness.file_pressed = False
    for order in sorted(world.witness.stopped, key=repr):
        await lift(world, order)
    await world.restart(gently=False)
    await fill(world)
    wait_s = 1.0
    for _ in range(_ROUNDS_MAX):
        await asyncio.sleep(wait_s)
        wait_s = min(wait_s * 2, 600.0)
        if _is_quiet(world):
            return
        await _settle_all(world, chance)
    world.witness.broken(3, "what was left open does not end, though nothing goes wrong any more")


def _is_quiet(world: World) -> bool:
    world.books.catch_up()
    is_open = any(world.books.final(effect) == "open" for effect in world.books.decided)
    return not is_open and not any(kind != "start" for _, kind, _ in world.books.unfinished())


async def _settle_all(world: World, chance: random.Random) -> None:
    me = next(p for n, p in sorted(world.persons.items()) if p not in world.witness.gone)
    try:
        await settle_unknown(world, me, chance)
    except (Lost, AnswerableError) as error:
        world.happened[f"rest: {type(error).__name__}"] += 1
