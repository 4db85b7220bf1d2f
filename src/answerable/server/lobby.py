"""What every route works with: the way to the worker, who is let in, what is measured."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from answerable.base.chance import Chance
from answerable.base.settings import ServerSettings
from answerable.people.keys import Scope
from answerable.server.errors import NoKey, ScopeMissing
from answerable.server.gate import Gate
from answerable.server.intake import Intake
from answerable.server.keys import Keys, digest_of
from answerable.server.metrics import Meter
from answerable.server.places import Places
from answerable.server.sessions import Session, Sessions
from answerable.worker.verbs.people import KeyHolder

EXPORTS_MAX = 2  # answers that are made or sent at once: each is a file, and work for the worker
_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, and by what: a key, or a session made of one."""

    holder: KeyHolder
    digest: str
    session: Session | None = None

    def check(self, scopes: tuple[Scope, ...]) -> None:
        """Raises ScopeMissing."""
        if not set(scopes) & set(self.holder.scopes):
            raise ScopeMissing(scopes)


class Lobby:
    """One per process."""

    def __init__(
        self, home: Path, settings: ServerSettings, chance: Chance, now: Callable[[], float]
    ) -> None:
        self.home = home
        self.settings = settings
        self.now = now
        self.gate = Gate(home, in_flight_max=settings.in_flight_max, deadline_s=settings.deadline_s)
        self.intake = Intake(self.gate)
        self.keys = Keys(self.gate.ask, now)
        self.sessions = Sessions(chance, now, is_secure=settings.is_secure)
        self.meter = Meter()
        self.ending = asyncio.Event()
        self.document: dict[str, object] = {}  # OpenAPI's, of the routes that are mounted
        self.streams = Places(settings.streams_max)
        self.exports = Places(EXPORTS_MAX)

    async def admit(self, request: Request) -> Caller:
        """Raises NoKey, KeyRefused, TooManyTries, and what keeps the worker silent."""
        said = request.headers.get("authorization")
        address = address_of(request)
        if said is not None:
            if not said.lower().startswith(_BEARER):
                raise NoKey
            secret = said[len(_BEARER) :].strip()
            holder = await self.keys.holder_of(secret, address)
            return Caller(holder, digest_of(secret))
        session = self.sessions.find(request)
        if session is None:
            raise NoKey
        return Caller(await self.renew(session.digest), session.digest, session)

    async def renew(self, digest: str) -> KeyHolder:
        """Whether a key that was let in is still valid. Raises KeyRefused."""
        return await self.keys.holder_of_digest(digest, "")

    def end(self) -> None:
        """Streams end now, and nobody waits for the worker any more."""
        self.ending.set()
        self.gate.end()


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""
