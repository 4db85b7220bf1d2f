"""`ledger export`: an answer for a stranger, as one file."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from answerable.cli.grouped import grouped
from answerable.cli.talk import DEFAULT_HOME, AsJson, Home, ask, on, out, out_json, talk, talk_next

Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Of a person, both: from, and before, this day, UTC."),
]


@dataclass(frozen=True, slots=True)
class Bodies:
    """Whether words are given too, to whom, and how they open."""

    bodies: Annotated[
        bool, typer.Option("--bodies", help="Also what people wrote, as far as --by may read it.")
    ] = False
    by: Annotated[str, typer.Option(help="Who is given the bodies: id or email address.")] = ""
    whole_keys: Annotated[
        bool,
        typer.Option(
            "--whole-keys",
            help="Give the keys themselves: shows that there is no second reading, and opens all "
            "that they sealed.",
        ),
    ] = False

    def check(self) -> None:
        """Raises UsageError."""
        from answerable.base.errors import UsageError

        if self.bodies != bool(self.by) or (self.whole_keys and not self.bodies):
            raise UsageError(
                "Bodies are given to somebody: --bodies, --by and, if it is meant, --whole-keys go "
                "together.", "Nothing was written.",
                "answerable ledger export --output FILE --bodies --by PERSON",
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Period:
    since: Day = None
    until: Day = None

    def check(self) -> None:
        """Raises UsageError."""
        from answerable.base.clock import us_of
        from answerable.base.errors import UsageError
        from answerable.ledger.domain import INTEGER_MAX

        for day in (self.since, self.until):
            if day is not None and not 0 <= us_of(day) <= INTEGER_MAX:
                raise UsageError(
                    f"No entry can be of {day.date()}: a ledger's times begin in 1970 and end in "
                    "2255.", "Nothing was written.", "name days between 1970-01-01 and 2255-01-01",
                )  # fmt: skip


@grouped
def ledger_export(
    file: Annotated[Path, typer.Option("--output", "-o", help="A file that is not there yet.")],
    period: Period,
    bodies: Bodies,
    about: Annotated[
        str,
        typer.Argument(
            metavar="[ID]", help="A decision, case, party, agent; a person, also by address."
        ),
    ] = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """What the ledger has about an id, or all of it, with its proofs, as one file."""
    from answerable.base.clock import us_of
    from answerable.worker.verbs import LedgerExport
    from answerable.worker.verbs.bundles import BundleView

    with on(home):
        bodies.check()
        period.check()
        kind = _kind_of(about)
        verb = LedgerExport(
            str(file.absolute()), kind, about, us_of(period.since) if period.since else None,
            us_of(period.until) if period.until else None, bodies.by, bodies.whole_keys,
        )  # fmt: skip
    view = ask(home, verb, BundleView)
    if as_json:
        out_json(view)
    else:
        said = "No word that people wrote is in it."
        if bodies.by:
            said = (
                f"{view.bodies} bodies are in it, as ledger entry {view.read} says; "
                f"{view.withheld} are withheld: answer.json says of each why. A person may read "
                "what is of their agents and cases; an auditor, all of it."
            )
        out(
            f"{view.entries} entries of a log of {view.size} were written to '{view.file}', "
            f"{view.bytes} bytes. {said}"
        )
    for name in view.missing:
        talk(f"Entries name {name}. This home kept nothing of it: it is not in the file.")
    talk_next(home, f"answerable ledger verify --bundle {file}")


def _kind_of(about: str) -> str:
    if not about:
        return "everything"
    return "owner" if "@" in about else _KIND_OF.get(about.partition("_")[0], "agent")


_KIND_OF = {"dec": "decision", "cas": "case", "pty": "party", "per": "owner"}
