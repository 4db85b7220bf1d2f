"""What came in and what became of it: messages, interactions, cases, parties."""

from dataclasses import dataclass

import msgspec

from answerable.rails.port import Incoming
from answerable.worker.verbs.base import Index, Limit, Seconds, Word


class MessagesAccept(msgspec.Struct, frozen=True, tag="messages.accept"):
    messages: tuple[Incoming, ...]


class CaseList(msgspec.Struct, frozen=True, tag="case.list"):
    """Newest first, older than `before` (a case's id) where it is given."""

    agent: Word = ""
    party: Word = ""
    holder: Word = ""  # `agent`, `people`, or a holder as it is written
    before: Word = ""
    limit: Limit = 50


@dataclass(frozen=True, slots=True)
class CaseRow:
    case: str
    agent: str
    party: str
    holder: str
    epoch: int
    interactions: int
    last_at: str
    last: str  # disposition of its newest interaction


class CaseShow(msgspec.Struct, frozen=True, tag="case.show"):
    """Its newest messages, newest first, older than `before` (an interaction's id) if given."""

    case: Word
    before: Word = ""
    limit: Limit = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of a case and what was decided about it."""

    interaction: str
    at: str
    sender: str
    text: str
    disposition: str
    effects: tuple[str, ...]
    replies: tuple[str, ...] = ()  # what was said to it, as it was sent


@dataclass(frozen=True, slots=True)
class CaseView:
    case: str
    holder: str
    epoch: int
    party: str
    messages: tuple[Shown, ...]
    agent: str = ""
    queue: str = ""  # where it waits for people, and why
    code: str = ""
    reason: str = ""  # the escalation's words


class CaseFeed(msgspec.Struct, frozen=True, tag="case.feed"):
    """Entries after feed position `after`, of one case (or all); waits up to `wait_s` for one."""

    case: Word = ""
    after: Index = 0
    limit: Limit = 100
    wait_s: Seconds = 0.0


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry of the feed, without its body."""

    position: int  # the cursor to go on from
    seq: int
    at: str
    kind: str
    id: str
    case: str
    interaction: str
    agent: str
    summary: str  # a sentence without personal data


@dataclass(frozen=True, slots=True)
class FeedPage:
    events: tuple[Happened, ...]
    cursor: int  # ask again with this; nothing between two pages is left out


class InteractionList(msgspec.Struct, frozen=True, tag="interaction.list"):
    """Newest first."""

    agent: Word = ""
    disposition: Word = ""
    before: Word = ""
    limit: Limit = 50


@dataclass(frozen=True, slots=True)
class InteractionRow:
    interaction: str
    case: str
    agent: str
    at: str
    rail: str
    disposition: str


class InteractionFind(msgspec.Struct, frozen=True, tag="interaction.find"):
    """By the id that the sender's side gave it. Raises NotFound."""

    rail: Word
    external_id: Word


class InteractionShow(msgspec.Struct, frozen=True, tag="interaction.show"):
    """`wait_s`: how long to wait for it to end."""

    interaction: Word
    wait_s: Seconds = 0.0


class InteractionHear(msgspec.Struct, frozen=True, tag="interaction.hear"):
    """What the model has said about it in this life of the worker, as it comes: after so many
    characters, or all of it where it has not said so much (a new life thinks anew)."""

    interaction: Word
    after: Index = 0


@dataclass(frozen=True, slots=True)
class Overheard:
    """Thoughts: nothing of it was decided, or said to anybody."""

    text: str
    cursor: int  # ask again with this


@dataclass(frozen=True, slots=True)
class StageView:
    """One of the seven stages of one pass: what went in, what came out, how long it took."""

    name: str
    took_us: int  # -1 where it was not measured: another life, or dropped telemetry
    said: tuple[str, ...]  # what it found, in sentences


@dataclass(frozen=True, slots=True)
class DecisionLine:
    decision: str
    effect: str
    action: str  # `refund of 39.90 USD`, `reply by email`
    exact: str  # the arguments or the text; empty where the body is erased
    verdict: str
    rules: tuple[str, ...]
    status: str
    attempt: int
    index: int
    owner: str
    owner_name: str


@dataclass(frozen=True, slots=True)
class EntryLine:
    index: int
    at: str
    kind: str
    id: str
    summary: str


@dataclass(frozen=True, slots=True)
class InteractionView:
    """Why did it do that?"""

    interaction: str
    case: str
    party: str
    agent: str
    release: str
    rail: str
    at: str
    sender: str
    text: str
    disposition: str
    is_escalated: bool
    replies: tuple[str, ...]  # what was sent
    stages: tuple[StageView, ...]
    decisions: tuple[DecisionLine, ...]
    steps: tuple[str, ...]  # recorded steps, by name
    entries: tuple[EntryLine, ...]


class PartyList(msgspec.Struct, frozen=True, tag="party.list"):
    before: Word = ""
    limit: Limit = 50


@dataclass(frozen=True, slots=True)
class PartyRow:
    party: str
    cases: int
    interactions: int
    is_stopped: bool


class PartyShow(msgspec.Struct, frozen=True, tag="party.show"):
    party: Word


@dataclass(frozen=True, slots=True)
class PartyView:
    party: str
    identifiers: tuple[str, ...]  # `email kim@example.org`, as it last wrote
    states: tuple[str, ...]
    cases: tuple[CaseRow, ...]
    entries: int  # the party's own counter: `sseq` runs 1..n
