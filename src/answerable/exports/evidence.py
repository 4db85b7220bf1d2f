"""An evidence pack: what a log shows of what a rule asks, and what it does not. It claims nothing
more. Each count stands beside the command that prints it again from `counted.csv`, which names the
entries that were counted."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from answerable.base.clock import iso
from answerable.exports.frameworks import PARAGRAPHS, TITLES, Framework, Paragraph
from answerable.exports.measures import Tally, measures
from answerable.exports.table import line
from answerable.ledger.domain import Entry

COUNTED = "counted.csv"
NO_CLAIM = (
    "This pack claims no compliance. It says what a verified log shows, and what it does not show. "
    "Whether a system is high-risk, and which of these rules bind whom, is not known to it."
)
UNSIGNED = (
    "The pack is not signed: make it again from the bundle with the same command and compare. The "
    "paragraphs are in our words; read the rule itself."
)


@dataclass(frozen=True, slots=True)
class Source:
    """The verified bundle that was counted. Times are microseconds, UTC."""

    origin: str
    size: int
    root: str
    made: int
    bundle_sha256: str
    since: int | None = None  # of what is counted
    until: int | None = None

    def tally(self) -> Tally:
        return Tally(self.made, self.since, self.until)


@dataclass(frozen=True, slots=True)
class Count:
    name: str
    count: int
    says: str
    command: str


def to_counted(entries: Iterable[Entry], tally: Tally) -> Iterator[bytes]:
    """A row for each measure and entry that counts for it; fills the tally."""
    yield line(("measure", "index", "at", "kind", "id"))
    for entry in entries:
        for name in tally.names(entry):
            yield line((name, entry.seq, iso(entry.ts), entry.kind, entry.id))


def counts_of(paragraph: Paragraph, tally: Tally) -> list[Count]:
    named = measures(0)
    return [
        Count(name, tally.counts[name], named[name].says, f"grep -c '^{name},' {COUNTED}")
        for name in paragraph.shown
    ]


def to_json(framework: Framework, source: Source, tally: Tally) -> bytes:
    pack = {
        "framework": framework.value,
        "title": TITLES[framework],
        "claims": NO_CLAIM,
        "made_from": source,
        "first_entry_at": tally.first,
        "last_entry_at": tally.last,
        "paragraphs": [
            {
                "at": each.at,
                "asks": each.asks,
                "shown": counts_of(each, tally),
                "proof": each.proof,
                "not_shown": each.gaps,
            }
            for each in PARAGRAPHS[framework]
        ],
    }
    return msgspec.json.format(msgspec.json.encode(pack), indent=1) + b"\n"


def to_markdown(framework: Framework, source: Source, tally: Tally) -> bytes:
    return "\n".join(_lines(framework, source, tally)).encode()


def _lines(framework: Framework, source: Source, tally: Tally) -> Iterator[str]:
    yield f"# Evidence: {TITLES[framework]}\n"
    yield f"{NO_CLAIM}\n\n{UNSIGNED}\n"
    since = iso(source.since) if source.since is not None else "the first entry"
    until = f"before {iso(source.until)}" if source.until is not None else "to the last"
    yield f"- Log `{source.origin}`, {source.size} entries, root `{source.root}`."
    yield f"- Bundle of {iso(source.made)}, SHA-256 `{source.bundle_sha256}`."
    if tally.first is not None and tally.last is not None:
        yield f"- First entry {iso(tally.first)}, last {iso(tally.last)}."
    yield f"- Counted: from {since}, {until}; what is kept, over all times."
    yield f"- `{COUNTED}` names each entry that was counted; `answerable ledger prove INDEX` proves"
    yield "  one of them.\n"
    for each in PARAGRAPHS[framework]:
        yield from _paragraph(each, tally)


def _paragraph(paragraph: Paragraph, tally: Tally) -> Iterator[str]:
    yield f"## {paragraph.at}\n\n{paragraph.asks}\n"
    if not paragraph.shown:
        yield "Nothing in the log speaks to this.\n"
    else:
        yield "| count | what | counted again by |\n|---:|---|---|"
        for each in counts_of(paragraph, tally):
            yield f"| {each.count} | {each.says} | `{each.command}` |"
        yield ""
    for command in paragraph.proof:
        yield f"- Proof: `{command}`"
    for gap in paragraph.gaps:
        yield f"- **Not shown:** {gap}"
    yield ""
