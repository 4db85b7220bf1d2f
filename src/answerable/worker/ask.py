"""A command for a home: through its worker's socket, or on the home itself if nobody holds it."""

import asyncio
from pathlib import Path
from typing import TypeVar

import msgspec

from answerable.base.errors import NotFound
from answerable.store.lock import HomeHeld, is_home
from answerable.worker.client import Client, WorkerAway
from answerable.worker.stopping import note
from answerable.worker.verbs import OwnerAccept, PersonAdd, Stop, Verb

T = TypeVar("T")
_HELD_MAX_S = 10.0  # a worker that starts on a busy machine listens by then
_HELD_PAUSE_S = 0.1
_FOUNDING = (PersonAdd, OwnerAccept)  # what may be done in a home that does not exist yet


async def ask_home(home: Path, verb: Verb, returns: type[T]) -> T:
    """Run one command. Raises the command's errors, HomeHeld, WrongHome, NotFound."""
    if not isinstance(verb, _FOUNDING):
        check_home(home)
    if isinstance(verb, Stop):
        note(home, verb)
    give_up = asyncio.get_running_loop().time() + _HELD_MAX_S
    while True:
        try:
            client = await Client.connect(home)
        except WorkerAway:
            try:
                return await _ask_closed(home, verb, returns)
            except HomeHeld:  # by another command, or by a worker that does not listen yet
                if asyncio.get_running_loop().time() > give_up:
                    raise
                await asyncio.sleep(_HELD_PAUSE_S)
                continue
        try:
            return await client.call(verb, returns)
        finally:
            await client.close()


def check_home(home: Path) -> None:
    """Raises NotAHome."""
    if not is_home(home):
        raise NotAHome(home)


class NotAHome(NotFound):
    """The folder was never used as a home."""

    code = "not_a_home"

    def __init__(self, home: Path) -> None:
        super().__init__(
            f"'{home}' is not a home.",
            "Nothing was opened or created.",
            "name one with --home or ANSWERABLE_HOME, or make one with "
            "`answerable init FOLDER --owner EMAIL --name NAME`",
        )


async def _ask_closed(home: Path, verb: Verb, returns: type[T]) -> T:
    # most commands meet a worker: they do not wait for the whole house to be imported
    from answerable.worker.closed import ask_closed  # noqa: PLC0415

    result = await ask_closed(home, verb)
    return msgspec.convert(msgspec.to_builtins(result), returns)
