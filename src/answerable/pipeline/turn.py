"""A turn's own machinery: its steps, recorded once; its code, which may not end the process."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable

from answerable.base.ids import kin
from answerable.cases.domain import Message
from answerable.ledger.draft import Body, Memo
from answerable.pipeline.barrier import commit
from answerable.pipeline.hall import Hall
from answerable.pipeline.history import history_of
from answerable.pipeline.passage import Routed
from answerable.sdk.context import AuthorExit, Context, TurnDiverged
from answerable.sdk.history import Said


class Turn:
    """Where a turn's steps are remembered: one record each, read back in the next life.

    A step's write is a task of its own: whatever the author's code does with its step, the write
    ends, and `ended` waits for it. What fails there is ours, not the author's, and is raised there.
    """

    def __init__(self, hall: Hall, routed: Routed) -> None:
        self._hall = hall
        self._received = routed.resolved.received
        self._case = routed.resolved.case.id
        self._kid = routed.resolved.party.kid
        self._prefix = f"{kin('stp', self._received.interaction, 0)}/"
        self._writes: list[asyncio.Task[None]] = []
        self._is_over = False

    async def remember(self, key: str, compute: Callable[[], Awaitable[bytes]]) -> bytes:
        step, _, digest = key.rpartition("/")
        if digest:  # of its arguments: keyed, so that nobody without the key can guess them
            digest = self._hall.keyring.commit(self._kid, "step", digest.encode())
        name = f"{self._prefix}{step}/{digest}"
        known = self._received.journey.memo.get(name)
        if known is not None:
            return self._hall.keyring.open(known.data.decode(), known.key, known.body or b"")
        self._check_same(name)
        result = await compute()
        if self._is_over:
            raise RuntimeError("this turn has ended; its steps are not recorded any more")
        journey = self._received.journey
        journey.unit.memos.append(Memo(key=name, body=Body(kid=self._kid, data=result)))
        write = asyncio.create_task(self._write(), context=contextvars.Context())  # not its code
        self._writes.append(write)
        await asyncio.shield(write)
        return result

    async def ended(self) -> None:
        """No step is recorded from here on; those on their way are durable. Raises what failed."""
        self._is_over = True
        if self._writes:
            await asyncio.wait(self._writes)
        for write in self._writes:
            write.result()

    async def history(self, limit: int) -> tuple[Said, ...]:
        return await history_of(self._hall, self._case, self._received.interaction, limit)

    def now(self) -> int:
        return self._hall.clock.now()

    def seed(self) -> int:
        return int.from_bytes(self._hall.chance.token(8), "big")

    async def _write(self) -> None:
        await commit(self._hall, self._received.journey)

    def _check_same(self, name: str) -> None:
        """The same step of an earlier life must have been asked the same question."""
        step, _, _ = name.rpartition("/")
        for known in self._received.journey.memo:
            if known.startswith(self._prefix) and known.rpartition("/")[0] == step:
                raise TurnDiverged(name.removeprefix(self._prefix).rpartition("/")[0])


async def handle(
    handler: Callable[..., Awaitable[object]], context: Context, message: Message
) -> object:
    try:
        return await handler(context, message)
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:  # a task that raises this ends the process, not the turn
        raise AuthorExit(type(error).__name__) from error
