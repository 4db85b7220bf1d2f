"""The way from HTTP to the worker: its socket, connected again when the worker was away.

What can be asked twice is asked again for a few seconds while the worker restarts; of anything
else the answer says that nobody knows whether it took effect. See docs/decisions/0011.
"""

import asyncio
from pathlib import Path
from typing import TypeVar

from answerable.server.errors import DeadlinePassed, WorkerUnreachable
from answerable.server.places import Places
from answerable.store.threads import beside_the_loop
from answerable.worker import verbs
from answerable.worker.client import Client, WorkerAway
from answerable.worker.stopping import note
from answerable.worker.verbs import Verb

T = TypeVar("T")

PATIENCE_S = 8.0  # a worker that was killed is back within two; one that stalls is killed after 5
_PAUSE_S = 0.05
_WAITING_EACH = 3  # for a place: as many as the application lets in, and a few
_CHANGES = (
    verbs.DeskTake,
    verbs.DeskSay,
    verbs.DeskHandback,
    verbs.DeskGiveBack,
    verbs.PersonAdd,
    verbs.PersonLeave,
    verbs.OwnerSet,
    verbs.OwnerAccept,
    verbs.OwnerDelegate,
    verbs.KeyAdd,
    verbs.KeyDerive,
    verbs.KeyRevoke,
    verbs.BackupWrite,
    verbs.LedgerExport,
)
"""Verbs that do something each time that they are asked. A stop is none of them: asked for twice it
is in force as if asked for once, and it must not be lost."""


class Gate:
    """One per process. Commands that wait in the worker have a connection of their own, so that
    they cannot take the room of those that do not; those take turns, being answered in no time."""

    def __init__(self, home: Path, *, in_flight_max: int, deadline_s: float) -> None:
        self._home = home
        self._quick = _Line(home, in_flight_max)
        self._patient = _Line(home, in_flight_max)
        self._deadline_s = deadline_s
        self._is_ending = False

    async def ask(self, verb: Verb, returns: type[T], *, patience_s: float = PATIENCE_S) -> T:
        """Run a verb; its result as `returns`.

        Raises what the worker says, Overloaded, WorkerUnreachable, DeadlinePassed.
        """
        if isinstance(verb, verbs.Stop):  # in force even if its worker dies with it
            await beside_the_loop(lambda: note(self._home, verb))
        if getattr(verb, "wait_s", 0.0):
            with self._patient.places.take():
                return await self._in_time(self._patient, verb, returns, patience_s)
        async with self._quick.places.turn():
            return await self._in_time(self._quick, verb, returns, patience_s)

    async def ask_long(self, verb: Verb, returns: type[T], *, more_s: float) -> T:
        """The same for a verb that may take that much longer: it waits with those that wait."""
        with self._patient.places.take():
            return await self._in_time(self._patient, verb, returns, PATIENCE_S, more_s)

    async def _in_time(
        self, line: "_Line", verb: Verb, returns: type[T], patience_s: float, more_s: float = 0.0
    ) -> T:
        deadline_s = self._deadline_s + float(getattr(verb, "wait_s", more_s))
        try:
            async with asyncio.timeout(deadline_s):
                return await self._ask(line, verb, returns, patience_s)
        except TimeoutError:
            raise DeadlinePassed(deadline_s) from None

    async def _ask(self, line: "_Line", verb: Verb, returns: type[T], patience_s: float) -> T:
        now = asyncio.get_running_loop().time
        give_up = now() + patience_s
        was_sent = False
        while True:
            try:
                client = await line.client()
                was_sent = True
                return await client.call(verb, returns)
            except WorkerAway:
                if self._is_ending or now() > give_up or (was_sent and not is_repeatable(verb)):
                    raise WorkerUnreachable(was_sent=was_sent) from None
            await asyncio.sleep(_PAUSE_S)

    def end(self) -> None:
        """From now on nobody waits for a worker: it may be ending as well."""
        self._is_ending = True

    async def close(self) -> None:
        await self._quick.close()
        await self._patient.close()


def is_repeatable(verb: Verb) -> bool:
    """Whether asking twice does no more than asking once."""
    if isinstance(verb, verbs.DeskSay):
        return bool(verb.key)
    return not isinstance(verb, _CHANGES)


class _Line:
    """One connection, made when it is needed, made again when it broke."""

    def __init__(self, home: Path, in_flight_max: int) -> None:
        self._home = home
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self.places = Places(in_flight_max, waiting_max=_WAITING_EACH * in_flight_max)

    async def client(self) -> Client:
        """An open connection. Raises WorkerAway."""
        if self._client is not None and self._client.is_open:
            return self._client
        async with self._connecting:
            if self._client is None or not self._client.is_open:
                await self.close()
                self._client = await Client.connect(self._home)
            return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None
