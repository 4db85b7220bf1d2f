"""`init`, `chat`, `dev`: from an empty folder to an agent that somebody answers for."""

import contextlib
import itertools
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.talk import DEFAULT_HOME, Home, ask, at, on, talk, talk_next

if TYPE_CHECKING:
    from collections.abc import Callable

    from answerable.rails.port import Incoming


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
    from answerable.people.service import check_name
    from answerable.worker.verbs import OwnerAccept, PersonAdd
    from answerable.worker.verbs.base import Done

    check_name(name)
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
    there = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    talk(f"Next: {there}answerable chat")


class Shown(StrEnum):
    """What may be shown beside replies."""

    DECISIONS = "decisions"
    THOUGHTS = "thoughts"


def chat(
    agent: Annotated[str, typer.Argument(help="Whom to talk to; there may be only one.")] = "",
    sender: Annotated[str, typer.Option("--as", help="Who talks; else your login name.")] = "",
    message: Annotated[
        list[str] | None, typer.Option(help="Say this and end; may be given again.")
    ] = None,
    show: Annotated[
        list[Shown] | None,
        typer.Option(
            help="Each verdict with its rule and owner; or what its model says as it thinks, which"
            " is always shown where you type. May be given again."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON line a message.")] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Talk to an agent here, or from a pipe, a message a line. Ctrl-D ends.

    Where no worker runs, one does for as long as you talk. What is typed is said as it stands:
    a slash begins no command. Thoughts were said to nobody; they come on stderr.
    """
    import asyncio

    from answerable.base.errors import UsageError
    from answerable.cli.chat import Chat, Line, converse, rail_of
    from answerable.cli.hire import end_with_us
    from answerable.cli.lines import given, typed
    from answerable.worker.ask import check_home

    check_home(home)
    if any(not said.strip() for said in message or ()):
        raise UsageError(
            "A message of nothing is none.", "Nothing was said.",
            at(home, 'answerable chat --message "When does A1 ship?"'),
        )  # fmt: skip
    rail, agent, kind = rail_of(home, agent)
    end_with_us()
    line = Line(home)
    talking = Chat(line, _messages(rail, sender or _login(kind)), agent)
    is_typed = not message and sys.stdin.isatty()
    talking.as_json = as_json
    talking.shows_decisions = Shown.DECISIONS in (show or ())
    talking.shows_thoughts = is_typed or Shown.THOUGHTS in (show or ())
    lines = given(message) if message else typed("you> ")
    with on(home):
        asyncio.run(converse(talking, line, lines, watches=is_typed))
    if talking.last_decision:
        talk_next(home, f"answerable decision who {talking.last_decision}")


def dev(
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Of HTTP; 8420 if unset, 0 is any.")
    ] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Work for a home, anew on each save; show each decision."""
    import asyncio

    from answerable.cli.dev import Dev
    from answerable.cli.hire import end_with_us
    from answerable.worker.ask import check_home

    check_home(home)
    end_with_us()
    http = ("serve", "--http-only", *(("--port", str(port)) if port is not None else ()))
    with contextlib.suppress(KeyboardInterrupt):  # how it ends
        asyncio.run(Dev(home, http).run())


def _messages(rail: str, sender: str) -> "Callable[[str], Incoming]":
    """Each message has an id of its own, for ever: said again after a crash, it is the same."""
    from answerable.base.chance import SystemChance
    from answerable.rails.port import Incoming

    talk_id, numbers = SystemChance().token(8).hex(), itertools.count(1)

    def incoming(text: str) -> Incoming:
        external_id = f"chat/{talk_id}/{next(numbers)}"
        return Incoming(external_id=external_id, sender=sender, text=text, rail=rail)

    return incoming


def _login(kind: str) -> str:
    import getpass

    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container knows no names
        name = "me"
    return f"{name}@localhost" if kind == "email" else name
