"""The account of a day: our ledger on one side, the outside's books on the other."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from answerable.cases.domain import Message
from answerable.compose.house import House
from answerable.demo.books import Account as Booked
from answerable.demo.books import Books, books_path, read_books
from answerable.demo.house import outside_of
from answerable.effects.domain import LATE
from answerable.ledger.domain import KINDS, Entry, decode_entry

_ENDS = frozenset({"done", "failed", "refused", "denied"})
_ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Asked:
    """A message as it came in: where its answer must go."""

    external_id: str
    address: str


@dataclass(frozen=True, slots=True)
class Meant:
    """An effect as it was decided."""

    kind: str  # tool | reply
    amount_minor: int
    interaction: str


@dataclass(slots=True)
class Ours:
    """What our ledger says, added up entry by entry."""

    external_ids: Counter[str] = field(default_factory=Counter)
    interaction_of: dict[str, str] = field(default_factory=dict)  # external id -> interaction
    asked: dict[str, Asked] = field(default_factory=dict)  # interaction -> its message
    ended: dict[str, str] = field(default_factory=dict)  # interaction -> its outcome
    meant: dict[str, Meant] = field(default_factory=dict)  # effect -> what was decided
    status: dict[str, str] = field(default_factory=dict)  # effect -> where it stands
    done: set[str] = field(default_factory=set)
    permitted: set[str] = field(default_factory=set)  # allowed, or held and then granted
    owned: set[str] = field(default_factory=set)
    held: int = 0
    escalated: int = 0
    denied: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Entry) -> None:
        if entry.kind == "decided":
            self._decided(entry)
        elif entry.kind == "outcome" and entry.trace and entry.outcome:
            self.ended.setdefault(entry.trace.interaction or "", entry.outcome.status)
        elif entry.kind == "escalated":
            self.escalated += 1
        elif entry.effect is not None:
            self._moved(entry, entry.effect.id)

    def done_of(self, kind: str) -> set[str]:
        return {effect for effect in self.done if self.meant[effect].kind == kind}

    def _decided(self, entry: Entry) -> None:
        effect, action, verdict = entry.effect, entry.action, entry.policy[-1].verdict
        if effect is None or action is None:
            return
        interaction = (entry.trace.interaction if entry.trace else None) or ""
        self.meant[effect.id] = Meant(action.kind, action.amount_minor or 0, interaction)
        if entry.owner is not None:
            self.owned.add(effect.id)
        if verdict == "allow":
            self.permitted.add(effect.id)
            self.status[effect.id] = "open"
        elif verdict == "hold":
            self.held += 1
            self.status[effect.id] = "held"
        else:
            self.denied.update([entry.policy[-1].reasons[0]])

    def _moved(self, entry: Entry, effect: str) -> None:
        said = entry.outcome.status if entry.outcome else "ready"
        if said == LATE:
            return
        self.status[effect] = said
        if entry.kind == "approval" and said == "granted":
            self.permitted.add(effect)
        elif entry.kind == "effect.done":
            self.done.add(effect)


async def read_ours(house: House) -> Ours:
    """Read the whole feed, and each message out of its body."""
    ours, keyring = Ours(), house.hall.keyring
    decode = msgspec.msgpack.Decoder(Message).decode
    async for record in house.hall.engine.read(0):
        if record.kind not in KINDS:
            continue
        entry = decode_entry(record.data)
        if entry.kind == "received" and entry.body and record.body and entry.trace:
            message = decode(keyring.open(entry.body.kid, record.key, record.body))
            interaction = entry.trace.interaction or ""
            ours.external_ids.update([message.external_id])
            ours.interaction_of[message.external_id] = interaction
            ours.asked[interaction] = Asked(message.external_id, message.address)
        ours.add(entry)
    return ours


@dataclass(frozen=True, slots=True)
class Account:
    """Both sides compared. All zeros but the first is what the day is to show."""

    effects: int
    lost: int
    doubled: int
    effects_without_record: int
    effects_without_owner: int
    books_difference: int
    unknown_left: int


def compare(ours: Ours, home: Path, acknowledged: set[str]) -> Account:
    """Compare what we recorded with what the outside says happened."""
    books = read_books(books_path(outside_of(home)))
    done = set(books.refunds) | set(books.replies)
    return Account(
        effects=books.refund_count + books.reply_count,
        lost=_lost(ours, acknowledged),
        doubled=_doubled(ours, books),
        effects_without_record=len(done - ours.permitted),
        effects_without_owner=len(done - ours.owned),
        books_difference=_difference(ours, books),
        unknown_left=sum(status not in _ENDS for status in ours.status.values()),
    )


def _lost(ours: Ours, acknowledged: set[str]) -> int:
    """Without an outcome; or called answered, though no reply to it got done."""
    replied = {ours.meant[effect].interaction for effect in ours.done_of("reply")}
    lost = 0
    for external_id in acknowledged | set(ours.external_ids):
        interaction = ours.interaction_of.get(external_id, "")
        outcome = ours.ended.get(interaction)
        lost += outcome is None or (outcome == _ANSWERED and interaction not in replied)
    return lost


def _doubled(ours: Ours, books: Books) -> int:
    """Messages answered twice, keys done twice, arrivals taken in twice: each time too many."""
    answers = sum(times - 1 for times in books.answers.values())
    refunds = sum(account.times - 1 for account in books.refunds.values())
    received = sum(times - 1 for times in ours.external_ids.values())
    return answers + refunds + received


def _difference(ours: Ours, books: Books) -> int:
    """Refunds and replies that one side has and the other has not, minor units between them key by
    key, and replies that went elsewhere than where they were asked."""
    refunds, replies = ours.done_of("tool"), ours.done_of("reply")
    return (
        len(refunds ^ set(books.refunds))
        + len(replies ^ set(books.replies))
        + sum(_minor(ours, books, effect) for effect in refunds | set(books.refunds))
        + sum(_is_elsewhere(ours, effect, booked) for effect, booked in books.replies.items())
    )


def _minor(ours: Ours, books: Books, effect: str) -> int:
    booked = books.refunds.get(effect)
    theirs = booked.total_minor if booked else 0
    return abs(theirs - (ours.meant[effect].amount_minor if effect in ours.done else 0))


def _is_elsewhere(ours: Ours, effect: str, booked: Booked) -> bool:
    meant = ours.meant.get(effect)
    asked = ours.asked.get(meant.interaction) if meant else None
    return asked is not None and (booked.to, booked.in_reply_to) != (
        asked.address,
        asked.external_id,
    )
