"""`party export`: everything that is held about a party, as one file."""

from pathlib import Path
from typing import Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AsJson,
    Home,
    ask,
    many,
    out,
    out_json,
    talk,
    talk_next,
)


def party_export(
    party_id: Annotated[str, typer.Argument(help="As `answerable party list` names it.")],
    file: Annotated[Path, typer.Option("-o", "--output", help="A file that is not there yet.")],
    by: Annotated[str, typer.Option("--by", help="Who is given it: id or email address.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Everything that is held about a party, as far as --by may read it, as one file."""
    from answerable.worker.verbs import PartyExport
    from answerable.worker.verbs.access import AccessView

    view = ask(home, PartyExport(str(file.absolute()), party_id, by), AccessView)
    if as_json:
        out_json(view)
    else:
        out(
            f"{many(view.messages, 'message')} and {view.entries} ledger entries were written to "
            f"'{view.file}', {view.bytes} bytes. Ledger entry {view.read} says who was given them."
        )
    if view.withheld:
        talk(
            f"It is not whole: {view.withheld} of what is held may not be read by {by}; the file "
            "names the entries."
        )
    if view.archived:
        talk(
            f"{many(view.archived, 'entry').replace('entrys', 'entries')} lie in archives, which "
            "the file names."
        )
    talk_next(home, f"answerable ledger prove {view.read}")
