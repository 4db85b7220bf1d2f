"""How far an interaction is: one frozen type a stage, each holding the one before."""

from dataclasses import dataclass

import msgspec

from answerable.agents.domain import Release
from answerable.base.ids import kin
from answerable.cases.domain import Case, Message
from answerable.effects.domain import EffectState, Status
from answerable.effects.intent import Action
from answerable.engine.port import Arrival, Record
from answerable.ledger.domain import ModelUse, Owner
from answerable.ledger.draft import Unit
from answerable.parties.domain import Party
from answerable.sdk.words import Escalation, Proposal, Reply


class Due(msgspec.Struct, frozen=True, tag="due", kw_only=True):
    """A timer of ours: a hold expires, an attempt is repeated, an unknown is looked up."""

    interaction: str
    effect: str
    what: str  # expire | retry | reconcile
    attempt: int = 1  # of the effect, as it stood: a timer of an earlier one finds nothing to do
    look: int = 0  # the how manieth look-up this is


class Answer(msgspec.Struct, frozen=True, tag="answer", kw_only=True):
    """A person's word on an effect: yes or no to a hold, or how an unknown one ended."""

    interaction: str
    effect: str
    by: str
    says: str  # grant | refuse | done | not_done
    attempt: int  # of the effect, as they saw it: nothing is said of a later one


class DeskReply(msgspec.Struct, frozen=True, tag="desk_reply", kw_only=True):
    """What a specialist who holds the case says to the party. `sealed` is under the party's key."""

    interaction: str
    id: str  # `drp_...`
    by: str
    sealed: bytes


Cause = Message | Due | Answer | DeskReply


@dataclass(slots=True)
class Journey:
    """What goes along: what is recorded already, and what the next barrier will write."""

    memo: dict[str, Record]
    unit: Unit
    model: ModelUse | None = None  # what its turn asked of a model, once that is told


class Received(msgspec.Struct, frozen=True):
    arrival: Arrival
    interaction: str
    cause: Cause
    journey: Journey
    rail: str = ""
    grade: int = 0
    kid: str = ""  # the key that the raw message is sealed under
    sealed: bytes = b""

    @property
    def message_id(self) -> str:
        return kin("msg", self.interaction, 0)

    @property
    def origin(self) -> str:
        """The tail that the effects of this arrival share: the interaction's, or a reply's."""
        match self.cause:
            case Due() | Answer():
                return self.cause.effect.partition("_")[2].rpartition("-")[0]
            case DeskReply():
                return self.cause.id.partition("_")[2]
            case _:
                return self.interaction.partition("_")[2]

    @property
    def is_persons_reply(self) -> bool:
        """Whether this is about what a specialist said, or what became of that."""
        return self.origin != self.interaction.partition("_")[2]


class Resolved(msgspec.Struct, frozen=True):
    received: Received
    party: Party
    case: Case


class Routed(msgspec.Struct, frozen=True):
    resolved: Resolved
    release: Release | None  # what will run, or whose effects go on
    owner: Owner | None
    to_desk: str = ""  # why no agent runs: a word for the queue
    is_decided: bool = False  # an earlier life got past decide: nothing runs again


class Proposed(msgspec.Struct, frozen=True):
    routed: Routed
    effects: tuple[Proposal, ...] = ()
    reply: Reply | None = None
    escalation: Escalation | None = None
    code: str = ""  # why it escalates: a word for the queue


class Intended(msgspec.Struct, frozen=True):
    """A decided effect on its way: its state, its exact action, whether it began in this life."""

    state: EffectState
    action: Action | None = None
    is_fresh: bool = False


class Decided(msgspec.Struct, frozen=True):
    proposed: Proposed
    effects: tuple[Intended, ...] = ()
    disposition: str = ""  # how the interaction ends if no effect is left open
    desk: str = ""  # why the case needs people now: a word for the queue


class End(msgspec.Struct, frozen=True):
    """What became of an effect in this pass; an end only if its status is one."""

    state: EffectState
    status: Status
    reason: str
    receipt: str
    attempt: int
    actor: str = ""  # a person, where a person said so
    desk: str = ""  # why the case needs people now: a word for the queue


class Later(msgspec.Struct, frozen=True):
    """A timer to be set: its id, what it is for, and when (microseconds, UTC)."""

    id: str
    due: Due
    at: int


class Acted(msgspec.Struct, frozen=True):
    decided: Decided
    ends: tuple[End, ...] = ()
    later: tuple[Later, ...] = ()
    # of every effect, after this pass
    statuses: dict[str, Status] = msgspec.field(default_factory=dict)
