"""`ledger compare`: what the other side did, against what the ledger says was done."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.grouped import grouped
from answerable.cli.talk import DEFAULT_HOME, AsJson, Home, VKey, on, out, out_json, plain
from answerable.cli.whole_bundle import check_everything, check_period

if TYPE_CHECKING:
    from answerable.exports.books import Compared

_SHOWN_MAX = 100
Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Effects that ended from, or before, then, UTC."),
]


@dataclass(frozen=True, slots=True)
class Whose:
    """The tool whose effects are looked for, and when they ended."""

    tool: Annotated[str, typer.Option(help="The tool whose effects the books are of.")]
    since: Day = None
    until: Day = None


@grouped
def ledger_compare(
    bundle: Annotated[Path, typer.Argument(help="What `ledger export` wrote, of everything.")],
    books: Annotated[Path, typer.Argument(help="The other side's keys, one to a line.")],
    whose: Whose,
    vkey: VKey = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Hold the other side's books against the ledger, by the key that each effect was given.

    Exit code 1 where one has what the other does not.
    """
    from answerable.base.clock import us_of
    from answerable.exports.books import compare
    from answerable.ledger.verify_bundle import BundleReader
    from answerable.worker.verification import verify_bundle_of

    with on(home):
        check_period(whose.since, whose.until)
        keys = _keys(books)
        check_everything(
            verify_bundle_of(home, bundle, vkey), "what it lacks would be taken for not recorded"
        )
        with BundleReader(bundle) as reader:
            compared = compare(
                reader.entries(), keys, whose.tool,
                us_of(whose.since) if whose.since else 0,
                us_of(whose.until) if whose.until else 2**62,
            )  # fmt: skip
    if as_json:
        out_json(compared)
    else:
        _tell(compared, whose.tool)
    raise typer.Exit(1 if compared.differences else 0)


def _tell(compared: "Compared", tool: str) -> None:
    for each in [*compared.differences, *compared.open][:_SHOWN_MAX]:
        at = "" if each.index is None else f" (entry {each.index})"
        out(plain(f"{each.key}{at}: {each.problem}"))
    more = len(compared.differences) + len(compared.open) - _SHOWN_MAX
    if more > 0:
        out(f"... and {more} more: --json has all")
    out(
        plain(
            f"The books have {compared.in_books} of '{tool}', the ledger {compared.recorded} in "
            f"that time: {compared.agreed} agree, {len(compared.differences)} differ, "
            f"{len(compared.open)} are open."
        )
    )


def _keys(path: Path) -> Counter[str]:
    """Line by line. Raises UsageError for what is no list of keys."""
    from answerable.base.errors import NotFound
    from answerable.exports.books import KEY_CHARS_MAX, KEYS_MAX

    keys: Counter[str] = Counter()
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(KEY_CHARS_MAX + 2), ""), 1):
                key = line.strip()
                if len(key) > KEY_CHARS_MAX or number > KEYS_MAX:
                    raise _no_books(path, f"line {number} is longer than a key, or one too many")
                if key:
                    keys[key] += 1
    except OSError as error:
        raise NotFound(
            f"'{path}' cannot be read: {error.strerror}.", "Nothing was compared.", f"ls -l {path}"
        ) from None
    except UnicodeDecodeError:
        raise _no_books(path, "it is not UTF-8 text") from None
    return keys


def _no_books(path: Path, why: str) -> Exception:
    from answerable.base.errors import UsageError

    return UsageError(
        f"'{path}' is no list of keys, one to a line: {why}.", "Nothing was compared.",
        f"head -3 {path}",
    )  # fmt: skip
