"""What passes between us and the outside: one JSON line per request, one per answer, any order."""

import tempfile
from hashlib import blake2b
from pathlib import Path

import msgspec

from answerable.demo.shop import Order

LINE_BYTES_MAX = 4 * 1024 * 1024
_SOCKET_NAME = "outside.sock"
_PATH_BYTES_MAX = 100  # sun_path holds 104 bytes on macOS, 108 on Linux


class Request(msgspec.Struct, omit_defaults=True):
    """`door` is shop.order, shop.refund, shop.find, mail.send, mail.find or books."""

    id: int
    door: str
    key: str = ""  # the idempotency key; look-ups ask for it, the doors do not deduplicate by it
    order: str = ""
    amount_minor: int = 0
    currency: str = ""
    to: str = ""
    in_reply_to: str = ""  # the external_id of the message that this one answers
    rail: str = ""
    text: str = ""
    case: str = ""
    agent: str = ""


class Totals(msgspec.Struct, frozen=True):
    """The books in one line; lists are bounded to the first hundred."""

    refunds: int
    refunds_minor: int
    replies: int
    messages_answered: int
    answered_again: dict[str, int]  # in_reply_to: answers, where more than one
    refunded_again: dict[str, int]  # key: refunds, where more than one
    sent_again: dict[str, int]  # key: replies, where more than one


class Answer(msgspec.Struct, omit_defaults=True):
    """`ok` false says definitely not done, and `why`."""

    id: int
    ok: bool
    why: str = ""  # failed, no_such_order, bad_request
    state: str = ""  # look-ups: done, absent, pending
    receipt: str = ""
    order: Order | None = None  # shop.order; None if there is no such order
    times: int = 0  # look-ups: how often it was done under this key
    totals: Totals | None = None


def socket_path(home: Path) -> Path:
    """Where the outside of this home listens."""
    return home / _SOCKET_NAME


def socket_address(path: Path) -> str:
    """The address to bind and connect: `path`, or a short stand-in if the system cannot hold it."""
    full = str(path.absolute())
    if len(full.encode()) <= _PATH_BYTES_MAX:
        return full
    digest = blake2b(str(path.resolve()).encode(), digest_size=9).hexdigest()
    return f"{tempfile.gettempdir()}/answerable-{digest}.sock"
