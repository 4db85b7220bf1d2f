"""`init`: from an empty folder to an agent that somebody answers for."""

from pathlib import Path
from typing import Annotated

import typer

from answerable.cli.talk import ask, talk


def init(
    owner: Annotated[
        str, typer.Option(help="The email address of who answers for the agent: you.")
    ],
    name: Annotated[str, typer.Option(help="Your name, as people say it.")],
    folder: Annotated[Path, typer.Argument(help="Where; made if it is not there.")] = Path(),
    agent: Annotated[str, typer.Option(help="What to call the agent.")] = "support",
) -> None:
    """Write a first agent that you answer for, and its policy."""
    from answerable.cli.project import HOME, take_away, write_project
    from answerable.worker.verbs import OwnerAccept, PersonAdd
    from answerable.worker.verbs.base import Done

    written = write_project(folder, agent=agent, owner=owner)
    home = folder / HOME
    try:
        ask(home, PersonAdd(owner, name), Done)
        accepted = ask(home, OwnerAccept(agent, owner), Done)
    except BaseException:
        take_away(written)
        raise
    for path in written:
        talk(f"wrote {path}")
    talk(
        f"You ({name}) answer for this agent: '{agent}' acts in your name, by what you accepted at "
        f"ledger index {accepted.index}."
    )
    talk(
        "Next: answerable worker" if folder == Path() else f"Next: cd {folder} && answerable worker"
    )
