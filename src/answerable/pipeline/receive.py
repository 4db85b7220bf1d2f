"""Receive: take what comes in, once, whole; acknowledge when it is durable.

`accept_messages` is the door for messages, `accept_causes` the door for our own timers and for
people's answers; `open_arrival` is where the hallway picks an arrival up again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from answerable.base.errors import AnswerableError, Broken, Busy, Unreadable, UsageError
from answerable.base.ids import kin
from answerable.cases.domain import Message
from answerable.effects import rows as effects
from answerable.engine.port import Arrival, Claim
from answerable.ledger.archive import BodyArchived
from answerable.ledger.domain import INTEGER_MAX, decode_entry
from answerable.ledger.draft import Unit
from answerable.ledger.keyring import Keyring
from answerable.parties.domain import NoAddress, address_of, normalise
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Answer, DeskReply, Due, Journey, Received
from answerable.rails.port import Ack, Incoming
from answerable.store.keys import KeyDestroyed

TEXT_BYTES_MAX = 256 * 1024
FIELD_CHARS_MAX = 1_000
GRADE_ASSERTED = 1
_AGAIN_MAX_S = 600.0


class RailGone(Broken):
    """What waits was asked on a rail that is not configured any more: nobody could be answered."""

    code = "rail_gone"

    def __init__(self, rail: str) -> None:
        super().__init__(
            f"Messages or replies wait for rail '{rail}', which is not configured any more.",
            "Nothing of what waits was touched; it goes on waiting.",
            f"put [rails.{rail}] back into answerable.toml until all that waits for it has ended",
        )


class _Envelope(msgspec.Struct, frozen=True, tag="message", kw_only=True):
    """A message at rest: everything personal is in `sealed`, under the key of its address."""

    interaction: str
    rail: str
    kid: str
    sealed: bytes


_Stored = _Envelope | Due | Answer | DeskReply
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode
decode_message = msgspec.msgpack.Decoder(Message).decode


async def accept_messages(hall: Hall, incoming: Sequence[Incoming]) -> list[Ack]:
    """Accept a batch: all durable on return, each once. Raises UsageError (none accepted), Busy;
    SignerAway where what waits already only waits for the signer."""
    hall.committer.check_signer()
    _check_wait(hall)
    senders = [_checked(hall, message) for message in incoming]
    kids = await hall.keyring.address_kids([sender.inbox for sender in senders])
    sealed = [
        _seal(hall, message, sender, kids[sender.inbox])
        for message, sender in zip(incoming, senders, strict=True)
    ]
    accepted = await hall.engine.accept([arrival for _, arrival in sealed])
    return [
        Ack(
            message.external_id, done.is_new,
            interaction if done.is_new else await _first_interaction(hall, done.id),
        )
        for message, (interaction, _), done in zip(incoming, sealed, accepted, strict=True)
    ]  # fmt: skip


def _check_wait(hall: Hall) -> None:
    """Raises Busy where a message would wait longer than it may; before anything is spent on it.

    Who comes again when half of the line has gone finds room, and the line is not empty by then.
    """
    wait_s = hall.wait_s()
    if wait_s <= hall.wait_max_s:
        return
    again_s = max(1.0, min(wait_s, _AGAIN_MAX_S) - hall.wait_max_s / 2)
    how_long = f"about {wait_s:.0f} s" if wait_s < _AGAIN_MAX_S else "for longer than is known"
    raise Busy(
        f"A message would wait {how_long} before it is worked on; it may for {hall.wait_max_s:g}"
        " s.",
        "Nothing of this request was accepted.",
        retry_after_s=math.ceil(again_s),
    )


async def find_interaction(hall: Hall, rail: str, external_id: str) -> str:
    """The interaction of a message, by the id that its sender's side gave it; empty if none."""
    return await _first_interaction(hall, hall.keyring.dedup_id(rail, external_id))


async def _first_interaction(hall: Hall, arrival_id: str) -> str:
    """Out of the arrival while it waits, and out of its records once it is finished."""
    kept = await hall.engine.find(arrival_id)
    if kept is None:
        return ""
    if not kept.is_done:
        return named_in(kept.arrival)
    for record in kept.memo:
        if record.kind in NAMES_ITS_INTERACTION:
            return decode_entry(record.data).interaction
    return ""


