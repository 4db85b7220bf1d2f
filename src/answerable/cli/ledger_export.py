"""`ledger export`: an answer for a stranger, as one file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from answerable.cli.talk import DEFAULT_HOME, AsJson, Home, ask, on, out, out_json, talk_next

Day = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Of an owner: from, or before, UTC.")
]


def ledger_export(
    file: Annotated[Path, typer.Option("-o", "--output", help="A file that is not there yet.")],
    about: Annotated[
        str, typer.Argument(metavar="[ID]", help="A decision, case, party, person, or agent.")
    ] = "",
    since: Day = None,
    until: Day = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """What the ledger has about an id, or all of it, with its proofs, as one file."""
    from answerable.worker.verbs import LedgerExport
    from answerable.worker.verbs.bundles import BundleView

    with on(home):
        verb = LedgerExport(
            str(file.absolute()), _KIND_OF.get(about.partition("_")[0], "agent") if about
            else "everything", about, _us(since), _us(until),
        )  # fmt: skip
    view = ask(home, verb, BundleView)
    if as_json:
        out_json(view)
    else:
        out(
            f"{view.entries} entries of a log of {view.size} were written to '{view.file}', "
            f"{view.bytes} bytes. No word that people wrote is in it."
        )
    talk_next(home, f"answerable ledger verify --bundle {file}")


_KIND_OF = {"dec": "decision", "cas": "case", "pty": "party", "per": "owner"}


def _us(day: datetime | None) -> int | None:
    return None if day is None else int(day.replace(tzinfo=UTC).timestamp()) * 1_000_000
