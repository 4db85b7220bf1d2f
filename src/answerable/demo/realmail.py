"""What a mail says: its text, sender, time and id, from raw bytes and the standard library."""

import email
import email.policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser

import msgspec

from answerable.base.clock import SECOND_US


class MailError(ValueError):
    """The mail cannot be used; the text says why."""


class Mail(msgspec.Struct, frozen=True):
    message_id: str
    sender: str
    text: str
    subject: str
    sent_at_us: int | None


def read_mail(raw: bytes) -> Mail:
    """Read one mail; raises MailError if it lacks a Message-ID or From, or its Date is none."""
    try:
        message = email.message_from_bytes(raw, policy=email.policy.default)
        return Mail(
            message_id=_header(message, "Message-ID", is_needed=True),
            sender=_header(message, "From", is_needed=True),
            text=_text(message),
            subject=_header(message, "Subject", is_needed=False),
            sent_at_us=_date_us(message),
        )
    except MailError:
        raise
    except Exception as error:  # the parser raises what it likes on damaged mail
        raise MailError(f"the mail cannot be parsed: {type(error).__name__}: {error}") from error


def _header(message: EmailMessage, name: str, *, is_needed: bool) -> str:
    value = " ".join(str(message.get(name, "")).split())
    if is_needed and not value:
        raise MailError(f"missing field {name}")
    return value


def _date_us(message: EmailMessage) -> int | None:
    raw = next((str(raw) for name, raw in message.raw_items() if name.lower() == "date"), None)
    if raw is None:
        return None
    try:
        return int(parsedate_to_datetime(raw.strip()).timestamp() * SECOND_US)
    except ValueError as error:
        raise MailError(f"Date {raw.strip()!r} is no date") from error


def _text(message: EmailMessage) -> str:
    """The plain part; of a mail that has only HTML, its text."""
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    try:
        text = raw.decode(part.get_content_charset("utf-8"), errors="replace")
    except LookupError:  # a character set that nobody knows
        text = raw.decode("latin-1")
    text = text.replace("\r\n", "\n").strip("\n")
    return _html_text(text) if part.get_content_type() == "text/html" else text


def _html_text(html: str) -> str:
    reader = _HtmlText()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return "\n".join(line for line in lines if line)


class _HtmlText(HTMLParser):
    """Keeps what a reader would see, a line for each block."""

    _HIDDEN = frozenset({"style", "script", "title"})
    _BLOCKS = frozenset({"p", "br", "div", "li", "tr", "table", "blockquote", "h1", "h2", "h3"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in self._HIDDEN:
            self._hidden += 1
        elif tag in self._BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._HIDDEN and self._hidden:
            self._hidden -= 1
        elif tag in self._BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data.replace("\n", " "))
