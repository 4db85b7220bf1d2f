"""Real arrivals for the day: an mbox, or JSON lines; checked whole before the first one is sent."""

import mailbox
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from answerable.base.clock import SECOND_US
from answerable.base.errors import NotFound, UsageError
from answerable.demo.arrivals import DayMessage, day_start_us, spread_over_day
from answerable.demo.realmail import Mail, MailError, read_mail

TEXT_BYTES_MAX = 256 * 1024
_NAME_CHARS_MAX = 512  # external_id, from
_SUBJECT_CHARS_MAX = 4_000
_LINE_BYTES_MAX = 4 * 1024 * 1024  # JSON may write one byte of text as six
_MAIL_BYTES_MAX = 32 * 1024 * 1024
_SHOWN_MAX = 10
_NOT_DONE = "Nothing was sent."
_NEXT = (
    "correct the file: an mbox, or one message a line as "
    '{"external_id", "from", "text", "sent_at"?, "rail"?, "subject"?}'
)
_BOM = b"\xef\xbb\xbf"


class Posted(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """One line of the file; fields we do not know are left aside."""

    external_id: str
    from_: str
    text: str
    sent_at: int | str | None = None  # microseconds since 1970, or 2026-03-02T14:01:09Z
    rail: Literal["email", "chat"] = "email"
    subject: str = ""


class BadLine(msgspec.Struct, frozen=True):
    """One thing wrong with the file, and where."""

    line: int
    wrong: str


class RealInput:
    """A file that was read through once and found good; iterating reads it again, line by line."""

    def __init__(self, path: Path, day: str) -> None:
        """Raises NotFound, or UsageError naming the first ten bad lines; nothing is sent yet."""
        self.path = path
        self._start_us = day_start_us(day)
        self._is_mbox = _is_mbox(path)
        self.count = self._check()

    def __iter__(self) -> Iterator[DayMessage]:
        """In the order of the file. Who has no time gets one, spread over the day."""
        times = spread_over_day(self.count)
        for (line, found), since_us in zip(self._entries(), times, strict=False):
            if isinstance(found, str):  # it was good when we checked: the file has changed since
                raise BadInput(self.path, [BadLine(line, found)], 1)
            sent_at = _time_us(found.sent_at)
            yield DayMessage(
                external_id=found.external_id,
                from_=found.from_,
                text=found.text,
                sent_at=self._start_us + since_us if sent_at is None else sent_at,
                rail=found.rail,
                subject=found.subject,
            )

    def _entries(self) -> Iterator[tuple[int, Posted | str]]:
        return _mbox(self.path) if self._is_mbox else _json_lines(self.path)

    def _check(self) -> int:
        faults: list[BadLine] = []
        count = bad = 0
        for line, found in self._entries():
            wrong = found if isinstance(found, str) else _objection(found)
            if wrong:
                bad += 1
                if len(faults) < _SHOWN_MAX:
                    faults.append(BadLine(line, wrong))
            else:
                count += 1
        if faults:
            raise BadInput(self.path, faults, bad)
        if not count:
            raise UsageError(f"{self.path} holds no message.", _NOT_DONE, _NEXT)
        return count


class BadInput(UsageError):
    """Lines of the file that are not messages."""

    code = "bad_input"

    def __init__(self, path: Path, faults: list[BadLine], bad: int) -> None:
        self.path = path
        self.faults = faults
        self.bad = bad
        shown = "".join(f"\n  line {fault.line}: {fault.wrong}" for fault in faults)
        more = f"\n  and {bad - len(faults)} more" if bad > len(faults) else ""
        super().__init__(
            f"{path}: {bad} of its messages cannot be read:{shown}{more}\n", _NOT_DONE, _NEXT
        )


def read_real(path: Path, day: str) -> RealInput:
    """Check the whole file, then hand out its messages as often as asked."""
    return RealInput(path, day)


def _is_mbox(path: Path) -> bool:
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", _NOT_DONE, "check the path after --from")
    with path.open("rb") as file:
        return file.read(5) == b"From "


def _json_lines(path: Path) -> Iterator[tuple[int, Posted | str]]:
    """Line number with what it says or, as text, what is wrong with it; empty lines are skipped."""
    decode = msgspec.json.Decoder(Posted).decode
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(_LINE_BYTES_MAX + 1):
            number += 1
            if number == 1:
                raw = raw.removeprefix(_BOM)
            if len(raw) > _LINE_BYTES_MAX:
                yield number, f"the line is longer than {_LINE_BYTES_MAX} bytes"
                _skip_line(file.readline)
                continue
            if not raw.strip():
                continue
            try:
                yield number, decode(raw)
            except msgspec.ValidationError as error:
                yield number, _plainly(error)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                yield number, f"not JSON: {error}"


def _skip_line(readline: Callable[[int], bytes]) -> None:
    while (part := readline(_LINE_BYTES_MAX)) and not part.endswith(b"\n"):
        pass


def _plainly(error: msgspec.ValidationError) -> str:
    said = str(error).replace("Object missing required field", "missing field").replace("$.", "")
    return f"{said}; the rails are email and chat" if said.endswith("`rail`") else said


def _mbox(path: Path) -> Iterator[tuple[int, Posted | str]]:
    """The line of each message's 'From ' with what it says or what is wrong with it."""
    box = mailbox.mbox(path, create=False)
    try:
        for line, key in zip(_from_lines(path), box.iterkeys(), strict=True):
            with box.get_file(key) as file:
                raw = file.read(_MAIL_BYTES_MAX + 1)
            if len(raw) > _MAIL_BYTES_MAX:
                yield line, f"the mail is longer than {_MAIL_BYTES_MAX} bytes"
                continue
            try:
                yield line, _posted(read_mail(raw))
            except MailError as error:
                yield line, str(error)
    finally:
        box.close()


def _from_lines(path: Path) -> Iterator[int]:
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if raw.startswith(b"From "):
                yield number


def _posted(mail: Mail) -> Posted:
    return Posted(
        external_id=mail.message_id,
        from_=mail.sender,
        text=mail.text,
        sent_at=mail.sent_at_us,
        subject=mail.subject,
    )


def _objection(found: Posted) -> str:
    """What is wrong with a message that has all its fields; empty if nothing is."""
    bounded = (
        ("external_id", found.external_id, _NAME_CHARS_MAX),
        ("from", found.from_, _NAME_CHARS_MAX),
        ("subject", found.subject, _SUBJECT_CHARS_MAX),
    )
    for name, value, most in bounded:
        if not value.strip() and name != "subject":
            return f"{name} is empty"
        if len(value) > most:
            return f"{name} has {len(value)} characters, more than {most}"
    size = len(found.text.encode(errors="replace"))
    if size > TEXT_BYTES_MAX:
        return f"text has {size} bytes, more than {TEXT_BYTES_MAX}"
    try:
        _time_us(found.sent_at)
    except ValueError:
        return f"sent_at {found.sent_at!r} is neither microseconds nor a time with its zone"
    return ""


def _time_us(sent_at: int | str | None) -> int | None:
    """Microseconds since 1970; raises ValueError for a time without zone or out of range."""
    if sent_at is None:
        return None
    if isinstance(sent_at, str):
        at = datetime.fromisoformat(sent_at)
        if at.tzinfo is None:
            raise ValueError(sent_at)
        sent_at = int(at.timestamp() * SECOND_US)
    if not 0 <= sent_at < 2**53:
        raise ValueError(sent_at)
    return sent_at
