"""A rail that takes its time, and the cases that it speaks on as the writes so far leave them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from answerable.cases.domain import Lease
from answerable.engine.port import Record
from answerable.ledger.domain import KINDS, Entry, decode_entry
from answerable.rails.port import Outgoing

HANDS = ("lease", "escalated", "handback")


@dataclass
class Seen:
    """A case as the writes so far leave it."""

    lease: Lease
    sender: str = ""
    registered: int = 0  # sends that were let through before somebody reached, and begin now
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


class Writes:
    """What the ledger's writes have said so far, and whether each of them could be."""

    def __init__(self, wrong: list[str], left: set[str]) -> None:
        self.wrong, self.left = wrong, left
        self.cases: dict[str, Seen] = {}
        self.decided: dict[str, tuple[str, Lease]] = {}  # effect -> its case, and under what lease
        self.of: dict[str, str] = {}  # message -> who sent it

    def learn(self, records: Sequence[Record]) -> None:
        """Each change of hands is the next epoch, and one that may be."""
        for record in records:
            entry = decode_entry(record.data) if record.kind in KINDS else None
            if entry is None or not entry.trace or not entry.change:
                continue
            case, change = entry.trace.case or "", entry.change
            lease = Lease(str(change.get("holder")), int(change.get("epoch", 0)))
            if entry.kind == "decided" and entry.effect:
                self.decided[entry.effect.id] = (case, lease)
            elif entry.kind in HANDS and lease.epoch == 1:
                self.cases[case] = Seen(lease)
            elif entry.kind in HANDS:
                self._changes_hands(self.cases[case], entry, lease)

    def _changes_hands(self, case: Seen, entry: Entry, lease: Lease) -> None:
        was, case.lease = case.lease, lease
        is_next = lease.epoch == was.epoch + 1
        match entry.kind:
            case "lease":
                is_right = lease.holder == entry.actor and case.reaching > 0
            case "handback":
                is_right = was.holder == entry.actor and lease.holder == "agent:support"
            case _:
                may = was.holder == "agent:support" or was.holder in self.left
                is_right = may and lease.holder.startswith("queue:")
        if not (is_next and is_right):
            self.wrong.append(f"{entry.kind} from {was} to {lease} by {entry.actor}")

    def began(self, outgoing: Outgoing) -> Seen:
        """A send begins: under the lease of its decision, and nobody is reaching for the case."""
        name, lease = self.decided[outgoing.key]
        case = self.cases[name]
        if case.registered:
            case.registered -= 1
        elif lease != case.lease:
            self.wrong.append(f"a send of {lease} begins under {case.lease}")
        elif case.reaching and lease.holder.startswith("agent:"):
            self.wrong.append(f"a send of {lease} begins while somebody takes the case over")
        if outgoing.to != self.of[outgoing.in_reply_to]:
            self.wrong.append(f"{outgoing} goes where it was not asked")
        return case
