"""A tool's arguments say what they hold: no amount passes where limits and policy do not look."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from answerable import Agent, Money, ToolCall
from answerable.testing.world import OWNER


@dataclass(frozen=True)
class Line:
    order: str
    price: Money
    more: "list[Line] | None" = None


@dataclass(frozen=True)
class Loose:
    order: str
    rest: dict[str, Any]


class Opaque:
    pass


def declare(kind: object) -> None:
    agent = Agent("support", owner=OWNER, desk="orders", purpose="pay")

    async def pay(call: ToolCall, it: object) -> str:
        return call.key

    pay.__annotations__["it"] = kind
    register: Callable[..., Any] = agent.tool(effect="refund", repeat="idempotent")
    register(pay)


@pytest.mark.parametrize(
    "kind",
    [str, int, Money, Line, list[Line], dict[str, Money], Money | None, Literal["a", "b"],
     tuple[int, ...]],
)  # fmt: skip
def test_what_says_what_it_holds_is_taken(kind: object) -> None:
    declare(kind)


@pytest.mark.parametrize(
    "kind",
    [Any, object, dict, list, dict[str, Any], list[object], Loose, Opaque, Money | dict],
)
def test_what_may_hold_an_amount_unseen_is_refused(kind: object) -> None:
    with pytest.raises(ValueError, match="may hold anything"):
        declare(kind)
