"""The account of a day: our ledger on one side, the outside's books on the other."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from answerable.cases.domain import Message
from answerable.compose.house import House
from answerable.demo.books import Books, books_path, read_books
from answerable.demo.house import outside_of
from answerable.ledger.domain import KINDS, Entry, decode_entry

_ENDS = frozenset({"done", "failed", "refused", "denied"})
_PERMITTING = frozenset({"allow", "hold"})


@dataclass(slots=True)
class Ours:
    """What our ledger says, added up entry by entry."""

    external_ids: Counter[str] = field(default_factory=Counter)
    interaction_of: dict[str, str] = field(default_factory=dict)  # external id -> interaction
    ended: set[str] = field(default_factory=set)  # interactions with an outcome
    status: dict[str, str] = field(default_factory=dict)  # effect -> where it stands
    amount_done: int = 0
    refunds_done: set[str] = field(default_factory=set)
    replies_done: set[str] = field(default_factory=set)
    permitted: set[str] = field(default_factory=set)  # effects with a record before the act
    owned: set[str] = field(default_factory=set)
    held: int = 0
    escalated: int = 0
    denied: Counter[str] = field(default_factory=Counter)
    kind_of: dict[str, tuple[str, int]] = field(default_factory=dict)  # effect -> kind, amount

    def add(self, entry: Entry) -> None:
        if entry.kind == "decided":
            self._decided(entry)
        elif entry.kind == "outcome" and entry.trace and entry.trace.interaction:
            self.ended.add(entry.trace.interaction)
        elif entry.kind == "escalated":
            self.escalated += 1
        elif entry.effect is not None:
            self._moved(entry)

    def _decided(self, entry: Entry) -> None:
        effect, action, policy = entry.effect, entry.action, entry.policy[-1]
        if effect is None or action is None:
            return
        self.kind_of[effect.id] = (action.kind, action.amount_minor or 0)
        if policy.verdict in _PERMITTING:
            self.permitted.add(effect.id)
            self.status[effect.id] = "open"
            if entry.owner is not None:
                self.owned.add(effect.id)
        if policy.verdict == "hold":
            self.held += 1
        elif policy.verdict == "deny":
            self.denied.update([policy.reasons[0]])

    def _moved(self, entry: Entry) -> None:
        if entry.effect is None:
            return
        effect = entry.effect.id
        said = entry.outcome.status if entry.outcome else "ready"
        self.status[effect] = said
        if entry.kind == "approval" and said == "refused":
            self.permitted.discard(effect)
        if entry.kind == "effect.done":
            kind, amount = self.kind_of[effect]
            if kind == "tool" and effect not in self.refunds_done:
                self.refunds_done.add(effect)
                self.amount_done += amount
            elif kind == "reply":
                self.replies_done.add(effect)


async def read_ours(house: House) -> Ours:
    """Read the whole feed, and the external id of each message out of its body."""
    ours, keyring = Ours(), house.hall.keyring
    decode = msgspec.msgpack.Decoder(Message).decode
    async for record in house.hall.engine.read(0):
        if record.kind not in KINDS:
            continue
        entry = decode_entry(record.data)
        if entry.kind == "received" and entry.body and record.body and entry.trace:
            message = decode(keyring.open(entry.body.kid, record.key, record.body))
            ours.external_ids.update([message.external_id])
            ours.interaction_of[message.external_id] = entry.trace.interaction or ""
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
    lost = sum(
        ours.interaction_of.get(external_id, "") not in ours.ended for external_id in acknowledged
    )
    return Account(
        effects=books.refund_count + books.reply_count,
        lost=lost,
        doubled=_doubled(ours, books),
        effects_without_record=len(done - ours.permitted),
        effects_without_owner=len(done - ours.owned),
        books_difference=_difference(ours, books),
        unknown_left=sum(status not in _ENDS for status in ours.status.values()),
    )


def _doubled(ours: Ours, books: Books) -> int:
    """Messages answered twice, keys done twice, arrivals taken in twice: each time too many."""
    answers = sum(times - 1 for times in books.answers.values())
    refunds = sum(account.times - 1 for account in books.refunds.values())
    received = sum(times - 1 for times in ours.external_ids.values())
    return answers + refunds + received


def _difference(ours: Ours, books: Books) -> int:
    """Refunds and replies that one side has and the other has not, and minor units between them."""
    return (
        len(ours.refunds_done ^ set(books.refunds))
        + len(ours.replies_done ^ set(books.replies))
        + abs(ours.amount_done - books.refund_minor)
    )
