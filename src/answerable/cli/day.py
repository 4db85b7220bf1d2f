"""`demo`: a production day, and the console on the day that was just run."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from answerable.cli.serve import serve
from answerable.cli.talk import AsJson, at, out_json, talk


def demo(
    interactions: Annotated[int, typer.Option(min=1, help="How many messages.")] = 50_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same arrivals.")] = 1,
    home: Annotated[Path, typer.Option(help="The day's home; an earlier day's is replaced.")] = (
        Path(".answerable-day")
    ),
    source: Annotated[
        Path | None, typer.Option("--from", help="An mbox or JSON lines instead of made arrivals.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a production day, with kills, and account for it."""
    from rich.console import Console

    from answerable.cli.hire import end_with_us
    from answerable.demo.day import Day, run_day
    from answerable.demo.progress import Progress
    from answerable.demo.report import show

    end_with_us()
    progress = Progress(Console(stderr=True))
    try:
        report = run_day(Day(home, interactions, seed, source), progress)
    finally:
        progress.end()
    code = 0 if report.is_good else 1
    if as_json:
        out_json(report)
        raise typer.Exit(code)
    show(report, Console())
    _show_console(home)
    raise typer.Exit(code)


def _show_console(home: Path) -> None:
    """Where the day can be looked at, and with which key; at a terminal, at once if wanted."""
    from answerable.compose.settings import read_settings
    from answerable.demo.day import make_key

    server = read_settings(home).server
    made = make_key(home)
    talk("")
    talk(f"The console on this day: `{at(home, 'answerable serve')}`, which answers on")
    talk(f"http://{server.host}:{server.port}/")
    talk(f"Its key, shown this once: {made.secret}")
    if sys.stdin.isatty() and sys.stderr.isatty():
        if not typer.confirm("Open it now, until Ctrl-C?", default=True, err=True):
            return
        serve(home)
