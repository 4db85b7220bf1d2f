"""The command line's tree of nouns, and how its errors end."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from answerable.cli import desk, ledger, people
from answerable.cli.talk import DEFAULT_HOME, AsJson, Home, new_app, out_json, talk

app = new_app("Infrastructure that agents are born inside.")
for name, noun in (
    ("person", people.person),
    ("owner", people.owner),
    ("agent", people.agent),
    ("approval", desk.approval),
    ("effect", desk.effect),
    ("desk", desk.desk),
    ("case", desk.case),
    ("decision", ledger.decision),
    ("ledger", ledger.ledger),
    ("policy", ledger.policy),
):
    app.add_typer(noun, name=name)


@app.command()
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
    """Run a production day through the platform, with kills, and account for it."""
    from rich.console import Console

    from answerable.demo.day import Day, run_day
    from answerable.demo.progress import Progress
    from answerable.demo.report import show

    progress = Progress(Console(stderr=True))
    try:
        report = run_day(Day(home, interactions, seed, source), progress)
    finally:
        progress.end()
    if as_json:
        out_json(report)
    else:
        show(report, Console())
    raise typer.Exit(0 if report.is_good else 1)


@app.command()
def worker(
    home: Home = DEFAULT_HOME,
    plan: Annotated[str, typer.Option(hidden=True, help="module:function")] = "",
) -> None:
    """Work for a home: take messages, run its agents, answer commands. Supervised."""
    from answerable.compose.configured import read_settings
    from answerable.worker.supervisor import PRODUCTION, supervise

    stall_s = read_settings(home).worker.stall_s
    raise typer.Exit(supervise(home, plan=plan or PRODUCTION, stall_s=stall_s))


@app.command()
def stop(
    scope: Annotated[str, typer.Argument(help="An agent, or --all.")] = "",
    by: Annotated[str, typer.Option("--by", help="Who stops it.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every agent.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Let it go again.")] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Stop an agent: its next effect does not happen, in this life and the next."""
    from answerable.cli.talk import ask
    from answerable.worker.commands.office import Done
    from answerable.worker.verbs import Stop

    if bool(scope) == everything or not by:
        raise typer.BadParameter("name one AGENT or --all, and --by PERSON")
    done = ask(home, Stop(scope or "*", by, is_on=not resume), Done)
    talk(f"Recorded at ledger index {done.index}. Next: answerable agent list")


def run() -> None:
    """Run the command line; an error of ours is three sentences and its exit code."""
    from answerable.base.errors import AnswerableError

    try:
        app()
    except AnswerableError as error:
        talk(f"error ({error.code}): {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        talk("interrupted")
        sys.exit(130)
