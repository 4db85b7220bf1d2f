"""How values are written on a page. What strangers wrote is data: escaped, and with nothing hidden.

A character that can turn text around, hide in it, or move what stands beside it (controls, bidi
overrides, zero-width and tag characters) is shown as its code point: what a person reads before
they say yes is what is there. Which characters: Unicode categories Cc, Cf, Co, Cs, Zl and Zp
(UAX 9 and UTR 36 name the attacks), but the two joiners: Persian, Hindi and emoji are written so.
"""

import itertools
import re
import unicodedata
from urllib.parse import quote

from markupsafe import Markup, escape

from answerable.base.clock import iso
from answerable.base.money import Money
from answerable.ledger.telling import tell_holder
from answerable.worker.verbs.base import ERASED

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_PLAIN = "\n\t\u200c\u200d"
_ID_TAIL = 6
_ID_CHARS_MAX = 16
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)Z")
_PARTS = re.compile(r"\b([a-z]{3}_[0-9a-z]{14,}(?:-\d+)?|\d{4}-\d\d-\d\dT[\d:]{8}Z)\b")
_LIMIT = re.compile(r"(amount)_minor(_\w+) (\d+) ([A-Z]{3})")

_IS_AT = {
    "cas": "/cases/", "int": "/interactions/", "dec": "/decisions/", "pty": "/parties/",
}  # fmt: skip
"""Where the page of an id stands, by its prefix."""


def said(text: str) -> Markup:
    """The words of a stranger, inside `<bdi>`; what would not show is shown as `U+202E`."""
    return Markup("<bdi>{}</bdi>").format(_visible(text))


def _visible(text: str) -> Markup:
    parts: list[Markup] = []
    for is_visible, chars in itertools.groupby(_one_newline(text), _is_visible):
        run = "".join(chars)
        parts += [escape(run)] if is_visible else [_shown(char) for char in run]
    return Markup("").join(parts)


def told(text: str) -> Markup:
    """A sentence of ours, which may quote others: as `said`; its ids linked, its times as times."""
    return Markup("<bdi>{}</bdi>").format(Markup("").join(map(_part, _PARTS.split(text))))


def _part(text: str) -> Markup:
    if _ISO.fullmatch(text):
        return when(text)
    return ident(text) if _PARTS.fullmatch(text) else _visible(text)


def _one_newline(text: str) -> str:
    return text.replace("\r\n", "\n")


def _is_visible(char: str) -> bool:
    return char in _PLAIN or unicodedata.category(char) not in _HIDDEN


def _shown(char: str) -> Markup:
    name = unicodedata.name(char, "control character").lower()
    return Markup('<span class="hidden-char" title="{}">U+{:04X}</span>').format(name, ord(char))


def short(id_: str) -> str:
    """`int_…k4x9-1`: the end of an id is what tells it from its neighbours."""
    prefix, underscore, tail = id_.partition("_")
    if not underscore or len(id_) <= _ID_CHARS_MAX:
        return id_
    head, dash, ordinal = tail.partition("-")
    return f"{prefix}_…{head[-_ID_TAIL:]}{dash}{ordinal}"


def ident(id_: str, href: str = "") -> Markup:
    """An id, shortened, whole on hover; a link where it has a page."""
    to = href or at(id_)
    if not to:
        return Markup('<span class="id" title="{}">{}</span>').format(id_, short(id_))
    return Markup('<a class="id" href="{}" title="{}">{}</a>').format(to, id_, short(id_))


def at(id_: str) -> str:
    """The path of an id's page; empty where it has none."""
    base = _IS_AT.get(id_.partition("_")[0], "")
    return base and base + quote(id_, safe="")


def when(text: str) -> Markup:
    """`2026-03-02T14:01:09Z` as people read it; the machine's form stays beside it."""
    found = _ISO.match(text)
    if found is None:
        return escape(text)
    return Markup('<time datetime="{}"><span class="day">{}</span> {}</time>').format(
        text, *found.groups()
    )


def until(text: str) -> Markup:
    """A moment to come: counted down where scripts run, written out where they do not."""
    found = _ISO.match(text)
    if found is None:
        return escape(text)
    return Markup('<time datetime="{}" data-until>{} {}</time>').format(text, *found.groups())


def moment(at_us: int) -> Markup:
    return when(iso(at_us))


def money(amount_minor: int, currency: str) -> str:
    return str(Money(amount_minor, currency)) if currency else str(amount_minor)


def took(microseconds: int) -> str:
    """`340 µs`, `1.2 ms`, `2.5 s`."""
    if microseconds < 0:
        return "not measured"
    if microseconds < 1_000:
        return f"{microseconds} µs"
    if microseconds < 1_000_000:
        return f"{microseconds / 1_000:.1f} ms"
    return f"{microseconds / 1_000_000:.1f} s"


def count(number: int) -> str:
    return f"{number:,}"


def size(number: int) -> str:
    """`1.4 GB`: powers of ten, as disks are sold."""
    amount = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1_000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1_000
    return f"{amount:.1f} TB"


def words(code: str) -> str:
    """A code of ours as words: `no_owner` is `no owner`."""
    return code.replace("_", " ").replace(".", " ")


def is_erased(text: str) -> bool:
    """Whether these words were erased, and the mark of that stands in their place."""
    return text == ERASED or text.startswith("(erased at index ")


def limit(text: str) -> str:
    """A tool's limit as it is declared, with its money written out: `amount per day 600.00 USD`."""
    found = _LIMIT.fullmatch(text)
    if found is None:
        return words(text)
    what, each, amount_minor, currency = found.groups()
    return f"{words(what + each)} {Money(int(amount_minor), currency)}"


def plural(number: int, one: str, many: str = "") -> str:
    """`1 case`, `2 cases`."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def holder(text: str, names: dict[str, str]) -> str:
    """A lease's holder: `agent support`, `queue orders`, or a person by name."""
    return names.get(text) or tell_holder(text)


FILTERS = {
    "at": at, "count": count, "holder": holder, "ident": ident, "limit": limit, "moment": moment,
    "money": money, "plural": plural, "said": said, "short": short, "size": size, "told": told,
    "took": took, "until": until, "when": when, "words": words,
}  # fmt: skip
