"""Sessions of the console: a random id in a cookie, bound to one API key, in memory only.

A restart of the HTTP process ends all of them. The key is checked again on each request, so that
a session never outlives its key.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

from starlette.requests import Request
from starlette.responses import Response

from answerable.base.chance import Chance
from answerable.server.errors import NotFromHere

LIFE_S = 8 * 3600.0
_ID_BYTES = 32
_KEPT_MAX = 10_000
_NAME = "answerable_session"


@dataclass(frozen=True, slots=True)
class Session:
    digest: str  # of the key that it stands for
    csrf: str
    until: float


class Sessions:
    """Known by the hash of what is in the cookie: memory that leaks does not open a door."""

    def __init__(self, chance: Chance, now: Callable[[], float], *, is_secure: bool) -> None:
        self._chance = chance
        self._now = now
        self._is_secure = is_secure
        self._kept: OrderedDict[bytes, Session] = OrderedDict()

    @property
    def cookie(self) -> str:
        """With the prefix that lets no other host or path set it, where browsers honour that."""
        return f"__Host-{_NAME}" if self._is_secure else _NAME

    def begin(self, digest: str, response: Response) -> None:
        secret = self._chance.token(_ID_BYTES).hex()
        csrf = self._chance.token(_ID_BYTES).hex()
        self._kept[_hash(secret)] = Session(digest, csrf, self._now() + LIFE_S)
        if len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)
        response.set_cookie(
            self.cookie, secret, max_age=int(LIFE_S), path="/", secure=self._is_secure,
            httponly=True, samesite="strict",
        )  # fmt: skip

    def find(self, request: Request) -> Session | None:
        secret = request.cookies.get(self.cookie)
        if not secret:
            return None
        session = self._kept.get(_hash(secret))
        if session is not None and self._now() >= session.until:
            self._kept.pop(_hash(secret))
            return None
        return session

    def end(self, request: Request, response: Response) -> None:
        secret = request.cookies.get(self.cookie)
        if secret:
            self._kept.pop(_hash(secret), None)
        response.delete_cookie(
            self.cookie, path="/", secure=self._is_secure, httponly=True, samesite="strict"
        )


def check_origin(request: Request) -> None:
    """A form must come from a page of this host: browsers say so. Raises NotFromHere."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise NotFromHere
        return
    host = request.headers.get("host", "")
    if request.headers.get("origin") not in (f"http://{host}", f"https://{host}"):
        raise NotFromHere


def check_csrf(session: Session, sent: str) -> None:
    """Raises NotFromHere."""
    if not compare_digest(session.csrf.encode(), sent.encode(errors="replace")):
        raise NotFromHere


def _hash(secret: str) -> bytes:
    return sha256(secret.encode(errors="replace")).digest()
