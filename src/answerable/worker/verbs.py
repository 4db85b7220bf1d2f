"""The public commands as they travel: one typed struct a verb, tagged by `noun.verb`."""

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec

from answerable.base.errors import UsageError
from answerable.pipeline.receive import Incoming

ROWS_MAX = 1_000
_TIME_MAX = 2**53 - 1

Limit = Annotated[int, msgspec.Meta(ge=1, le=ROWS_MAX)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=60)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Index = Annotated[int, msgspec.Meta(ge=0, le=_TIME_MAX)]


class MessagesAccept(msgspec.Struct, frozen=True, tag="messages.accept"):
    messages: tuple[Incoming, ...]


class PersonAdd(msgspec.Struct, frozen=True, tag="person.add"):
    email: str
    name: str


class PersonLeave(msgspec.Struct, frozen=True, tag="person.leave"):
    person: str


class PersonList(msgspec.Struct, frozen=True, tag="person.list"): ...


class OwnerAccept(msgspec.Struct, frozen=True, tag="owner.accept"):
    agent: str
    person: str


class AgentList(msgspec.Struct, frozen=True, tag="agent.list"): ...


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Stop (or let go) an agent, or everything with scope `*`."""

    scope: str
    by: str
    is_on: bool = True


class ApprovalList(msgspec.Struct, frozen=True, tag="approval.list"):
    limit: Limit = 100


class ApprovalAnswer(msgspec.Struct, frozen=True, tag="approval.answer"):
    effect: str
    by: str
    says: Literal["grant", "refuse"]
    wait_s: Seconds = 5.0  # how long to wait for what came of it


class UnknownList(msgspec.Struct, frozen=True, tag="effect.unknown"):
    """Effects of which only a person can say how they ended."""

    limit: Limit = 100


class EffectSettle(msgspec.Struct, frozen=True, tag="effect.settle"):
    effect: str
    by: str
    says: Literal["done", "not_done"]
    wait_s: Seconds = 5.0


class DeskList(msgspec.Struct, frozen=True, tag="desk.list"):
    queue: str | None = None
    since: Index = 0  # waiting since then or later, microseconds UTC
    limit: Limit = 100


class DeskTake(msgspec.Struct, frozen=True, tag="desk.take"):
    case: str
    by: str


class DeskSay(msgspec.Struct, frozen=True, tag="desk.reply"):
    """`interaction` is the message that is answered; the case's last one if empty.

    The same `key` again is the same reply, said once: so a command whose answer was lost can be
    repeated.
    """

    case: str
    by: str
    text: str
    interaction: str = ""
    key: str = ""
    wait_s: Seconds = 5.0  # how long to wait for what came of it


class DeskHandback(msgspec.Struct, frozen=True, tag="desk.handback"):
    case: str
    by: str


class CaseShow(msgspec.Struct, frozen=True, tag="case.show"):
    case: str


class DecisionWho(msgspec.Struct, frozen=True, tag="decision.who"):
    """Of one decision, or of one drawn by chance if `decision` is empty (`draw` is the chance)."""

    decision: str = ""
    draw: Share = 0.0


class LedgerCheckpoint(msgspec.Struct, frozen=True, tag="ledger.checkpoint"): ...


class LedgerProve(msgspec.Struct, frozen=True, tag="ledger.prove"):
    index: Index


class Status(msgspec.Struct, frozen=True, tag="status"): ...


Verb = (
    MessagesAccept
    | PersonAdd
    | PersonLeave
    | PersonList
    | OwnerAccept
    | AgentList
    | Stop
    | ApprovalList
    | ApprovalAnswer
    | UnknownList
    | EffectSettle
    | DeskList
    | DeskTake
    | DeskSay
    | DeskHandback
    | CaseShow
    | DecisionWho
    | LedgerCheckpoint
    | LedgerProve
    | Status
)


class Asked(msgspec.Struct, frozen=True):
    """One request on the socket; answers may come in any order."""

    id: int
    verb: Verb


class Told(msgspec.Struct, frozen=True):
    """One answer: `result` as JSON, or an error with the three sentences and its code."""

    id: int
    result: msgspec.Raw = msgspec.Raw(b"null")
    code: str = ""
    happened: str = ""
    not_done: str = ""
    next_command: str = ""
    exit_code: int = 0
    retry_after_s: float = 0.0


_encode = msgspec.json.Encoder().encode
_decode: Callable[[bytes], Verb] = msgspec.json.Decoder(Verb).decode


def encode_asked(asked: Asked) -> bytes:
    """As it travels. Raises UsageError where a text is not Unicode."""
    try:
        return _encode(asked)
    except UnicodeEncodeError:
        raise UsageError(
            "The command holds text that is not Unicode.", "Nothing was sent.", "correct its text"
        ) from None


def decode_verb(data: bytes) -> Verb:
    """A command, checked. Raises UsageError that says what is wrong with it."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            f"That is no command: {error}.", "Nothing was done.", "answerable --help"
        ) from None
