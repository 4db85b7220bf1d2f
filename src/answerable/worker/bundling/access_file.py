"""What an access request is answered with, in the order of `about.json`. The names of the fields
are a promise: docs/forget.md says what each group holds."""

from dataclasses import dataclass

FORMAT = "answerable/about-party/1"
Content = dict[str, object] | str
"""What a body says: a text, or the fields of a message or of a proposal."""


@dataclass(frozen=True, slots=True)
class Identifier:
    kind: str
    display: str  # as its messages show it


@dataclass(frozen=True, slots=True)
class HeldCase:
    case: str
    agent: str
    holder: str
    queue: str  # where it waits for people
    code: str  # why it waits


@dataclass(frozen=True, slots=True)
class SentReply:
    effect: str
    at: str
    rail: str
    text: str


@dataclass(frozen=True, slots=True)
class HeldDecision:
    """`owner` answers for it; `decided_by` are the persons who decided it or said yes or no."""

    decision: str
    index: int
    at: str
    agent: str
    release: str
    model: str
    action: str
    exact: str
    verdict: str
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    inputs: dict[str, object]
    owner: str
    owner_name: str
    decided_by: tuple[str, ...]
    effect: str
    status: str
    attempt: int
    expires_at: str  # when a hold becomes a no
    ended: tuple[str, ...]  # what became of it, a sentence each


@dataclass(frozen=True, slots=True)
class HeldStep:
    """What a turn recorded: calls of tools that only read, of models, and what came back."""

    name: str
    result: str


@dataclass(frozen=True, slots=True)
class HeldMessage:
    interaction: str
    case: str
    at: str
    rail: str
    sender: str
    subject: str
    text: str
    external_id: str
    disposition: str
    is_withheld: bool  # its words and all that came of them: see `withheld`
    replies: tuple[SentReply, ...] = ()
    decisions: tuple[HeldDecision, ...] = ()
    steps: tuple[HeldStep, ...] = ()


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    interaction: str
    rail: str
    at: str
    sender: str
    subject: str
    text: str
    is_withheld: bool


@dataclass(frozen=True, slots=True)
class HeldEntry:
    index: int
    at: str
    kind: str
    id: str
    what: str
    accountable: str
    content: Content  # empty where it has no body, or one that is withheld


@dataclass(frozen=True, slots=True)
class NotGiven:
    """`why`: not_allowed, erased, archived or damaged; `where` names an archive."""

    index: int
    why: str
    where: str


@dataclass(frozen=True, slots=True)
class About:
    format: str
    party: str
    origin: str  # of the log
    made_at: str
    by: str
    read: int  # index of the entry that says that this was given
    states: tuple[str, ...]  # stops, legal holds, requests to erase
    identifiers: tuple[Identifier, ...]
    cases: tuple[HeldCase, ...]
    messages: tuple[HeldMessage, ...]  # oldest first in each case
    waiting: tuple[WaitingMessage, ...]  # accepted, and not taken up yet
    entries: tuple[HeldEntry, ...]  # of the ledger, oldest first
    withheld: tuple[NotGiven, ...]
