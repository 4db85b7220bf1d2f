"""Who is asking: an API key, checked with the worker, believed for a second."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, ip_address

from answerable.people import keys
from answerable.server.errors import KeyRefused, TooManyTries
from answerable.server.table import ALL, ANY
from answerable.worker.client import RemoteError
from answerable.worker.verbs import KeyCheck
from answerable.worker.verbs.people import KeyHolder

PREFIX = "ak_"
_SECRET_CHARS_MAX = 200
BELIEVED_S = 1.0  # a revoked key opens nothing after that
_KNOWN_MAX = 10_000
_TRIES = 10.0  # wrong keys in a row from one address
_TRIES_BACK_PER_S = 10 / 60
_ADDRESSES_MAX = 10_000
_REFUSALS = frozenset({401, 403, 404})
_SITE_BITS = 64  # an IPv6 customer has that many addresses of their own

Check = Callable[[KeyCheck, type[KeyHolder]], Awaitable[KeyHolder]]


def digest_of(secret: str) -> str:
    """What the worker knows a key by. Raises KeyRefused for what cannot be one."""
    if not secret.startswith(PREFIX) or len(secret) > _SECRET_CHARS_MAX or not secret.isascii():
        raise KeyRefused
    return keys.digest_of(secret)


class Keys:
    """Positive answers are kept for a second, negative ones not at all; guessing is slowed."""

    def __init__(self, check: Check, now: Callable[[], float]) -> None:
        self._check = check
        self._now = now  # seconds, monotonic
        self._believed: OrderedDict[str, tuple[KeyHolder, float]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[KeyHolder]] = {}
        self._tries = _Tries(now)

    async def holder_of(self, secret: str, address: str) -> KeyHolder:
        """Whose key this is. Raises KeyRefused, TooManyTries, and what keeps the worker silent."""
        try:
            digest = digest_of(secret)
        except KeyRefused:
            self._tries.check(address)
            self._tries.note_wrong(address)
            raise
        return await self.holder_of_digest(digest, address)

    async def holder_of_digest(self, digest: str, address: str) -> KeyHolder:
        """The same, of a key that was seen before."""
        found = self._believed.get(digest)
        if found is not None and self._now() < found[1]:
            return found[0]
        if found is None:  # one that was valid once is looked at, whoever else guesses there
            self._tries.check(address)
        try:
            return await self._ask(digest)
        except KeyRefused:
            if found is None:
                self._tries.note_wrong(address)
            raise

    async def _ask(self, digest: str) -> KeyHolder:
        """Once for all requests that come with it at the same moment."""
        asking = self._asking.get(digest)
        if asking is None:
            asking = self._asking[digest] = asyncio.create_task(self._look_up(digest))
            asking.add_done_callback(lambda _: self._asking.pop(digest, None))
        return await asyncio.shield(asking)

    async def _look_up(self, digest: str) -> KeyHolder:
        asked_at = self._now()
        try:
            holder = await self._check(KeyCheck(digest), KeyHolder)
        except RemoteError as error:
            if error.http_status in _REFUSALS:
                raise KeyRefused from None
            raise
        holder = _spelled_out(holder)
        self._believed[digest] = (holder, asked_at + BELIEVED_S)
        self._believed.move_to_end(digest)
        if len(self._believed) > _KNOWN_MAX:
            self._believed.popitem(last=False)
        return holder


def _spelled_out(holder: KeyHolder) -> KeyHolder:
    """`all` is every scope."""
    if ALL not in holder.scopes:
        return holder
    return KeyHolder(holder.id, holder.person, holder.person_name, ANY, holder.expires_at)


class _Tries:
    """A bucket of wrong keys for each address, filled again in a minute."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, address: str) -> None:
        """Raises TooManyTries."""
        left = self._of(_site(address))
        if left < 1:
            raise TooManyTries((1 - left) / _TRIES_BACK_PER_S)

    def note_wrong(self, address: str) -> None:
        site = _site(address)
        self._left[site] = (max(0.0, self._of(site) - 1), self._now())
        self._left.move_to_end(site)
        if len(self._left) > _ADDRESSES_MAX:
            self._left.popitem(last=False)

    def _of(self, site: str) -> float:
        left, at = self._left.get(site, (_TRIES, 0.0))
        return min(_TRIES, left + (self._now() - at) * _TRIES_BACK_PER_S)


def _site(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(int(found) >> (128 - _SITE_BITS))
    return address
