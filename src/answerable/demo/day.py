"""The production day, from an empty folder to the sentence."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from answerable.base.clock import HOUR_US
from answerable.base.errors import NotFound
from answerable.demo.account import compare, read_ours
from answerable.demo.agent import AGENT, OWNER
from answerable.demo.arrivals import DayMessage, day_start_us, generate
from answerable.demo.driver import Sent, follow, send_day, strikes, wait_out
from answerable.demo.house import plan as day_plan
from answerable.demo.progress import Progress
from answerable.demo.realinput import read_real
from answerable.demo.report import Checked, Report, StageTime
from answerable.demo.specialists import SPECIALIST, Specialists
from answerable.demo.stage import Stage
from answerable.ledger.proof import verify_proof
from answerable.ledger.verify import verify_feed
from answerable.telemetry.stages import Stages
from answerable.worker import verbs
from answerable.worker.commands.keys import key_add
from answerable.worker.commands.office import Office
from answerable.worker.commands.proofs import decision_who
from answerable.worker.process import close_office, open_office
from answerable.worker.verbs.people import NewKey

DAY = "2026-03-02"
KILLS = 3
_NIGHT_US = 2 * HOUR_US  # after the people have gone home
STAGE_NAMES = ("receive", "resolve", "route", "run", "decide", "act", "record")


@dataclass(frozen=True, slots=True)
class Day:
    """What is to be played. `source` replaces the generated arrivals by real ones; `per_s` paces
    them, 0: as fast as they are taken; kills fall within the first `kills_share` of them."""

    home: Path
    interactions: int = 50_000
    seed: int = 1
    source: Path | None = None
    kills: int = KILLS
    outside_kills: int = 0
    per_s: float = 0.0
    kills_share: float = 1.0


def run_day(
    day: Day, progress: Progress, build: Callable[[Path, int], Stage] = Stage.build
) -> Report:
    """Play the day and account for it. Raises UsageError before anything is sent, or Broken."""
    messages, count = _messages(day)
    stage = build(day.home, day.seed)
    try:
        return asyncio.run(_play(day, stage, messages, count, progress))
    finally:
        stage.close()


def make_key(home: Path) -> NewKey:
    """Let the day's specialist in over HTTP, at the day's time."""

    async def make() -> NewKey:
        office = await open_office(replace(day_plan(home), blueprints=()), works=False)
        try:
            return await key_add(office, verbs.KeyAdd(SPECIALIST, ("all",), "the day's console"))
        finally:
            await close_office(office)

    return asyncio.run(make())


def _messages(day: Day) -> tuple[Iterable[DayMessage], int]:
    if day.source is None:
        return generate(day.interactions, day.seed, DAY), day.interactions
    real = read_real(day.source, DAY)
    return real, real.count


async def _play(
    day: Day, stage: Stage, messages: Iterable[DayMessage], count: int, progress: Progress
) -> Report:
    stage.clock.move_to(day_start_us(DAY))
    stage.start_outside()
    await _found(stage)
    stage.start_worker()
    began = time.monotonic()
    progress.begin(count)
    ended = asyncio.Event()
    struck = int(count * day.kills_share)
    planned = strikes(struck, day.seed, worker=day.kills, outside=day.outside_kills)
    sent = Sent()
    beside = [
        asyncio.create_task(Specialists(stage).work(ended)),
        asyncio.create_task(follow(stage, sent, ended)),
    ]
    try:
        await send_day(stage, sent, messages, planned, progress.sent, per_s=day.per_s)
        await wait_out(stage, sent, progress.waiting)
    except BaseException:
        for task in beside:  # nobody answers them any more
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        raise
    ended.set()
    await asyncio.gather(*beside)
    await wait_out(stage, sent, progress.waiting, at_least_us=_NIGHT_US)
    await asyncio.to_thread(stage.stop_worker)
    progress.say("comparing our ledger with the outside's books")
    seconds = time.monotonic() - began
    return await _account(day, stage, sent, seconds)


async def _found(stage: Stage) -> None:
    """The first morning: an owner and a specialist are in the directory; the owner accepts."""
    office = await open_office(replace(day_plan(stage.home), blueprints=()))
    people = office.house.hall.people
    for email, name in ((OWNER, "Olive Marsh"), (SPECIALIST, "Sam Reed")):
        await office.house.commit_control(people.add(email, name, by="system:demo"))
    await office.house.commit_control(people.accept_ownership(AGENT, OWNER))
    await close_office(office)


async def _account(day: Day, stage: Stage, sent: Sent, seconds: float) -> Report:
    """Open the home once more, alone: verify, compare, and ask the one question."""
    office = await open_office(replace(day_plan(stage.home), blueprints=()))
    try:
        ours = await read_ours(office.house)
        checked = await _verify(office)
        sentence, decision = await _ask(office, day.seed)
    finally:
        await close_office(office)
    account = compare(ours, stage.home, sent.acknowledged)
    return Report(
        interactions=len(ours.external_ids), acknowledged=len(sent.acknowledged),
        lost=account.lost, doubled=account.doubled, effects=account.effects,
        effects_without_record=account.effects_without_record,
        effects_without_owner=account.effects_without_owner,
        books_difference=account.books_difference, unknown_left=account.unknown_left,
        held=ours.held, escalated=ours.escalated, denied=dict(sorted(ours.denied.items())),
        kills=stage.kills, ledger=checked, seconds=round(seconds, 2),
        interactions_per_s=round(len(sent.acknowledged) / seconds, 1),
        cpu_ms_per_interaction=round(stage.worker_cpu_s * 1000 / len(sent.acknowledged), 3),
        stages=_stage_times(sent), sentence=sentence, decision=decision,
        home=str(stage.home),
    )  # fmt: skip


async def _verify(office: Office) -> Checked:
    began = time.monotonic()
    house = office.house
    found = await verify_feed(house.hall.engine.read(0), [house.vkey])
    took = round(time.monotonic() - began, 2)
    problem = f"{found.problem.index}: {found.problem.problem}" if found.problem else ""
    return Checked(found.entries, found.problem is None, took, problem)


async def _ask(office: Office, seed: int) -> tuple[str, str]:
    """Draw one decision and have its proof verified here, by its bytes and the log's key alone."""
    draw = Random(f"draw:{seed}").random()
    try:
        who = await decision_who(office, verbs.DecisionWho(draw=draw))
    except NotFound:  # a day so small that everything in it went to people
        return "Nothing was decided: every message went to people.", ""
    head = verify_proof(who.proof, who.entry.encode(), [office.house.vkey])
    verified = f"Verified: inclusion proof of entry {who.index} in the signed tree of {head.size}."
    return f"{who.sentence} {verified}", who.decision


def _stage_times(sent: Sent) -> dict[str, StageTime]:
    stages = Stages()
    stages.merge(sent.stages.counts())
    stages.merge(sent.last_counts)
    return {
        name: StageTime(stages.percentile_ms(name, 0.5), stages.percentile_ms(name, 0.99))
        for name in STAGE_NAMES
    }
