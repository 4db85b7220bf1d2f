"""A rail that takes its time, and the cases that it speaks on as the writes so far leave them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from answerable.cases.domain import Lease
from answerable.rails.port import Outgoing


@dataclass
class Seen:
    """A case as the writes so far leave it."""

    lease: Lease
    sender: str = ""
    reaching: int = 0  # people whose takeover has begun and has not returned
    sending: Counter[Lease] = field(default_factory=Counter)  # under which lease, now


@dataclass(kw_only=True)
class Post:
    """A rail whose sends take as long as they are told to, and some of which hear no cancelling."""

    began: Callable[[Outgoing], Seen]
    die: Callable[[str], Awaitable[None]]
    repeat: Literal["idempotent", "reconcilable", "at_most_once"] = "reconcilable"
    identifier_kind: str = "email"
    is_slow: bool = False
    is_deaf: bool = False
    is_early: bool = False  # it arrives when the send begins, and the answer takes its time
    sent: list[Outgoing] = field(default_factory=list)
    waiting: set[asyncio.Event] = field(default_factory=set)
    is_dying: bool = False

    async def send(self, outgoing: Outgoing) -> str:
        case = self.began(outgoing)
        lease = case.lease
        case.sending[lease] += 1
        try:
            await self.die("before send")
            if self.is_early:
                self.sent.append(outgoing)
                await self._answers()
            else:
                await self._answers()
                self.sent.append(outgoing)
            await self.die("after send")
        finally:
            case.sending[lease] -= 1
        return "sent"

    async def _answers(self) -> None:
        if not self.is_slow:
            return
        may_go, is_deaf = asyncio.Event(), self.is_deaf
        self.waiting.add(may_go)
        while not may_go.is_set():
            try:
                await may_go.wait()
            except asyncio.CancelledError:
                if not is_deaf:
                    raise
        if self.is_dying:
            raise asyncio.CancelledError

    async def find(self, key: str) -> str | None:
        return next(("found" for one in self.sent if one.key == key), None)

    def let_go(self) -> None:
        for may_go in self.waiting:
            may_go.set()
        self.waiting.clear()
