"""The witness: one log after the other, each request of a log after the one before it."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from answerable.base import faults
from answerable.base.clock import SECOND_US, Clock
from answerable.ledger.cosignature import CosignerKey
from answerable.store.threads import beside_the_loop
from answerable.witness.domain import (
    check_continues,
    check_signed,
    is_fork,
    parse_request,
    signed_by_log,
)
from answerable.witness.errors import NotCosigned
from answerable.witness.keys import Cosigner
from answerable.witness.state import LogFiles

log = logging.getLogger("answerable.witness")


class Witness:
    """Cosigns what continues all that it has cosigned, and nothing else."""

    def __init__(self, state: Path, cosigners: Sequence[Cosigner], clock: Clock) -> None:
        self._state = state
        self._cosigners = tuple(cosigners)
        self._clock = clock
        self._turns: dict[str, asyncio.Lock] = {}

    @property
    def keys(self) -> list[CosignerKey]:
        return [each.key for each in self._cosigners]

    async def add_checkpoint(self, data: bytes) -> str:
        """The cosignature lines for a request's checkpoint, which is durable by then.

        Raises NotCosigned, and Broken where the disk or a file of ours fails: nothing was signed.
        """
        request = parse_request(data)
        files = LogFiles(self._state, request.head.origin)
        keys = await beside_the_loop(files.known)
        check_signed(request, keys)
        signed = signed_by_log(request, keys)
        # Looking and keeping are one step: two requests at once could else roll each other back.
        async with self._turns.setdefault(request.head.origin, asyncio.Lock()):
            seen = await beside_the_loop(partial(files.seen, self.keys))
            try:
                check_continues(request, seen)
            except NotCosigned:
                if is_fork(request, seen):
                    log.error("'%s' signed two trees of %d", request.head.origin, seen.size)
                    await beside_the_loop(partial(files.keep_fork, signed))
                raise
            at_s = max(self._clock.now() // SECOND_US, seen.at_s)  # a clock may be put back
            lines = "".join(each.line(request.body, at_s) for each in self._cosigners)
            await faults.point("witness.before_keep")
            await beside_the_loop(partial(files.keep, signed + lines))
            await faults.point("witness.after_keep")
            return lines
