"""The outside's two doors as the platform sees them: a shop behind a tool, a mailbox as a rail."""

from pathlib import Path
from typing import Literal

from answerable.base.money import Money
from answerable.demo.outside_client import (
    OutsideClient,
    OutsideRefused,
    OutsideSilent,
    OutsideUnreachable,
)
from answerable.demo.shop import Order
from answerable.demo.wire import Answer, socket_path
from answerable.effects.errors import NotDone, OutcomeUnknown
from answerable.rails.port import Outgoing

TIMEOUT_S = 0.5
_LOOK_UPS = 4


class _Door:
    """Calls the outside and says in our words what came of it."""

    def __init__(self, outside: Path) -> None:
        self._client = OutsideClient(socket_path(outside))

    async def _do(self, door: str, **fields: str | int) -> str:
        try:
            answer = await self._client.call(door, TIMEOUT_S, **fields)
        except OutsideRefused as refused:
            raise NotDone(refused.why, is_final=refused.why == "no_such_order") from None
        except OutsideUnreachable:
            raise NotDone("unreachable") from None
        except OutsideSilent:
            raise OutcomeUnknown("no answer") from None
        return answer.receipt

    async def _find(self, door: str, key: str) -> str | None:
        try:
            answer = await self._client.call(door, TIMEOUT_S, key=key)
        except (OutsideRefused, OutsideUnreachable, OutsideSilent):
            raise OutcomeUnknown("the look-up failed") from None
        if answer.state == "pending":
            raise OutcomeUnknown("still under way")
        return answer.receipt if answer.state == "done" else None


class Shop(_Door):
    """Orders and refunds."""

    async def find_order(self, number: str) -> Order | None:
        """Reading may be repeated at will, so it is, before giving up."""
        for _ in range(_LOOK_UPS):
            try:
                answer: Answer = await self._client.call("shop.order", TIMEOUT_S, order=number)
            except (OutsideRefused, OutsideUnreachable, OutsideSilent):
                continue
            return answer.order
        raise ConnectionError("the shop does not answer")

    async def refund(self, key: str, order: str, amount: Money) -> str:
        return await self._do(
            "shop.refund", key=key, order=order, amount_minor=amount.amount_minor,
            currency=amount.currency,
        )  # fmt: skip

    async def find_refund(self, key: str) -> str | None:
        return await self._find("shop.find", key)


class Mail(_Door):
    """A rail: both of the day's rails end in the one mailbox."""

    repeat: Literal["reconcilable"] = "reconcilable"

    def __init__(self, outside: Path, *, rail: str, identifier_kind: str) -> None:
        super().__init__(outside)
        self._rail = rail
        self.identifier_kind = identifier_kind

    async def send(self, outgoing: Outgoing) -> str:
        return await self._do(
            "mail.send", key=outgoing.key, to=outgoing.to, in_reply_to=outgoing.in_reply_to,
            rail=self._rail, text=outgoing.text,
        )  # fmt: skip

    async def find(self, key: str) -> str | None:
        return await self._find("mail.find", key)
