"""A command for a home: through its worker's socket, or on the home itself if nobody holds it."""

import asyncio
from pathlib import Path
from typing import TypeVar

import msgspec

from answerable.base.errors import NotFound
from answerable.compose.configured import office_plan, plan, policies_of
from answerable.policy.load import load_folder
from answerable.store.lock import HomeHeld, is_home
from answerable.worker.client import Client, WorkerAway
from answerable.worker.commands import call
from answerable.worker.commands.decisions import rules_of
from answerable.worker.process import close_office, open_office
from answerable.worker.stopping import note
from answerable.worker.verbs import (
    Asked,
    MessagesAccept,
    OwnerAccept,
    PersonAdd,
    PolicyExplain,
    Stop,
    Verb,
    decode_verb,
    encode_asked,
)

T = TypeVar("T")
_HELD_MAX_S = 3.0
_HELD_PAUSE_S = 0.1
_FOUNDING = (PersonAdd, OwnerAccept)  # what may be done in a home that does not exist yet


class _Sent(msgspec.Struct):
    verb: msgspec.Raw


async def ask_home(home: Path, verb: Verb, returns: type[T]) -> T:
    """Run one command. Raises the command's errors, HomeHeld, WrongHome, NotFound."""
    if not is_home(home) and not isinstance(verb, _FOUNDING):
        raise NotAHome(home)
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


class NotAHome(NotFound):
    """The folder was never used as a home."""

    code = "not_a_home"

    def __init__(self, home: Path) -> None:
        super().__init__(
            f"'{home}' is not a home.",
            "Nothing was opened or created.",
            "name one with --home or ANSWERABLE_HOME, or found one with "
            "`answerable person add EMAIL --name NAME`",
        )


async def _ask_closed(home: Path, verb: Verb, returns: type[T]) -> T:
    """Hold the home for one command. No agent is loaded and nothing that waits is touched."""
    sent = msgspec.json.decode(encode_asked(Asked(0, verb)), type=_Sent)
    checked = decode_verb(bytes(sent.verb))  # as the socket would
    if isinstance(verb, PolicyExplain):  # the office has no policy, but its folder can be read
        return msgspec.convert(
            msgspec.to_builtins(rules_of(load_folder(policies_of(home)))), returns
        )
    is_arrival = isinstance(verb, MessagesAccept)  # which rails there are, only these must know
    office = await open_office((plan if is_arrival else office_plan)(home), works=False)
    try:
        result = await call(office, checked)
    finally:
        await close_office(office)
    return msgspec.convert(msgspec.to_builtins(result), returns)
