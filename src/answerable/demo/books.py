"""The outside's own books: one line for each thing done, written before it is answered.

They do not deduplicate. What was done twice stands there twice: that is how doubling is caught.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from answerable.base.errors import Busy
from answerable.demo.wire import Request, Totals

REFUND = "shop.refund"
REPLY = "mail.send"
START = "start"
_LISTED_MAX = 100


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that the outside did, or one start of it."""

    did: str  # shop.refund, mail.send or start
    at_us: int
    key: str = ""
    receipt: str = ""
    order: str = ""
    amount_minor: int = 0
    currency: str = ""
    to: str = ""
    in_reply_to: str = ""
    rail: str = ""
    text: str = ""
    case: str = ""
    agent: str = ""


class Account(msgspec.Struct):
    """What was done under one key; the fields are those of the first time."""

    receipt: str
    times: int = 0
    order: str = ""
    amount_minor: int = 0
    total_minor: int = 0  # over all times
    in_reply_to: str = ""
    to: str = ""
    case: str = ""
    agent: str = ""


class Books:
    """The books added up by key and by message answered."""

    def __init__(self) -> None:
        self.refunds: dict[str, Account] = {}
        self.replies: dict[str, Account] = {}
        self.answers: dict[str, int] = {}  # in_reply_to: how often it was answered
        self.refund_count = 0
        self.refund_minor = 0
        self.reply_count = 0
        self.starts = 0

    def add(self, line: Line) -> None:
        if line.did == REFUND:
            self.refund_count += 1
            self.refund_minor += line.amount_minor
            _account(self.refunds, line)
        elif line.did == REPLY:
            self.reply_count += 1
            self.answers[line.in_reply_to] = self.answers.get(line.in_reply_to, 0) + 1
            _account(self.replies, line)
        else:
            self.starts += 1

    def under(self, door: str, key: str) -> Account | None:
        """What was done at `door` (shop.refund, mail.send) under this key."""
        return (self.refunds if door == REFUND else self.replies).get(key)

    def totals(self) -> Totals:
        return Totals(
            refunds=self.refund_count,
            refunds_minor=self.refund_minor,
            replies=self.reply_count,
            messages_answered=len(self.answers),
            answered_again=_first({to: n for to, n in self.answers.items() if n > 1}),
            refunded_again=_first({k: a.times for k, a in self.refunds.items() if a.times > 1}),
            sent_again=_first({k: a.times for k, a in self.replies.items() if a.times > 1}),
        )


def books_path(home: Path) -> Path:
    """Where the outside of this home keeps its books."""
    return home / "outside.books.jsonl"


def read_lines(path: Path) -> Iterator[Line]:
    """The books line by line; a last line that was cut off by a kill was never answered: left out.

    An absent file is an empty one.
    """
    decoder = msgspec.json.Decoder(Line)
    if not path.exists():
        return
    with path.open("rb") as file:
        for raw in file:
            if raw.endswith(b"\n"):
                yield decoder.decode(raw)


def read_books(path: Path) -> Books:
    """Add up the file, line by line; works while the outside runs and after it ended."""
    books = Books()
    for line in read_lines(path):
        books.add(line)
    return books


class Bookkeeper:
    """The one writer of the file; holds it locked for as long as it lives."""

    def __init__(self, path: Path) -> None:
        """Raises Busy if another outside holds these books."""
        self._file: BinaryIO = path.open("ab+", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise Busy(
                f"Another outside keeps the books {path}.", "Nothing was started."
            ) from error
        self.books = Books()
        self._unwritten: list[bytes] = []
        self._encode = msgspec.json.Encoder().encode
        _cut_torn_line(self._file)
        for line in read_lines(path):
            self.books.add(line)

    def start(self, at_us: int) -> int:
        """Note a start; returns how many there were before."""
        before = self.books.starts
        self._add(Line(did=START, at_us=at_us))
        self.write()
        return before

    def do(self, request: Request, at_us: int) -> str:
        """Do it, again if asked again; returns the receipt. On disk after `write`."""
        number = self.books.refund_count + self.books.reply_count + 1
        line = Line(
            did=request.door,
            at_us=at_us,
            key=request.key,
            receipt=f"{'rf' if request.door == REFUND else 'ml'}-{number}",
            order=request.order,
            amount_minor=request.amount_minor,
            currency=request.currency,
            to=request.to,
            in_reply_to=request.in_reply_to,
            rail=request.rail,
            text=request.text,
            case=request.case,
            agent=request.agent,
        )
        self._add(line)
        return line.receipt

    def write(self) -> None:
        """Hand everything noted so far to the system: a killed process loses none of it."""
        if not self._unwritten:
            return
        left = memoryview(b"".join(self._unwritten))
        self._unwritten.clear()
        while left:
            left = left[self._file.write(left) :]

    def close(self) -> None:
        self.write()
        self._file.close()

    def _add(self, line: Line) -> None:
        self.books.add(line)
        self._unwritten.append(self._encode(line) + b"\n")


def _account(accounts: dict[str, Account], line: Line) -> None:
    account = accounts.get(line.key)
    if account is None:
        account = accounts[line.key] = Account(
            receipt=line.receipt,
            order=line.order,
            amount_minor=line.amount_minor,
            in_reply_to=line.in_reply_to,
            to=line.to,
            case=line.case,
            agent=line.agent,
        )
    account.times += 1
    account.total_minor += line.amount_minor


def _first(counts: dict[str, int]) -> dict[str, int]:
    return dict(list(counts.items())[:_LISTED_MAX])


def _cut_torn_line(file: BinaryIO) -> None:
    """Drop what follows the last newline: a kill may have cut the last write short."""
    size = end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - 65_536)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        file.truncate(end)
