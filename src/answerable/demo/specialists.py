"""The scripted people of the day: they answer holds and work the desk through public commands.

Some holds they never answer, so that silence becomes no; most of the desk they leave waiting.
"""

import asyncio
import contextlib
from random import Random

from answerable.base.errors import AnswerableError
from answerable.demo.driver import Line
from answerable.demo.house import outside_of
from answerable.demo.outside_client import OutsideClient
from answerable.demo.stage import Stage
from answerable.demo.wire import socket_path
from answerable.desk.domain import QueueItem
from answerable.pipeline.desk import Taken
from answerable.worker import verbs
from answerable.worker.client import RemoteError
from answerable.worker.verbs.base import Done
from answerable.worker.verbs.desk import Answered, HoldRow, Said

SPECIALIST = "sam@brindlewick.example"

_ROUND_S = 0.4
_GRANTED, _REFUSED = 0.70, 0.85  # beyond: never answered
_WORKED = 0.15  # the share of escalations that a person takes up within the day
_PAGE = 200


class Specialists:
    """Two pairs of hands: one for holds and unknowns, one for the desk."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._random = Random(f"people:{stage.seed}")
        self._line = Line(stage)
        self._seen: set[str] = set()
        self._since = 0
        self._outside = OutsideClient(socket_path(outside_of(stage.home)))

    async def work(self, ended: asyncio.Event) -> None:
        """Until the day has ended."""
        while not ended.is_set():
            with contextlib.suppress(RemoteError):
                await self._holds()
                await self._desk()
                await self._unknowns()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), _ROUND_S)
        await self._line.close()
        await self._outside.close()

    async def _holds(self) -> None:
        for hold in await self._line.call(verbs.ApprovalList(limit=_PAGE), list[HoldRow]):
            if hold.effect in self._seen:
                continue
            self._seen.add(hold.effect)
            roll = self._random.random()
            if roll >= _REFUSED:
                continue
            await self._say(
                verbs.ApprovalAnswer(
                    effect=hold.effect, by=SPECIALIST, wait_s=0.0,
                    says="grant" if roll < _GRANTED else "refuse",
                )
            )  # fmt: skip

    async def _desk(self) -> None:
        items = await self._line.call(
            verbs.DeskList(since=self._since, limit=_PAGE), list[QueueItem]
        )
        picked = []
        for item in items:
            self._since = max(self._since, item.since)
            if item.taken_by or item.case in self._seen or self._random.random() >= _WORKED:
                continue
            self._seen.add(item.case)
            picked.append(self._work_on(item))
        await asyncio.gather(*picked)

    async def _work_on(self, item: QueueItem) -> None:
        """Take the case, answer, give it back; the same words if a kill makes us ask twice."""
        text = "A person has looked at this and will see it through."
        say = verbs.DeskSay(item.case, SPECIALIST, text, item.interaction, key=item.interaction)
        with contextlib.suppress(RemoteError):  # the case has changed hands meanwhile
            await self._line.call(verbs.DeskTake(item.case, SPECIALIST), Taken)
            await self._line.call(say, Said)
            await self._line.call(verbs.DeskHandback(item.case, SPECIALIST), Done)

    async def _unknowns(self) -> None:
        """Only a person can say: they look into the other side's books themselves."""
        for row in await self._line.call(verbs.UnknownList(limit=_PAGE), list[HoldRow]):
            door = "mail.find" if row.action.startswith("reply") else "shop.find"
            with contextlib.suppress(AnswerableError):
                answer = await self._outside.call(door, 1.0, key=row.effect)
                await self._say(
                    verbs.EffectSettle(
                        effect=row.effect, by=SPECIALIST, wait_s=0.0,
                        says="done" if answer.times else "not_done",
                    )
                )  # fmt: skip

    async def _say(self, verb: verbs.ApprovalAnswer | verbs.EffectSettle) -> None:
        with contextlib.suppress(RemoteError):  # expired or answered meanwhile: nothing to do
            await self._line.call(verb, Answered)
