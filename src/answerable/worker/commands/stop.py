"""The stop: put it on, let it go, list what stands still; and the stop file's own record."""

import asyncio
import logging
from dataclasses import replace

from answerable.agents.errors import ScopeUnknown
from answerable.agents.stops import EVERYTHING, FILE, PARTY, Mode, tool_of_scope
from answerable.base.errors import AnswerableError, Broken, UsageError
from answerable.desk.service import SENDS_END_S
from answerable.parties import rows as parties
from answerable.pipeline.hall import Hall
from answerable.store.stopfile import STOP_FILE
from answerable.telemetry.failures import describe
from answerable.worker import stopping, verbs
from answerable.worker.commands.office import Handlers, Office
from answerable.worker.verbs.control import Stopped, StopRow

log = logging.getLogger("answerable.worker")

_BY_FILE = "system:stop-file"


async def stop(office: Office, verb: verbs.Stop) -> Stopped:
    """Once this returns nothing more happens: what was in flight has ended, or is late and said.

    It bears on the next effect from the first moment, before it is durable; and if it cannot be
    made durable it stays on in this worker's life, and its note in the home for the next one.
    """
    home = office.house.home
    try:
        stopped = await _stop(office, verb)
    except Broken:
        raise
    except AnswerableError:
        stopping.forget(home, verb)
        raise
    stopping.forget(home, verb)
    is_late = verb.is_on and not await office.house.hall.leases.all_sends_ended(SENDS_END_S)
    return replace(stopped, is_late=is_late)


async def _stop(office: Office, verb: verbs.Stop) -> Stopped:
    hall, mode = office.house.hall, Mode(verb.mode)
    person = hall.people.find(verb.by)
    _check(hall, verb.scope, is_on=verb.is_on)
    unit = hall.agents.stop(verb.scope, by=person.id, is_on=verb.is_on, mode=mode)
    if verb.is_on:
        hall.agents.reaching.add((verb.scope, mode))
    committed = await office.house.commit_control(unit)
    hall.agents.reaching.discard((verb.scope, mode))
    if verb.is_kill:
        _end_turns(hall, verb.scope)
    return Stopped(committed.records[0].key, committed.indexes[0], is_late=False)


def stand_still(office: Office, pending: list[verbs.Stop]) -> None:
    """Before the first effect of a life: what was asked of an earlier one is in force."""
    reaching = office.house.hall.agents.reaching
    reaching.update((verb.scope, Mode(verb.mode)) for verb in pending)


async def record_pending(office: Office, pending: list[verbs.Stop]) -> None:
    """Say in the ledger what is in force already; what nobody may order is let go."""
    for verb in pending:
        try:
            await stop(office, verb)
        except Broken:
            raise
        except AnswerableError as error:
            office.house.hall.agents.reaching.discard((verb.scope, Mode(verb.mode)))
            log.error("a stop that was asked for is none: %s", describe(error))


def _check(hall: Hall, scope: str, *, is_on: bool) -> None:
    """A stop of what does not exist would stop nothing, and nobody would know."""
    if scope == FILE:
        raise UsageError(
            f"The stop file is no scope: it is on while '{STOP_FILE}' lies in the home.",
            "Nothing was changed.", "answerable stop lift file",
        )  # fmt: skip
    agent, tool = tool_of_scope(scope)
    loaded = hall.releases.get(agent)
    if is_on and agent and loaded is not None and tool not in loaded.blueprint.tools:
        tools = ", ".join(sorted(loaded.blueprint.tools)) or "none"
        raise ScopeUnknown(f"{agent}/{tool}", f"tools of '{agent}' are {tools}")
    party = scope.removeprefix(PARTY)
    if is_on and scope.startswith(PARTY) and parties.find(hall.db, party) is None:
        raise ScopeUnknown(party, "it is no party of this home")


def _end_turns(hall: Hall, scope: str) -> None:
    """What agents are thinking ends now; it could do nothing any more."""
    for task, agent in list(hall.turns.items()):
        if scope in (EVERYTHING, agent):
            task.cancel()


async def stop_list(office: Office, _: verbs.StopList) -> list[StopRow]:
    """Every stop in force, oldest first; the stop file by what lies there, not by its record."""
    hall = office.house.hall
    orders = [one for one in hall.agents.registry.stops.orders.values() if one.scope != FILE]
    rows = [
        StopRow(one.scope, one.mode.value, one.since, one.by, await office.name_of(one.by))
        for one in sorted(orders, key=lambda order: order.since)
    ]
    if hall.stop_file.is_pressed():
        rows.append(StopRow(FILE, Mode.PAUSE.value, -1, _BY_FILE, "the stop file"))
    return rows


async def note_stop_file(office: Office) -> None:
    """Record that the stop file was pressed or lifted: it works without this; history needs it."""
    hall = office.house.hall
    is_recorded = (FILE, Mode.PAUSE) in hall.agents.registry.stops.orders
    if hall.stop_file.is_pressed() == is_recorded:
        return
    unit = hall.agents.stop(FILE, by=_BY_FILE, is_on=not is_recorded)
    async with asyncio.timeout(_NOTE_S):
        await office.house.commit_control(unit)


_NOTE_S = 10.0

HANDLERS: Handlers = {verbs.Stop: stop, verbs.StopList: stop_list}
