"""The one question, and what a stranger can check."""

from dataclasses import dataclass

import msgspec

from answerable.worker.verbs.base import Index, Limit, Share, Word


class DecisionWho(msgspec.Struct, frozen=True, tag="decision.who"):
    """Of one decision, or of one drawn by chance if `decision` is empty (`draw` is the chance)."""

    decision: Word = ""
    draw: Share = 0.0


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to the one question: in one sentence, in fields, and as a proof."""

    sentence: str
    decision: str
    index: int
    at: str
    owner: str
    owner_name: str
    accepted_at: int
    agent: str
    release: str
    verdict: str
    reasons: tuple[str, ...]
    action: str
    entry: str  # the canonical bytes that the ledger holds
    proof: str  # C2SP tlog-proof of those bytes, verifiable without us
    via: str = ""  # the owner who delegated to them
    via_name: str = ""


class DecisionList(msgspec.Struct, frozen=True, tag="decision.list"):
    """Newest first, before ledger index `before` where it is given (0 is the newest)."""

    agent: Word = ""
    verdict: Word = ""
    before: Index = 0
    limit: Limit = 50


@dataclass(frozen=True, slots=True)
class DecisionRow:
    decision: str
    index: int
    at: str
    agent: str
    verdict: str
    action: str
    owner: str
    interaction: str
    status: str


class DecisionShow(msgspec.Struct, frozen=True, tag="decision.show"):
    decision: Word


class DecisionExplain(msgspec.Struct, frozen=True, tag="decision.explain"):
    decision: Word


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A verdict with the proposal, the rules as they are written, the inputs, what became of it."""

    decision: str
    index: int
    at: str
    agent: str
    release: str
    owner: str
    owner_name: str
    via: str
    interaction: str
    case: str
    party: str
    action: str
    exact: str
    verdict: str
    rules: tuple[str, ...]
    rule_texts: tuple[str, ...]  # as written in the set that decided, where that was kept
    policy: str  # digest of the set
    request: dict[str, object]  # what policy was asked about
    effect: str
    status: str
    attempt: int
    model: str  # what was spent on models in the turn, in words
    entry: str


@dataclass(frozen=True, slots=True)
class Story:
    """From arrival to outcome, in plain words."""

    decision: str
    sentences: tuple[str, ...]
    steps: tuple["StoryStep", ...] = ()  # the entries that it is told from, oldest first


@dataclass(frozen=True, slots=True)
class StoryStep:
    """One entry of the story, and how to prove it."""

    index: int
    at: str
    kind: str
    said: str
    accountable: str  # a person's id; empty where the entry speaks of nobody's act
    via: str
    prove: str  # a command
    url: str  # of the entry, in the console
    proof_url: str  # over HTTP


class EffectShow(msgspec.Struct, frozen=True, tag="effect.show"):
    effect: Word


@dataclass(frozen=True, slots=True)
class EffectView:
    effect: str
    decision: str
    interaction: str
    case: str
    agent: str
    action: str
    exact: str
    repeat: str
    status: str
    attempt: int
    entries: tuple[tuple[int, str, str], ...]  # (index, at, what happened)


class LedgerSearch(msgspec.Struct, frozen=True, tag="ledger.search"):
    """Entries, newest first, before index `before` (0 is the newest)."""

    kind: Word = ""
    id: Word = ""  # of an entry, case, interaction, party or person
    before: Index = 0
    limit: Limit = 50


@dataclass(frozen=True, slots=True)
class FoundEntry:
    index: int
    at: str
    kind: str
    id: str
    summary: str
    entry: str  # canonical JSON


class LedgerCheckpoint(msgspec.Struct, frozen=True, tag="ledger.checkpoint"): ...


class LedgerProve(msgspec.Struct, frozen=True, tag="ledger.prove"):
    index: Index


class PolicyExplain(msgspec.Struct, frozen=True, tag="policy.explain"):
    """The rules that are loaded, as they are written."""


@dataclass(frozen=True, slots=True)
class RuleRow:
    ref: str  # `file:line @id`
    effect: str  # permit | forbid | hold
    text: str


class PolicyDryRun(msgspec.Struct, frozen=True, tag="policy.dry_run"):
    """Judge the newest decisions again by other policies (file name to text); nothing is done."""

    files: dict[str, str]
    agent: Word = ""
    limit: Limit = 100


@dataclass(frozen=True, slots=True)
class WouldChange:
    """A decision whose verdict would be another one."""

    decision: str
    at: str
    agent: str
    action: str
    was: str
    would_be: str
    rules: tuple[str, ...]  # that would decide


@dataclass(frozen=True, slots=True)
class DryRun:
    """What other policies would have said, on the numbers of then."""

    policy: str  # digest of the other set
    judged: int
    not_asked: int  # decided by a rule of ours, a limit or a person: no policy decides them
    unread: int  # their request was erased
    changed: tuple[WouldChange, ...]


class BackupWrite(msgspec.Struct, frozen=True, tag="backup.write"):
    """Copy the running home into a new folder `to`, consistent and verified.

    Without secrets `home.key` and `signer.key` stay out of it: they are kept elsewhere.
    """

    to: str
    with_secrets: bool = True


@dataclass(frozen=True, slots=True)
class BackupView:
    folder: str
    entries: int
    size_bytes: int
    took_s: float
    root: str
    bodies: int = 0  # sealed bodies that its keys open, each tried
    erased: int = 0  # whose keys were destroyed before
    made_at: str = ""
    epoch: str = ""
    opens_until: str = ""
    keys_in: str = ""
    is_one_disk: bool = False
