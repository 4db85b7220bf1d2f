"""How the command line talks: data on stdout, words on stderr, exit codes that mean something."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from answerable.worker.verbs import Verb

T = TypeVar("T")

DEFAULT_HOME = Path(".answerable")


def _home_of(folder: Path) -> Path:
    """The home, where the folder of its project was named."""
    inside = folder / DEFAULT_HOME
    is_project = (folder / "answerable.toml").exists() and not (folder / "lock").exists()
    return inside if is_project and inside.is_dir() else folder


Home = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="ANSWERABLE_HOME",
        callback=_home_of,
        help="The home to work on, or its project.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Rows = Annotated[int, typer.Option("--limit", min=1, max=1_000, help="How many at most.")]
By = Annotated[str, typer.Option("--by", help="Who says so: a person's id or email address.")]
AgentName = Annotated[str, typer.Argument(metavar="AGENT", help="Its name.")]
OfAgent = Annotated[str, typer.Option("--agent", help="Of one agent only.")]
VKey = Annotated[
    str, typer.Option(help="The log's key, or a file with it; without, the home's own.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without, what would change is said.")]
MaybeBy = Annotated[str, typer.Option("--by", help="Who says so, if that is somebody.")]


def new_app(help_text: str) -> typer.Typer:
    return typer.Typer(
        help=help_text, no_args_is_help=True, add_completion=False, rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )  # fmt: skip


def ask(home: Path, verb: "Verb", returns: type[T]) -> T:
    """Run a command on the home's worker, or on the home itself where nobody holds it."""
    import asyncio

    from answerable.worker.ask import ask_home

    with on(home):
        return asyncio.run(ask_home(home, verb, returns))


@contextmanager
def on(home: Path) -> Iterator[None]:
    """Whatever goes wrong in here names its next command for this home."""
    from answerable.base.errors import AnswerableError

    try:
        yield
    except AnswerableError as error:
        error.next_command = at(home, error.next_command)
        raise


def is_worked_on(home: Path) -> bool:
    """Whether a worker, or another command, holds the home now."""
    from answerable.store.lock import HomeHeld, HomeLock

    try:
        HomeLock.check_free(home)
    except HomeHeld:
        return True
    return False


def check_meant(home: Path, what: str, command: str, *, yes: bool) -> None:
    """Say what will change, unless that was said already. Raises UsageError."""
    from answerable.base.errors import UsageError

    if not yes:
        said = at(home, command)
        raise UsageError(f"{what} Say --yes to do it.", "Nothing was changed.", said)


def out(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def talk(text: str) -> None:
    """Whoever's words it quotes: a backup, a file's name, or a ledger may be a stranger's."""
    sys.stderr.write(plain(text) + "\n")


def talk_next(home: Path, command: str) -> None:
    """What to do next, as it can be typed."""
    talk(f"Next: {at(home, command)}")


def at(home: Path, command: str) -> str:
    """A command of ours, for the home that was worked on."""
    is_ours = command.startswith("answerable ") and "--" + "help" not in command
    is_said = home == DEFAULT_HOME or os.environ.get("ANSWERABLE_HOME") == str(home)
    if not is_ours or is_said or "--home" in command or command.split()[1] == "policy":
        return command
    return f"{command} --home {shlex.quote(str(home))}"


def plain(text: str) -> str:
    """Text of strangers for a terminal: what would move its cursor or colour it is shown."""
    return text.translate(_SHOWN)


_SHOWN = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"}
_SHOWN |= dict.fromkeys(range(0x7F, 0xA0), 0xFFFD)


def out_json(value: object) -> None:
    import msgspec

    out(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def out_rows(home: Path, rows: Sequence[object], nothing: str, then: str, *, as_json: bool) -> None:
    """A list, and the likely next command, with the first row as `{0}`."""
    if as_json:
        out_json(rows)
        return
    out_table(rows, nothing)
    if rows:
        talk_next(home, then.format(rows[0]))


def out_table(rows: Sequence[object], nothing: str) -> None:
    """Rows under their fields' names; never cut or folded, so that ids can be copied."""
    import msgspec

    if not rows:
        talk(nothing)
        return
    records = [msgspec.to_builtins(row) for row in rows]
    lines = [[_heading(name) for name in records[0]]]
    lines += [[_cell(value) for value in record.values()] for record in records]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        out("  ".join(padded).rstrip())


def _heading(field_name: str) -> str:
    """`stopped` of `is_stopped`."""
    return field_name.removeprefix("is_").removeprefix("has_").replace("_", " ")


def many(count: int, what: str) -> str:
    """`1 case`, `3 cases`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def out_fields(view: object, but: Sequence[str] = ()) -> None:
    """One thing, a line a field; what has several lines is set off. Empty ones are left out."""
    import msgspec

    record = {name: value for name, value in msgspec.to_builtins(view).items() if name not in but}
    width = max(map(len, record))
    for name, value in record.items():
        if value in ("", [], {}, None):
            continue
        many = [f"{k}: {_cell(v)}" for k, v in value.items()] if isinstance(value, dict) else value
        lines = many if isinstance(many, list) else str(value).split("\n")
        lines = [line for each in lines for line in str(each).split("\n")]
        out(f"{name.ljust(width)}  {_cell(lines[0])}")
        for line in lines[1:]:
            out(f"{' ' * width}  {_cell(line)}")


def counts(numbers: Mapping[str, int]) -> str:
    """`interactions 12, held 1`."""
    return ", ".join(f"{name} {number}" for name, number in numbers.items())


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return plain(text).replace("\n", "\u240a").replace("\t", " ")
