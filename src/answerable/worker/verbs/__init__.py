"""The public commands as they travel: one typed struct a verb, tagged by `noun.verb`, and beside
each the shape of what it answers. Faces need nothing else of the worker."""

import re
from collections.abc import Callable

import msgspec

from answerable.base.errors import UsageError
from answerable.worker.verbs.access import PartyExport
from answerable.worker.verbs.archives import ArchiveRead, LedgerArchive
from answerable.worker.verbs.bundles import LedgerExport
from answerable.worker.verbs.cases import (
    CaseFeed,
    CaseList,
    CaseShow,
    InteractionFind,
    InteractionHear,
    InteractionList,
    InteractionShow,
    MessagesAccept,
    PartyList,
    PartyShow,
)
from answerable.worker.verbs.completeness import LedgerClose
from answerable.worker.verbs.control import (
    AgentList,
    AgentShow,
    Overview,
    ReleaseList,
    Status,
    Stop,
    StopList,
)
from answerable.worker.verbs.desk import (
    ApprovalAnswer,
    ApprovalList,
    DeskGiveBack,
    DeskHandback,
    DeskList,
    DeskSay,
    DeskTake,
    EffectSettle,
    UnknownList,
)
from answerable.worker.verbs.forget import (
    ErasureList,
    PartyErase,
    PartyErasing,
    PartyHold,
    PartyReleaseHold,
)
from answerable.worker.verbs.people import (
    KeyAdd,
    KeyCheck,
    KeyDerive,
    KeyList,
    KeyRevoke,
    OwnerAccept,
    OwnerDelegate,
    OwnerSet,
    OwnerShow,
    PersonAdd,
    PersonLeave,
    PersonLeaving,
    PersonList,
)
from answerable.worker.verbs.proofs import (
    BackupWrite,
    DecisionExplain,
    DecisionList,
    DecisionShow,
    DecisionWho,
    EffectShow,
    LedgerCheckpoint,
    LedgerProve,
    LedgerSearch,
    PolicyDryRun,
    PolicyExplain,
)
from answerable.worker.verbs.reading import DecisionRead
from answerable.worker.verbs.receipts import LedgerReceipt
from answerable.worker.verbs.roles import RoleSet

Verb = (
    MessagesAccept
    | CaseList
    | CaseShow
    | CaseFeed
    | InteractionList
    | InteractionFind
    | InteractionHear
    | InteractionShow
    | PartyList
    | PartyShow
    | AgentList
    | AgentShow
    | Stop
    | StopList
    | ReleaseList
    | Status
    | Overview
    | ApprovalList
    | ApprovalAnswer
    | UnknownList
    | EffectSettle
    | DeskList
    | DeskTake
    | DeskSay
    | DeskHandback
    | DeskGiveBack
    | PersonAdd
    | PersonLeave
    | PersonLeaving
    | RoleSet
    | PersonList
    | OwnerSet
    | OwnerAccept
    | OwnerDelegate
    | OwnerShow
    | KeyAdd
    | KeyDerive
    | KeyList
    | KeyRevoke
    | KeyCheck
    | DecisionWho
    | DecisionList
    | DecisionShow
    | DecisionExplain
    | DecisionRead
    | EffectShow
    | LedgerSearch
    | LedgerCheckpoint
    | LedgerProve
    | LedgerClose
    | PolicyExplain
    | PolicyDryRun
    | BackupWrite
    | LedgerArchive
    | ArchiveRead
    | PartyHold
    | PartyReleaseHold
    | PartyErasing
    | PartyErase
    | ErasureList
    | PartyExport
    | LedgerExport
    | LedgerReceipt
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
    http_status: int = 500
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
            f"{_told(str(error))}.", "Nothing was done.", "answerable --help"
        ) from None


_OF_FIELD = re.compile(r"(?P<what>.*) - at `\$\.(?P<field>\w+)`")
_TOO_LONG = re.compile(r"Expected `str` of length <= (?P<most>\d+)")


def _told(said: str) -> str:
    """What a decoder says of a command, as who typed it can use it."""
    found = _OF_FIELD.fullmatch(said)
    if found is None:
        return f"That is no command: {said}"
    long = _TOO_LONG.fullmatch(found["what"])
    if long is None:
        return f"'{found['field']}' is not as it must be: {found['what']}"
    return f"'{found['field']}' is longer than {long['most']} characters"


__all__ = [
    "AgentList",
    "AgentShow",
    "ApprovalAnswer",
    "ApprovalList",
    "ArchiveRead",
    "Asked",
    "BackupWrite",
    "CaseFeed",
    "CaseList",
    "CaseShow",
    "DecisionExplain",
    "DecisionList",
    "DecisionRead",
    "DecisionShow",
    "DecisionWho",
    "DeskGiveBack",
    "DeskHandback",
    "DeskList",
    "DeskSay",
    "DeskTake",
    "EffectSettle",
    "EffectShow",
    "ErasureList",
    "InteractionFind",
    "InteractionHear",
    "InteractionList",
    "InteractionShow",
    "KeyAdd",
    "KeyCheck",
    "KeyDerive",
    "KeyList",
    "KeyRevoke",
    "LedgerArchive",
    "LedgerCheckpoint",
    "LedgerClose",
    "LedgerExport",
    "LedgerProve",
    "LedgerReceipt",
    "LedgerSearch",
    "MessagesAccept",
    "Overview",
    "OwnerAccept",
    "OwnerDelegate",
    "OwnerSet",
    "OwnerShow",
    "PartyErase",
    "PartyErasing",
    "PartyExport",
    "PartyHold",
    "PartyList",
    "PartyReleaseHold",
    "PartyShow",
    "PersonAdd",
    "PersonLeave",
    "PersonLeaving",
    "PersonList",
    "PolicyDryRun",
    "PolicyExplain",
    "ReleaseList",
    "RoleSet",
    "Status",
    "Stop",
    "StopList",
    "Told",
    "UnknownList",
    "Verb",
    "decode_verb",
    "encode_asked",
]
