"""What just happened, told to who waits for it: people act when it matters, not only now and then.

A race that needs somebody in the middle of something is drawn by chance once in a thousand worlds.
Who is told that the middle is now is there in every third.
"""

import asyncio
from dataclasses import dataclass
from typing import Literal

from answerable.ledger.domain import Entry

Kind = Literal[
    "queued",
    "held",
    "granted",
    "acting",
    "begun",
    "dragging",
    "looked up",
    "retry",
    "unknown",
    "asked",
]


@dataclass(frozen=True, slots=True)
class Moment:
    """Something about one effect: it was held, its call began, nobody knows how it ended, ...; or a
    case that waits at the desk."""

    kind: Kind
    effect: str
    name: str  # the tool, or the rail of a reply
    agent: str
    case: str
    party: str


class Moments:
    """Nothing is kept for who comes later: a moment is over when it was told."""

    def __init__(self) -> None:
        self._waiting: list[tuple[frozenset[Kind], asyncio.Future[Moment]]] = []

    def tell(self, kind: Kind, entry: Entry) -> None:
        """Everybody who waits for this kind, in the order in which they began to. `entry` is the
        effect's decision, or the case's escalation."""
        if not any(kind in kinds for kinds, _ in self._waiting):
            return
        moment = Moment(
            kind, entry.effect.id if entry.effect else "",
            entry.action.name if entry.action else "", entry.agent.id if entry.agent else "",
            entry.case, entry.subject.pid if entry.subject else "",
        )  # fmt: skip
        self._tell(moment)

    def _tell(self, moment: Moment) -> None:
        for kinds, waiting in self._waiting:
            if moment.kind in kinds and not waiting.done():
                waiting.set_result(moment)

    def tell_acting(self) -> bool:
        """A worker is about to touch the world, for which effect only it knows. Whether anybody
        was waiting for that."""
        self._tell(Moment("acting", "", "", "", "", ""))
        return any("acting" in kinds for kinds, _ in self._waiting)

    async def next(self, *kinds: Kind, within_s: float) -> Moment | None:
        """The next one of these kinds; None if there is none in that time."""
        told: asyncio.Future[Moment] = asyncio.get_running_loop().create_future()
        one = (frozenset(kinds), told)
        self._waiting.append(one)
        try:
            async with asyncio.timeout(within_s):
                return await told
        except TimeoutError:
            return None
        finally:
            self._waiting.remove(one)
