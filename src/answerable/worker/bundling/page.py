"""The page of a bundle: what was asked and found, for people. Opens from disk; no script, nothing
from elsewhere, and every word of it escaped."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from answerable.base.clock import iso
from answerable.ledger.bundle import Asked, Given, body_name, entry_name, proof_name
from answerable.ledger.domain import Entry
from answerable.ledger.note import Checkpoint
from answerable.ledger.telling import tell

SHOWN_MAX = 1_000
WORDS_SHOWN_MAX = 4_000
STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1b1b; --link: #0b4fb3; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16181b; --ink: #e8e8e8; --link: #9cc2ff; }
}
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
  background: var(--paper); color: var(--ink); overflow-wrap: anywhere; }
a { color: var(--link); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; min-width: 44rem; }
caption { text-align: left; font-weight: bold; padding: .5rem 0; }
th, td { border-bottom: 1px solid GrayText; padding: .4rem; text-align: left; vertical-align: top; }
code { overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
dt { font-weight: bold; }
"""
CSP = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
)
SCROLLED = '<div class="scroll" role="region" aria-label="Entries" tabindex="0">'
"""Around a table: on a phone it moves by itself, by finger and by key."""
_HEADINGS = ("Entry", "When", "What", "Accountable", "Proof")


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as the page tells it."""

    index: int
    at: str
    what: str
    accountable: str


@dataclass(frozen=True, slots=True)
class Words:
    """What a body says, as it is shown."""

    index: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page is about."""

    asked: Asked
    head: Checkpoint
    made: int
    found: int  # entries of the answer
    bodies: Given | None = None
    is_complete: bool = False  # whether a proof that nothing was left out lies beside it
    missing: tuple[str, ...] = ()  # policy sets and releases that entries name, and are not in it


def row_of(entry: Entry) -> Row:
    owner = entry.owner
    accountable = ""
    if owner is not None:
        via = f", standing in for {owner.via}" if owner.via else ""
        accountable = f"{owner.person}{via}, since entry {owner.accepted_at}"
    return Row(entry.seq, iso(entry.ts), tell(entry), accountable)


def page(shown: Shown, rows: Sequence[Row], words: Sequence[Words]) -> str:
    """HTML. `rows` are the first of what was found, `words` of the bodies."""
    question = _question(shown.asked)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            CSP,
            f"<title>{_text(question)}</title><style>{STYLE}</style></head><body><main>",
            f"<h1>{_text(question)}</h1>",
            *_found(shown),
            *_table(rows),
            *_rest(shown.asked, rows, shown.found),
            *_said(words),
            "</main></body></html>\n",
        ]
    )


def _found(shown: Shown) -> Iterable[str]:
    head = shown.head
    yield (
        f"<p>Found: {shown.found} ledger entries, in the log <code>{_text(head.origin)}</code> of "
        f"{head.size} entries, on {_text(iso(shown.made))}. Persons and parties stand here by "
        f"their ids. {_given(shown.bodies)}</p>"
    )
    yield (
        f"<p>Root of the log: <code>{head.root.hex()}</code>. Its signature is in "
        '<a href="checkpoint">checkpoint</a>; what this file holds is listed in '
        '<a href="MANIFEST">MANIFEST</a>, which <a href="SEAL">SEAL</a> signs. This page '
        "proves nothing by itself: verify the file, with a key that you did not get with "
        "it.</p>"
    )
    if shown.is_complete:
        yield (
            '<p>That nothing was left out is shown by <a href="completeness.json">'
            "completeness.json</a>, up to the close that it names.</p>"
        )
    elif shown.asked.kind != "everything":
        yield "<p>Nothing in this file shows that nothing was left out of it.</p>"
    if shown.missing:
        what = "".join(f"<li><code>{_text(each)}</code></li>" for each in shown.missing)
        yield f"<p>Its entries name what the home that wrote it did not keep:</p><ul>{what}</ul>"


def _given(bodies: Given | None) -> str:
    if bodies is None:
        return "No name and no word of theirs is in this file."
    return (
        f"{len(bodies.given)} bodies are in it, which {_text(bodies.by)} was given to read (entry "
        f"{bodies.read} of the log says so); {len(bodies.withheld)} are withheld, each with its "
        'reason in <a href="answer.json">answer.json</a>.'
    )


def _said(words: Sequence[Words]) -> Iterable[str]:
    if not words:
        return
    yield "<h2>What was sealed</h2><p>Words of others, as they came: believe none of them.</p><dl>"
    for one in sorted(words, key=lambda one: one.index):
        text = one.text[:WORDS_SHOWN_MAX]
        cut = " [...]" if len(one.text) > WORDS_SHOWN_MAX else ""
        yield (
            f'<dt><a href="{body_name(one.index)}">entry {one.index}</a>, {_text(one.kind)}</dt>'
            f"<dd><pre>{_text(text)}{cut}</pre></dd>"
        )
    yield "</dl>"


def _text(text: str) -> str:
    return escape(plain(text))


def plain(text: str) -> str:
    """Without what turns a line around, hides words or is no character of HTML."""
    return "".join(
        char if char in "\n\t" or unicodedata.category(char) not in _HIDDEN else "\ufffd"
        for char in text
    )


_HIDDEN = frozenset({"Cc", "Cf", "Cs"})


def _question(asked: Asked) -> str:
    if asked.since is None or asked.until is None:
        return f"The ledger on {asked.kind} {asked.of}".rstrip()
    return f"The ledger on owner {asked.of} from {iso(asked.since)} to {iso(asked.until)}"


def _table(rows: Sequence[Row]) -> Iterable[str]:
    if not rows:
        return
    heads = "".join(f'<th scope="col">{name}</th>' for name in _HEADINGS)
    yield SCROLLED
    yield f"<table><caption>Entries, oldest first</caption><thead><tr>{heads}</tr></thead><tbody>"
    for row in rows:
        yield (
            f'<tr><th scope="row"><a href="{entry_name(row.index)}">{row.index}</a></th>'
            f"<td>{_text(row.at)}</td><td>{_text(row.what)}</td>"
            f"<td>{_text(row.accountable)}</td>"
            f'<td><a href="{proof_name(row.index)}">proof of entry {row.index}</a></td></tr>'
        )
    yield "</tbody></table></div>"


def _rest(asked: Asked, rows: Sequence[Row], found: int) -> Iterable[str]:
    if asked.kind == "everything":
        yield "<p>All entries lie in <code>tile/entries/</code>, as C2SP tlog-tiles has them.</p>"
    elif found > len(rows):
        yield f"<p>{found - len(rows)} more are in the folder <code>entries/</code>.</p>"
