"""The page of an access request, for the person whom it is about. Opens from disk; no script,
nothing from elsewhere, and every word of it escaped."""

from collections.abc import Iterable, Sequence
from html import escape

import msgspec

from answerable.worker.bundling.access_file import About, Content, HeldDecision, HeldMessage
from answerable.worker.bundling.page import CSP, SCROLLED, STYLE, plain

_WITHHELD = "withheld: who asked for this file may not read it"
_WHY = {
    "not_allowed": _WITHHELD,
    "erased": "its key was destroyed",
    "archived": "it lies in an archive",
    "damaged": "it cannot be read",
}


def about_page(about: About) -> str:
    """HTML."""
    title = f"What is held about {about.party}"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            CSP,
            f"<title>{_text(title)}</title><style>{STYLE}</style></head><body><main>",
            f"<h1>{_text(title)}</h1>",
            *_head(about),
            "<h2>Messages</h2>",
            *([line for one in about.messages for line in _message(one)] or ["<p>None.</p>"]),
            *_waiting(about),
            *_entries(about),
            *_withheld(about),
            "</main></body></html>\n",
        ]
    )


def _text(text: str) -> str:
    return escape(plain(text))


def _pre(text: str) -> str:
    return f"<pre>{_text(text)}</pre>"


def _list(items: Sequence[str]) -> str:
    inside = "".join(f"<li>{_text(item)}</li>" for item in items)
    return f"<ul>{inside}</ul>" if items else "<p>None.</p>"


def _head(about: About) -> Iterable[str]:
    yield (
        f"<p>Made on {_text(about.made_at)} for {_text(about.by)}, as entry {about.read} of the "
        f"ledger <code>{_text(about.origin)}</code> says. The same, for programs: "
        '<a href="about.json">about.json</a>.</p>'
    )
    if any(one.why == "not_allowed" for one in about.withheld):
        yield (
            '<p><strong>This is not all of it.</strong> Some words are <a href="#withheld">'
            "withheld</a>.</p>"
        )
    yield "<h2>Addresses</h2>"
    yield _list([f"{one.kind}: {one.display}" for one in about.identifiers])
    yield "<h2>What stands now</h2>"
    yield _list(about.states)
    yield "<h2>Cases</h2>"
    yield _list(
        [
            f"{one.case} with agent {one.agent}, held by {one.holder}"
            + (f", waits in queue {one.queue}: {one.code}" if one.queue else "")
            for one in about.cases
        ]
    )


def _message(one: HeldMessage) -> Iterable[str]:
    yield f"<section><h3>{_text(one.at)} by {_text(one.rail)}: {_text(one.disposition)}</h3>"
    yield f"<p><code>{_text(one.interaction)}</code> in case <code>{_text(one.case)}</code></p>"
    if one.is_withheld:
        yield f"<p>({_WITHHELD})</p></section>"
        return
    yield f"<p>From {_text(one.sender)} ({_text(one.external_id)})</p>"
    if one.subject:
        yield f"<p>Subject: {_text(one.subject)}</p>"
    yield _pre(one.text)
    for reply in one.replies:
        yield f"<h4>Answered {_text(reply.at)} by {_text(reply.rail)}</h4>{_pre(reply.text)}"
    for decision in one.decisions:
        yield from _decision(decision)
    for step in one.steps:
        yield f"<h4>Recorded step: {_text(step.name)}</h4>{_pre(step.result)}"
    yield "</section>"


def _decision(one: HeldDecision) -> Iterable[str]:
    owner = f"{one.owner_name} ({one.owner})" if one.owner else "nobody"
    who = f"agent {one.agent}, release {one.release}" if one.agent else "a person"
    yield f"<h4>Decision {_text(one.decision)}: {_text(one.action)}</h4><dl>"
    for name, said in (
        ("Proposed by", who),
        ("Its model", one.model),
        ("Exactly", one.exact),
        ("Verdict", one.verdict),
        ("Why", "\n".join(one.reasons) or "\n".join(one.rules)),
        ("What was looked at", _content(one.inputs)),
        ("Who answers for it", owner),
        ("Decided by", ", ".join(one.decided_by)),
        ("Now", one.status),
        ("Becomes a no", one.expires_at),
        ("What became of it", "\n".join(one.ended)),
    ):
        if said:
            yield f"<dt>{name}</dt><dd>{_pre(said)}</dd>"
    yield "</dl>"


def _waiting(about: About) -> Iterable[str]:
    if about.waiting:
        yield "<h2>Waiting to be read</h2>"
    for one in about.waiting:
        yield f"<h3>{_text(one.at)} by {_text(one.rail)}</h3>"
        if one.is_withheld:
            yield f"<p>({_WITHHELD})</p>"
        else:
            yield f"<p>From {_text(one.sender)}. {_text(one.subject)}</p>{_pre(one.text)}"


def _content(content: Content) -> str:
    if not content:
        return ""
    if isinstance(content, str):
        return content
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()


def _entries(about: About) -> Iterable[str]:
    heads = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("Entry", "When", "What", "Accountable", "What was sealed")
    )
    yield f"<h2>Ledger</h2>{SCROLLED}"
    yield f"<table><caption>Entries, oldest first</caption><thead><tr>{heads}</tr>"
    yield "</thead><tbody>"
    for one in about.entries:
        said = _content(one.content)
        yield (
            f'<tr><th scope="row">{one.index}</th><td>{_text(one.at)}</td>'
            f"<td>{_text(one.what)}</td><td>{_text(one.accountable)}</td>"
            f"<td>{_pre(said) if said else ''}</td></tr>"
        )
    yield "</tbody></table></div>"


def _withheld(about: About) -> Iterable[str]:
    if about.withheld:
        yield '<h2 id="withheld">What is not in this file</h2>'
        yield _list([f"entry {one.index}: {_WHY[one.why]} {one.where}" for one in about.withheld])
