"""Where people answer: holds, unknown effects, and the cases that wait for them."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from answerable.worker.verbs.base import Index, Limit, Seconds, Word


class ApprovalList(msgspec.Struct, frozen=True, tag="approval.list"):
    """Longest waiting first; only the one of `effect`, where that is given. Raises HoldEnded."""

    limit: Limit = 100
    agent: Word = ""
    effect: Word = ""


class ApprovalAnswer(msgspec.Struct, frozen=True, tag="approval.answer"):
    effect: Word
    by: Word
    says: Literal["grant", "refuse"]
    wait_s: Seconds = 5.0  # how long to wait for what came of it


class UnknownList(msgspec.Struct, frozen=True, tag="effect.unknown"):
    """Effects of which only a person can say how they ended."""

    limit: Limit = 100


class EffectSettle(msgspec.Struct, frozen=True, tag="effect.settle"):
    effect: Word
    by: Word
    says: Literal["done", "not_done"]
    wait_s: Seconds = 5.0


@dataclass(frozen=True, slots=True)
class HoldRow:
    """Enough to decide on: what exactly, how much, for whom, why it is asked, until when."""

    effect: str
    agent: str
    case: str
    action: str
    exact: str
    amount_minor: int
    currency: str
    status: str
    expires_at: str
    ask: str = ""  # the queue or role that the policy's `@hold` names
    interaction: str = ""
    decision: str = ""
    rules: tuple[str, ...] = ()  # which rules asked for a person
    owner: str = ""
    owner_name: str = ""
    message: str = ""  # what the party wrote
    sender: str = ""
    in_the_way: str = ""  # why a yes would not be taken now, in words; empty where it would
    then: str = ""  # what to do about that


@dataclass(frozen=True, slots=True)
class Answered:
    """Where the effect stands after the answer; `held` if it is still on its way."""

    effect: str
    status: str
    said: str = ""  # what the ledger says of it last, in words; empty while it is on its way


class DeskList(msgspec.Struct, frozen=True, tag="desk.list"):
    queue: Word | None = None
    since: Index = 0  # waiting since then or later, microseconds UTC
    limit: Limit = 100


class DeskTake(msgspec.Struct, frozen=True, tag="desk.take"):
    case: Word
    by: Word


class DeskSay(msgspec.Struct, frozen=True, tag="desk.reply"):
    """`interaction` is the message that is answered; the case's last one if empty.

    The same `key` again is the same reply, said once: so a command whose answer was lost can be
    repeated.
    """

    case: Word
    by: Word
    text: str
    interaction: Word = ""
    key: Word = ""
    wait_s: Seconds = 5.0  # how long to wait for what came of it


class DeskHandback(msgspec.Struct, frozen=True, tag="desk.handback"):
    case: Word
    by: Word


class DeskGiveBack(msgspec.Struct, frozen=True, tag="desk.giveback"):
    """Give an agent back the cases that wait at the desk for one reason and that nobody has taken.

    Up to `limit` of them at once; where it is not `is_meant`, what would be given back is said.
    """

    agent: Word
    by: Word
    code: Word = "stopped"
    limit: Limit = 100
    is_meant: bool = False


@dataclass(frozen=True, slots=True)
class GivenBack:
    agent: str
    code: str
    moved: int  # cases that are the agent's again, by this command
    left: int  # that wait for this reason still
    others: dict[str, int]  # that wait for other reasons, and stay
    states: tuple[str, ...]  # stops that bear on the agent now


@dataclass(frozen=True, slots=True)
class Said:
    """The specialist's reply is durable; `status` is `accepted`, or its effect's."""

    reply: str
    interaction: str
    status: str
