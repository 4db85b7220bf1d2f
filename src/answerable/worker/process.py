"""The worker process: opens the house, works, answers commands; ends when told to or broken."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path

from answerable.base.errors import AnswerableError
from answerable.compose.house import House, Plan, open_house
from answerable.views.index import EntryIndex
from answerable.worker import commands, heartbeat
from answerable.worker.commands.office import Office
from answerable.worker.dispatch import Dispatcher
from answerable.worker.publisher import Publisher
from answerable.worker.server import serve
from answerable.worker.supervisor import PRODUCTION

log = logging.getLogger("answerable.worker")

_FOLLOW_S = 1.0


async def open_office(plan: Plan, watch: heartbeat.Heartbeat | None = None) -> Office:
    """Open a house and begin to work. Raises what prevents it; then nothing stays open."""
    house = open_house(plan)
    try:
        if watch is not None:
            house.hall.watch = watch
        house.hall.stalled = heartbeat.stalled(plan.home)
        dispatcher = Dispatcher(house, worker="worker", in_flight_max=plan.in_flight_max)
        await dispatcher.start()
        return Office(house, dispatcher, EntryIndex.open(plan.home), Publisher(plan.home))
    except BaseException:
        await house.close()
        raise


async def close_office(office: Office) -> None:
    await office.dispatcher.stop()
    await office.publisher.follow(office.house.hall.engine)
    await office.index.follow(office.house.hall.engine)
    office.index.close()
    await office.house.close()


async def work(plan: Plan) -> int:
    """Work until told to end; the exit code says how it ended."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    watch = heartbeat.Heartbeat.open(plan.home)
    office = await open_office(plan, watch)
    beating = asyncio.create_task(watch.beat())
    office.dispatcher.on_failure = ended.set
    server = await serve(plan.home, lambda verb: commands.call(office, verb))
    following = asyncio.create_task(_follow(office.house, office, ended))
    log.info("working for %s", plan.home)
    await ended.wait()
    server.close()
    for task in (following, beating):
        task.cancel()
    await asyncio.gather(following, beating, return_exceptions=True)
    failure = office.dispatcher.failure
    if failure is not None:
        log.error("the worker ends: %s", failure)
        office.house.abandon()
        return 1
    await close_office(office)
    return 0


async def _follow(house: House, office: Office, ended: asyncio.Event) -> None:
    """Publish files and index entries, behind the commits."""
    rounds: list[Callable[[], Awaitable[None]]] = [
        lambda: office.publisher.follow(house.hall.engine),
        lambda: office.index.follow(house.hall.engine),
    ]
    while not ended.is_set():
        await asyncio.sleep(_FOLLOW_S)
        for follow in rounds:
            try:
                await follow()
            except AnswerableError:
                log.exception("what follows the ledger is behind; the ledger itself is not")


def _plan(where: str, home: Path) -> Plan:
    module, _, name = where.partition(":")
    found = getattr(import_module(module), name)(home)
    if not isinstance(found, Plan):
        raise TypeError(f"'{where}' made a {type(found).__name__}, not a Plan")
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="answerable.worker.process")
    parser.add_argument("home", type=Path)
    parser.add_argument("--plan", default=PRODUCTION)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        with contextlib.suppress(KeyboardInterrupt):
            return asyncio.run(work(_plan(given.plan, given.home)))
    except AnswerableError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