NAMES_ITS_INTERACTION = frozenset({"received", "gap.declared"})


def named_in(arrival: Arrival) -> str:
    """The interaction that an arrival is about; empty where its bytes are not ours."""
    try:
        return str(_decode(arrival.data).interaction)
    except msgspec.DecodeError:
        return ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that is durable, and that no stage has taken up yet."""

    rail: str
    message: Message | None  # None: its key was destroyed before it was read


async def find_waiting(hall: Hall, interaction: str) -> Waiting | None:
    """The message of an interaction that has no row yet; looks through what waits, and no more."""
    needle = interaction.encode()
    async for arrival in hall.engine.waiting("message"):
        if needle not in arrival.data or named_in(arrival) != interaction:
            continue
        stored = _decode(arrival.data)
        if isinstance(stored, _Envelope):
            return Waiting(stored.rail, _read(hall, stored))
    return None


def why_unreadable(keyring: Keyring, arrival: Arrival) -> str:
    """What would keep a waiting arrival from being taken up as it was accepted; empty if nothing
    would. That its sender was erased is no trouble."""
    try:
        stored = _decode(arrival.data)
        if not isinstance(stored, _Envelope):
            return ""
        body_id = kin("msg", stored.interaction, 0)
        message = decode_message(keyring.open(stored.kid, body_id, stored.sealed))
    except KeyDestroyed:
        return ""
    except (AnswerableError, msgspec.DecodeError) as error:
        return f"what waits cannot be read: {error}"
    is_its_own = keyring.dedup_id(message.rail, message.external_id) == arrival.id
    return "" if is_its_own and message.rail == stored.rail else "it is another message's"


def _read(hall: Hall, stored: _Envelope) -> Message | None:
    message_id = kin("msg", stored.interaction, 0)
    try:
        return decode_message(hall.keyring.open(stored.kid, message_id, stored.sealed))
    except Unreadable:
        return None


async def accept_causes(
    hall: Hall, causes: Sequence[tuple[str, Due | Answer | DeskReply, int]], *, inbox: str = ""
) -> list[bool]:
    """Accept timers and answers, as (id, cause, not before), into their interaction's inbox.

    Says of each whether it is new. `inbox` names it where the interaction has no row yet.
    """
    arrivals = []
    for id_, cause, not_before_us in causes:
        row = effects.interaction_of(hall.db, cause.interaction)
        kind = "timer" if isinstance(cause, Due) else "answer"
        into = row.inbox if row else inbox or cause.interaction
        arrivals.append(Arrival(id_, into, kind, _encode(cause), not_before_us))
    return [done.is_new for done in await hall.engine.accept(arrivals)]


def open_arrival(hall: Hall, claim: Claim) -> Received:
    """What came in, readable again, with what earlier lives recorded for it. Raises RailGone."""
    arrival = claim.arrivals[0]
    journey = Journey({record.key: record for record in claim.memo}, Unit(arrival=arrival.id))
    stored = _decode(arrival.data)
    if not isinstance(stored, _Envelope):
        return Received(arrival, stored.interaction, stored, journey)
    if stored.rail not in hall.lines:
        raise RailGone(stored.rail)
    message_id = kin("msg", stored.interaction, 0)
    message = decode_message(hall.keyring.open(stored.kid, message_id, stored.sealed))
    return Received(
        arrival, stored.interaction, message, journey,
        rail=stored.rail, grade=GRADE_ASSERTED, kid=stored.kid, sealed=stored.sealed,
    )  # fmt: skip


def open_erased(hall: Hall, claim: Claim) -> Received | None:
    """A message of which no word can be read any more, if an earlier pass had taken it up: what
    that one decided still has to end."""
    arrival = claim.arrivals[0]
    row = effects.interaction_of(hall.db, named_in(arrival))
    if row is None:
        return None
    journey = Journey({record.key: record for record in claim.memo}, Unit(arrival=arrival.id))
    nothing = Message(
        external_id="", rail=row.rail, sender="", address="", text="", sent_at=0, subject=""
    )
    return Received(arrival, row.id, nothing, journey, rail=row.rail)


def check_rails(hall: Hall) -> None:
    """Raises RailGone where something that has not ended was asked on a rail that is gone."""
    for rail in effects.rails_awaited(hall.db):
        if rail not in hall.lines:
            raise RailGone(rail)


def is_about_nothing(hall: Hall, received: Received) -> bool:
    """A timer or an answer that names no interaction of this home: nothing can come of it."""
    is_message = isinstance(received.cause, Message)
    return not is_message and effects.interaction_of(hall.db, received.interaction) is None


async def load_message(hall: Hall, position: int) -> Message:
    """The message of an interaction, out of the body of its `received` record."""
    async for record in hall.engine.read(position - 1):
        entry = decode_entry(record.data)
        body = entry.body
        if body is None:
            break
        if record.body is None:
            raise BodyArchived(entry.seq)
        return decode_message(hall.keyring.open(body.kid, record.key, record.body))
    raise LookupError(f"the feed holds no message at position {position}")


class _Sender(NamedTuple):
    """Where an answer goes, and the inbox that keeps who is written to from there in order."""

    address: str
    inbox: str


def _checked(hall: Hall, message: Incoming) -> _Sender:
    """Raises UsageError for what cannot be kept as it is, or answered where it came from."""
    if problem := _problem(hall, message):
        raise _refused(message, problem)
    kind = hall.lines[message.rail].rail.identifier_kind
    try:
        address = address_of(kind, message.sender)
    except NoAddress as error:
        raise _refused(message, f"`from` cannot be answered: {error}") from None
    return _Sender(address, hall.keyring.identifier_hash(kind, normalise(kind, address)))


def _refused(message: Incoming, problem: str) -> UsageError:
    return UsageError(
        f"Message {message.external_id[:80]!r} was refused: {problem}.",
        "No message of this batch was accepted.",
        "correct it and send the batch again",
    )


def _problem(hall: Hall, message: Incoming) -> str:
    short = (message.external_id, message.sender, message.subject)
    if message.rail not in hall.lines:
        return f"rail '{message.rail}' is not one of {', '.join(sorted(hall.lines)) or 'none'}"
    if not message.external_id or not message.sender.strip():
        return "`external_id` and `from` must not be empty"
    if max(map(len, short)) > FIELD_CHARS_MAX:
        return f"`external_id`, `from` and `subject` have at most {FIELD_CHARS_MAX} characters"
    if len(message.text) > TEXT_BYTES_MAX or _size(message.text) > TEXT_BYTES_MAX:
        return f"the text is over {TEXT_BYTES_MAX} bytes"
    if not all(map(_is_unicode, (*short, message.text))):
        return "a field is not Unicode: it has half of a surrogate pair"
    if not 0 <= message.sent_at <= INTEGER_MAX:
        return f"`sent_at` is microseconds since 1970, at most {INTEGER_MAX}"
    if min(message.external_id) < " ":
        return "`external_id` has control characters"
    return ""


def _size(text: str) -> int:
    """In UTF-8; 0 where it cannot be written so."""
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return 0


def _is_unicode(text: str) -> bool:
    return not text or _size(text) > 0


def _seal(hall: Hall, incoming: Incoming, sender: _Sender, kid: str) -> tuple[str, Arrival]:
    """A message as it waits, and the interaction that it begins if it is new."""
    interaction = hall.ids.new("int")
    message = Message(
        external_id=incoming.external_id, rail=incoming.rail, sender=incoming.sender,
        address=sender.address, text=incoming.text,
        sent_at=incoming.sent_at or hall.clock.now(),
        subject=incoming.subject,
    )  # fmt: skip
    sealed = hall.keyring.seal(kid, kin("msg", interaction, 0), _encode(message))
    envelope = _Envelope(interaction=interaction, rail=incoming.rail, kid=kid, sealed=sealed)
    return interaction, Arrival(
        hall.keyring.dedup_id(incoming.rail, incoming.external_id),
        sender.inbox,
        "message",
        _encode(envelope),
    )
