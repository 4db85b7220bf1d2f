"""How the command line talks: data on stdout, words on stderr, exit codes that mean something."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from answerable.worker.verbs import Verb

T = TypeVar("T")

DEFAULT_HOME = Path(".answerable")
Home = Annotated[
    Path, typer.Option("--home", envvar="ANSWERABLE_HOME", help="The home to work on.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
By = Annotated[str, typer.Option("--by", help="Who says so: a person's id or email address.")]


def new_app(help_text: str) -> typer.Typer:
    return typer.Typer(
        help=help_text, no_args_is_help=True, add_completion=False, rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )  # fmt: skip


def ask(home: Path, verb: "Verb", returns: type[T]) -> T:
    """Run a command on the home's worker, or on the home itself where nobody holds it."""
    from answerable.worker.ask import ask_home

    return asyncio.run(ask_home(home, verb, returns))


def out(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def talk(text: str) -> None:
    sys.stderr.write(text + "\n")


def out_json(value: object) -> None:
    import msgspec

    out(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def out_table(rows: Sequence[object], nothing: str) -> None:
    """Rows of one type as a table with their fields' names."""
    import msgspec
    from rich.console import Console
    from rich.table import Table

    if not rows:
        talk(nothing)
        return
    table = Table(box=None, pad_edge=False)
    records = [msgspec.to_builtins(row) for row in rows]
    for name in records[0]:
        table.add_column(name, overflow="fold")
    for record in records:
        table.add_row(*(_cell(value) for value in record.values()))
    Console(highlight=False).print(table)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
