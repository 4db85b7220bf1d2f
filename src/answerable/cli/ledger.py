"""`ledger`: the record, what is in it, and its proofs."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AsJson,
    Home,
    MaybeBy,
    Rows,
    Yes,
    ask,
    check_meant,
    new_app,
    on,
    out,
    out_json,
    plain,
    talk,
    talk_next,
)

ledger = new_app("The record, and its proofs.")

Index = Annotated[int, typer.Argument(min=0, help="An entry's place in the ledger.")]


@ledger.command("rebuild")
def ledger_rebuild(
    compact: Annotated[
        bool, typer.Option("--compact", help="Then write the database anew, without its free room.")
    ] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Make state, views and published files again from the record, where no worker runs."""
    from answerable.worker.again import make_again

    with on(home):
        made = make_again(home, compact=compact)
    out_json(made) if as_json else out(made.sentence)
    talk_next(home, "answerable ledger verify --deep")


@ledger.command("archive")
def ledger_archive(
    before: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="What had ended before this day, UTC.")
    ],
    to: Annotated[Path, typer.Option(help="A folder outside the home.")],
    by: MaybeBy = "",
    yes: Yes = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Put old bodies and published bundles away, into a verified file; proofs stay as they are."""
    from answerable.base.clock import us_of
    from answerable.worker.verbs import LedgerArchive
    from answerable.worker.verbs.archives import ArchiveView

    before_us = us_of(before)
    verb = LedgerArchive(str(to.absolute()), before_us, by, is_meant=yes)
    view = ask(home, verb, ArchiveView)
    if view.first == view.end:
        out_json(view) if as_json else out(f"Nothing more can be archived: {view.because}.")
        return
    what = (
        f"{view.bodies} bodies ({view.bytes} bytes) of entries {view.first} to {view.end - 1}, and "
        f"{view.bundles} bundles of entries, {{}} '{view.file}'"
    )
    if not yes:
        if as_json:
            out_json(view)
        command = f"answerable ledger archive --before {before:%Y-%m-%d} --to {to} --yes"
        would = f"{what.format('would be moved into')}; it ends there because {view.because}."
        check_meant(home, would, command, yes=False)
    if as_json:
        out_json(view)
    else:
        out(f"{what.format('were moved into')}, sha256 {view.sha256}: ledger entry {view.index}.")
    talk("It has what people wrote, sealed under this home's keys: keep the file as you keep them.")
    talk(
        "The database does not shrink by it: `answerable ledger rebuild --compact` writes it anew."
    )
    talk_next(home, f"answerable ledger verify --archive {view.file}")


@ledger.command("read-archive")
def ledger_read_archive(
    file: Annotated[Path, typer.Argument(help="An archive of this home.")],
    index: Index,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """What the body of an archived entry says, opened with the home's keys."""
    from answerable.worker.verbs import ArchiveRead
    from answerable.worker.verbs.archives import ArchivedBody

    body = ask(home, ArchiveRead(str(file.absolute()), index), ArchivedBody)
    if as_json:
        out_json(body)
        return
    talk(f"{body.kind} {body.entry} of {body.at}{f', from {body.sender}' if body.sender else ''}")
    out(plain(body.text))


@ledger.command("checkpoint")
def ledger_checkpoint(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The signed head of the log. Keep it elsewhere: it shows later if history was changed."""
    from answerable.worker.verbs import LedgerCheckpoint

    checkpoint = ask(home, LedgerCheckpoint(), str)
    out_json({"checkpoint": checkpoint}) if as_json else out(checkpoint)
    talk_next(home, "answerable ledger verify --earlier FILE")


@ledger.command("prove")
def ledger_prove(index: Index, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The proof that one entry is in the log, as a C2SP tlog-proof."""
    from answerable.worker.verbs import LedgerProve

    proof = ask(home, LedgerProve(index), str)
    out_json({"index": index, "proof": proof}) if as_json else out(proof)


@ledger.command("search")
def ledger_search(
    id_: Annotated[
        str,
        typer.Argument(
            metavar="[ID]", help="Of an entry, case, interaction, effect, party or person."
        ),
    ] = "",
    kind: Annotated[str, typer.Option(help="One kind only, such as `decided`.")] = "",
    before: Annotated[int, typer.Option(min=0, help="Older than this ledger index.")] = 0,
    limit: Rows = 50,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Entries, newest first: all, of a kind, or whatever names an id."""
    from answerable.worker.verbs import LedgerSearch
    from answerable.worker.verbs.proofs import FoundEntry

    rows = ask(home, LedgerSearch(kind, id_, before, limit), list[FoundEntry])
    if as_json:
        out_json(rows)
        return
    if not rows:
        talk("No entry is like that. Ids stand in what `answerable decision list` prints.")
    for row in rows:
        out(f"{row.index:>8}  {row.at}  {row.kind:<16}  {row.id}  {row.summary}")
    if len(rows) == limit:
        talk_next(home, f"{_search(id_, kind)} --before {rows[-1].index}")


def _search(id_: str, kind: str) -> str:
    parts = ["answerable ledger search", id_, f"--kind {kind}" if kind else ""]
    return " ".join(part for part in parts if part)
