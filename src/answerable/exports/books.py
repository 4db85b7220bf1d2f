"""The other side's books against the ledger, by key.

Each effect has a key that the other system is given before it does anything. What its books have
under a key that no entry names was done past the ledger; what an entry calls done under a key that
they lack was not done. Neither is seen by any signature: only the other side knows what it did.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from answerable.base.errors import UsageError
from answerable.ledger.domain import Entry, Kind

KEY_CHARS_MAX = 200
KEYS_MAX = 5_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """What the two sides say of one key; `index` is of the last entry that speaks of it."""

    key: str
    index: int | None
    problem: str


@dataclass(slots=True)
class Compared:
    """`open` are effects of which the ledger does not know how they ended, and the books do."""

    in_books: int
    recorded: int = 0  # effects of the tool that the ledger says ended well in that time
    agreed: int = 0
    differences: list[Difference] = field(default_factory=list)
    open: list[Difference] = field(default_factory=list)


@dataclass(slots=True)
class _Effect:
    tool: str
    kind: Kind
    index: int
    ts: int


def compare(
    entries: Iterable[Entry], books: Counter[str], tool: str, since: int = 0, until: int = 2**62
) -> Compared:
    """Hold `books`, how often they have each key, against all entries of a log, in ledger order.
    Raises UsageError where the log names no effect of `tool`.

    Effects of `tool` that ended from `since` up to `until` (microseconds, UTC) are looked for in
    the books; what is in the books is looked for in the whole log, whenever it was done.
    """
    recorded = _recorded(entries)
    tools = sorted({effect.tool for effect in recorded.values()} - {""})
    if tool not in tools:
        raise UsageError(
            f"No entry names an effect of '{tool}'; there are effects of "
            f"{', '.join(tools) or 'none'}.",
            "Nothing was compared.", "name one of those with --tool",
        )  # fmt: skip
    found = Compared(books.total())
    for key, count in sorted(books.items()):
        _take(found, key, count, recorded.get(key), tool)
    for key, effect in recorded.items():
        if effect.tool != tool or effect.kind != "effect.done" or not since <= effect.ts < until:
            continue
        found.recorded += 1
        if key not in books:
            said = "the ledger says that it was done, and the books do not have it"
            found.differences.append(Difference(key, effect.index, said))
    return found


def _recorded(entries: Iterable[Entry]) -> dict[str, _Effect]:
    """By key: whose effect it is, and the last that was said of it."""
    effects: dict[str, _Effect] = {}
    for entry in entries:
        if entry.effect is None:
            continue
        known = effects.get(entry.effect.key)
        if known is None:
            tool = entry.action.name if entry.action is not None else ""
            effects[entry.effect.key] = _Effect(tool, entry.kind, entry.seq, entry.ts)
        elif entry.kind.startswith("effect."):
            known.kind, known.index, known.ts = entry.kind, entry.seq, entry.ts
    return effects


def _take(found: Compared, key: str, count: int, effect: _Effect | None, tool: str) -> None:
    problems = list(_problems(count, effect, tool))
    index = effect.index if effect is not None else None
    found.differences += [Difference(key, index, problem) for problem in problems]
    if problems or effect is None:
        return
    if effect.kind == "effect.done":
        found.agreed += 1
    else:
        found.open.append(Difference(key, index, "the books have it: a person can settle it"))


def _problems(count: int, effect: _Effect | None, tool: str) -> Iterator[str]:
    if count > 1:
        yield f"the books have it {count} times"
    if effect is None:
        yield "the books have it, and no entry names it"
    elif effect.tool != tool:
        yield f"the books have it, and it is an effect of '{effect.tool}'"
    elif effect.kind == "effect.failed":
        yield "the books have it, and the ledger says that it failed"
    elif effect.kind == "decided":
        yield "the books have it, and no entry says that it was begun"
