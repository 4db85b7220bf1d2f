"""The worker process: opens the house, works, answers commands; ends when told to or broken."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from answerable.base.clock import SystemClock
from answerable.base.errors import AnswerableError, Broken, UsageError
from answerable.compose.house import Plan, open_house
from answerable.compose.settings import read_settings
from answerable.engine.port import Fenced
from answerable.store.lock import HomeHeld
from answerable.store.sqlite import DiskFull, StorageFailed
from answerable.store.threads import beside_the_loop
from answerable.telemetry import failures
from answerable.views.index import EntryIndex
from answerable.worker import commands, heartbeat, stopping, witnessing
from answerable.worker.collecting import collect_seldom
from answerable.worker.commands.office import Office
from answerable.worker.commands.stop import note_stop_file, record_pending, stand_still
from answerable.worker.days import close_days
from answerable.worker.dispatch import Dispatcher
from answerable.worker.publisher import Publisher
from answerable.worker.server import serve
from answerable.worker.supervisor import ENDED_BY_CODE, GIVEN_UP, PRODUCTION
from answerable.worker.tending import Tending
from answerable.worker.verbs import Verb

log = logging.getLogger("answerable.worker")

_FOLLOW_S = 1.0
_GRACE_S = 15.0  # above the default deadline of a send
_STORAGE_GONE = (StorageFailed, Fenced)
"""What no later command can succeed after: only opening the home again helps."""


async def open_office(
    plan: Plan, watch: heartbeat.Heartbeat | None = None, *, works: bool = True
) -> Office:
    """Open a house, and begin to work unless `works=False`.

    Raises what prevents it; then nothing stays open.
    """
    house = open_house(plan)
    dispatcher = Dispatcher(house, worker="worker", in_flight_max=plan.in_flight_max, works=works)
    try:
        if watch is not None:
            house.hall.watch = watch
        house.hall.stalled = heartbeat.stalled(plan.home)
        publisher = Publisher(plan.home)
        if works:
            publisher.check_not_behind(house.hall.committer.size)
        office = Office(house, dispatcher, EntryIndex.open(plan.home), publisher)
        house.hall.overhear = office.thoughts.overhear
        asked = stopping.pending(plan.home)
        stand_still(office, asked)
        await dispatcher.start()
        await record_pending(office, asked)
    except BaseException:
        await dispatcher.stop()
        await house.close()
        raise
    return office


async def close_office(office: Office, said: frozenset[str] = frozenset()) -> None:
    """End well: what is in flight ends, files and index catch up, the home is free."""
    await office.dispatcher.stop(grace_s=_GRACE_S)
    await _follow_once(office, said)
    office.index.close()
    await office.house.close()


async def work(plan: Plan, *, leash: bool = False) -> int:
    """Work until told to end; the exit code says how it ended."""
    loop = asyncio.get_running_loop()
    failures.watch_loop(loop)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if leash:
        _end_with_input(loop, ended)
    watch = heartbeat.Heartbeat.open(plan.home)
    ledger = read_settings(plan.home).ledger
    rounds = witnessing.Rounds(plan.home, ledger, SystemClock())
    office = await open_office(plan, watch)
    beating = asyncio.create_task(watch.beat())
    office.dispatcher.on_failure = ended.set
    server = await serve(plan.home, answers_of(office))
    following = asyncio.create_task(follow(office, ended))
    if ledger.witnesses or ledger.timestamp_url or ledger.ml_dsa:
        asking = asyncio.create_task(
            witnessing.keep_witnessed(rounds, ledger.witness_every_s, ended)
        )
        asking.add_done_callback(lambda _: None)  # kept until it has ended
    if office.dispatcher.failure is not None:  # it failed before we listened
        ended.set()
    collect_seldom()
    log.info("working for %s", plan.home)
    await ended.wait()
    await server.close()
    said = await following
    failure = office.dispatcher.failure
    if failure is not None:
        office.house.abandon()
        beating.cancel()
        return _say(failure)
    await close_office(office, said)
    beating.cancel()
    return 0


def _end_with_input(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """Standard input ends when the supervisor does: nobody would watch us, so we end as well."""

    def gone() -> None:
        loop.remove_reader(sys.stdin.fileno())
        ended.set()

    loop.add_reader(sys.stdin.fileno(), gone)


def answers_of(office: Office) -> Callable[[Verb], Coroutine[Any, Any, object]]:
    """The public commands; one that finds the storage gone ends the worker as well."""

    async def run(verb: Verb) -> object:
        try:
            return await commands.call(office, verb)
        except _STORAGE_GONE as error:
            office.dispatcher.fail(error)
            raise

    return run


async def follow(
    office: Office, ended: asyncio.Event, *, every_s: float = _FOLLOW_S
) -> frozenset[str]:
    """Publish files and index entries, behind the commits, until the worker ends."""
    said: frozenset[str] = frozenset()
    tending = Tending()
    while not ended.is_set():
        said = await _follow_once(office, said)
        await _note_stop_file(office)
        await _close_days(office)
        await tending.tend(office)
        await _sample_disk(office)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), every_s)
    return said


async def _note_stop_file(office: Office) -> None:
    """Its record comes behind it; where that fails, the file is in force all the same."""
    try:
        await note_stop_file(office)
    except (AnswerableError, TimeoutError) as error:
        log.error("the stop file is in force, but not recorded: %s", failures.describe(error))


async def _close_days(office: Office) -> None:
    """Where that fails, the next round closes them, or the next life."""
    try:
        await close_days(office)
    except (AnswerableError, TimeoutError) as error:
        log.error("no day could be closed: %s", failures.describe(error))


async def _sample_disk(office: Office) -> None:
    """How the home grows; on a disk that is full already, one sample less."""
    now_us = office.house.hall.clock.now()
    if office.house.disk.is_due(now_us):
        try:
            await beside_the_loop(lambda: office.house.disk.sample(now_us))
        except (Broken, OSError) as error:
            log.error("the disk could not be looked at: %s", failures.describe(error))


async def _follow_once(office: Office, said: frozenset[str]) -> frozenset[str]:
    """One round; what fails is said once, and never keeps the worker from working."""
    found = set()
    engine = office.house.hall.engine
    rounds: list[Callable[[], Awaitable[object]]] = [
        partial(office.publisher.follow, engine), partial(office.index.follow, engine),
        office.keep_measured,
    ]  # fmt: skip
    if office.dispatcher.works:  # a command does not wait for a look at all of history
        rounds.append(partial(office.publisher.heal, engine))
    for follow in rounds:
        try:
            await follow()
        except Exception as error:  # noqa: BLE001 - both can be made again from the ledger
            found.add(what := str(error) if isinstance(error, Broken) else failures.describe(error))
            if what not in said:
                log.error("files or index are behind the ledger, which is not harmed: %s", what)
    return frozenset(found)


def _say(error: BaseException) -> int:
    """Why the worker ends; the exit code that goes with it."""
    if not isinstance(error, AnswerableError):
        log.error("the worker ends by a defect of ours: %s", failures.describe(error))
        return 1
    sys.stderr.write(f"error ({error.code}): {error}\n")
    is_lasting = isinstance(error, Broken) and not isinstance(
        error, (DiskFull, StorageFailed, HomeHeld)
    )
    return GIVEN_UP if is_lasting else error.exit_code


def _plan(where: str, home: Path) -> Plan:
    module, _, name = where.partition(":")
    try:
        made = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise _no_plan(f"'{where}' does not lead to a plan: {error}.") from error
    found = made(home)
    if not isinstance(found, Plan):
        raise _no_plan(f"'{where}' made a {type(found).__name__}, not a Plan.")
    return found


def _no_plan(happened: str) -> UsageError:
    return UsageError(happened, "Nothing was started.", "answerable worker")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="answerable.worker.process")
    parser.add_argument("home", type=Path)
    parser.add_argument("--plan", default=PRODUCTION)
    parser.add_argument("--leash", action="store_true", help="end when standard input ends")
    given = parser.parse_args(arguments)
    failures.install()
    try:
        failures.install(read_settings(given.home).log, given.home)
        return asyncio.run(work(_plan(given.plan, given.home), leash=given.leash))
    except (KeyboardInterrupt, SystemExit) as error:
        log.error("the worker ends by %s, which nobody of ours raised", type(error).__name__)
        return ENDED_BY_CODE
    except Exception as error:  # noqa: BLE001 - nothing of it may be printed as it is
        return _say(error)


if __name__ == "__main__":
    sys.exit(main())
