"""A command for a home: through its worker's socket, or on the home itself if nobody holds it."""

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec

from answerable.base.errors import NotFound
from answerable.compose.configured import plan
from answerable.store.lock import is_home
from answerable.worker.client import Client, WorkerAway
from answerable.worker.commands import call
from answerable.worker.process import close_office, open_office
from answerable.worker.verbs import OwnerAccept, PersonAdd, Verb

T = TypeVar("T")
_FOUNDING = (PersonAdd, OwnerAccept)  # what may be done in a home that does not exist yet


async def ask_home(home: Path, verb: Verb, returns: type[T]) -> T:
    """Run one command. Raises the command's errors, HomeHeld, WrongHome, NotFound."""
    if not is_home(home) and not isinstance(verb, _FOUNDING):
        raise NotFound(
            f"'{home}' is not a home.",
            "Nothing was opened or created.",
            "name one with --home or ANSWERABLE_HOME",
        )
    try:
        client = await Client.connect(home)
    except WorkerAway:
        return await _ask_closed(home, verb, returns)
    try:
        return await client.call(verb, returns)
    finally:
        await client.close()


async def _ask_closed(home: Path, verb: Verb, returns: type[T]) -> T:
    """Hold the home for one command. No agent is loaded, so none acts meanwhile."""
    office = await open_office(replace(plan(home), blueprints=()))
    try:
        result = await call(office, verb)
    finally:
        await close_office(office)
    return msgspec.convert(msgspec.to_builtins(result), returns)
