"""`person`, `owner`: who answers for what."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AgentName,
    AsJson,
    By,
    Home,
    MaybeBy,
    Yes,
    ask,
    at,
    check_meant,
    is_worked_on,
    many,
    new_app,
    out,
    out_json,
    out_rows,
    plain,
    talk,
    talk_next,
)

if TYPE_CHECKING:
    from answerable.worker.verbs.people import LeavingView

person = new_app("The people of the company.")
owner = new_app("Who answers for an agent.")

Who = Annotated[str, typer.Argument(help="A person's id or email address.")]
_FIRST = "answerable person add EMAIL --name NAME"


@person.command("add")
def person_add(
    email: Annotated[str, typer.Argument(help="Their address.")],
    name: Annotated[str, typer.Option(help="As people say it.")],
    reports_to: Annotated[
        str, typer.Option(help="Who is asked to answer for their agents when they leave.")
    ] = "",
    by: MaybeBy = "",
    home: Home = DEFAULT_HOME,
) -> None:
    """Put a person into the directory."""
    from answerable.worker.verbs import PersonAdd
    from answerable.worker.verbs.base import Done

    done = ask(home, PersonAdd(email, name, by, reports_to), Done)
    talk(f"{name} is {done.id}, at ledger index {done.index}.")
    talk_next(home, f"answerable owner accept AGENT --person {email}")


@person.command("leave")
def person_leave(who: Who, by: MaybeBy = "", yes: Yes = False, home: Home = DEFAULT_HOME) -> None:
    """A person leaves: nothing is done in their name any more, and their open work is handed on.

    Their keys for HTTP end with them, those of programs that they made included.
    """
    from answerable.worker.verbs import PersonLeave, PersonLeaving
    from answerable.worker.verbs.control import Stopped
    from answerable.worker.verbs.people import LeavingView

    if not yes:
        would = ask(home, PersonLeaving(who), LeavingView)
        said = f" --by {by}" if by else ""
        check_meant(home, _leaving(would), f"answerable person leave {who}{said} --yes", yes=yes)
    done = ask(home, PersonLeave(who, by), Stopped)
    if done.is_late:
        talk("A send that had begun before was still on its way when its deadline passed.")
    talk(f"Recorded at ledger index {done.index}; {many(done.moved, 'case')} went to the desk.")
    if done.holds:
        talk(f"{many(done.holds, 'hold')} became a no: nobody could say yes to them any more.")
    if done.keys:
        talk(f"{many(len(done.keys), 'key')} for HTTP ended: {', '.join(done.keys)}.")
        talk("Who used one needs another: `answerable key add --person PERSON --scope SCOPE`.")
    orphans = list(zip(done.agents, done.asked, strict=True))
    for agent_name, asked in orphans:
        talk(f"Agent {agent_name} stopped: {asked or 'nobody'} is asked to answer for it.")
    if orphans:
        agent_name, asked = orphans[0]
        talk_next(home, f"answerable owner accept {agent_name} --person {asked or 'PERSON'}")
    else:
        talk_next(home, "answerable agent list")


def _leaving(would: "LeavingView") -> str:
    """What will change, a sentence each."""
    said = [f"{would.name} ({would.person}) will leave."]
    for agent_name, asked in zip(would.agents, would.asked, strict=True):
        after = f"{asked} is asked next" if asked else "nobody is asked next: they report to nobody"
        said.append(f"Agent {agent_name} stops, until somebody accepts to answer for it; {after}.")
    said += [f"They stand in for the owner of {name} no more." for name in would.stands_in_for]
    if would.holds:
        said.append(f"{many(would.holds, 'hold')} will become a no.")
    if would.cases:
        said.append(f"{many(would.cases, 'case')} will go to the desk.")
    if would.keys:
        said.append(
            f"{many(len(would.keys), 'key')} for HTTP will open nothing any more, whichever "
            f"program uses them: {', '.join(would.keys)}."
        )
    return plain(" ".join(said))


@person.command("list")
def person_list(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Who is in the directory, and what they answer for."""
    from answerable.worker.verbs import PersonList
    from answerable.worker.verbs.people import PersonRow

    rows = ask(home, PersonList(), list[PersonRow])
    nothing = f"Nobody is in the directory. Next: {at(home, _FIRST)}"
    out_rows(home, rows, nothing, "answerable agent list", as_json=as_json)


@owner.command("set")
def owner_set(agent_name: AgentName, who: Who, by: By, home: Home = DEFAULT_HOME) -> None:
    """Ask a person to answer for an agent. Until they accept, nothing changes."""
    from answerable.worker.verbs import OwnerSet
    from answerable.worker.verbs.base import Done

    done = ask(home, OwnerSet(agent_name, who, by), Done)
    talk(f"{who} is asked, at ledger index {done.index}. Nothing changes until they accept.")
    talk_next(home, f"answerable owner accept {agent_name} --person {who}")


@owner.command("accept")
def owner_accept(
    agent_name: AgentName,
    person_id: Annotated[str, typer.Option("--person", help="The person who accepts.")],
    home: Home = DEFAULT_HOME,
) -> None:
    """A person accepts to answer for an agent: nobody owns it, or its owner asked them to."""
    from answerable.worker.verbs import OwnerAccept
    from answerable.worker.verbs.base import Done

    done = ask(home, OwnerAccept(agent_name, person_id), Done)
    talk(f"Accepted at ledger index {done.index}.")
    _tell_left(home, agent_name, person_id)
    is_at_work = is_worked_on(home)
    talk_next(home, f"answerable owner show {agent_name}" if is_at_work else "answerable worker")


def _tell_left(home: Path, agent_name: str, by: str) -> None:
    """What went to people while nobody answered stays with them: how to give it back."""
    from answerable.base.errors import AnswerableError
    from answerable.worker.verbs import DeskGiveBack
    from answerable.worker.verbs.desk import GivenBack

    try:
        left = ask(home, DeskGiveBack(agent_name, by, "no_owner"), GivenBack).left
    except AnswerableError as error:
        if error.code != "agent_unknown":
            raise
        talk(f"No release of agent '{agent_name}' has been at work here yet: is its name right?")
        return
    if left:
        give_back = f"answerable desk handback --all-of {agent_name} --because no_owner --by {by}"
        talk(
            f"{many(left, 'case')} went to people while nobody answered, which is where they stay: "
            f"the agent says nothing on them until: {at(home, give_back)}"
        )


@owner.command("delegate")
def owner_delegate(
    agent_name: AgentName,
    by: By,
    to: Annotated[str, typer.Option(help="Who stands in for its owner.")] = "",
    until: Annotated[
        str,
        typer.Option(
            help="Until when: 2026-12-24 (to its end, UTC), 2026-12-24T18:00, +8h or +3d."
        ),
    ] = "",
    is_end: Annotated[bool, typer.Option("--end", help="It ends now.")] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Somebody answers in the owner's place from now on, for a while; then the owner does again."""
    from answerable.base.clock import SystemClock, iso, read_time
    from answerable.base.errors import UsageError
    from answerable.worker.verbs import OwnerDelegate
    from answerable.worker.verbs.base import Done

    if is_end == bool(until) or is_end == bool(to):
        raise UsageError(
            "Who stands in and until when, or that it ends, is not said.", "Nothing was changed.",
            at(home, f"answerable owner delegate {agent_name} --to PERSON --until +8h --by {by}"),
        )  # fmt: skip
    try:
        until_us = read_time(until, SystemClock().now()) if until else 0
    except ValueError as error:
        raise UsageError(f"{error}.", "Nothing was changed.") from None
    done = ask(home, OwnerDelegate(agent_name, to, until_us, by), Done)
    if is_end:
        talk(f"Ended at ledger index {done.index}: its owner answers again.")
    else:
        talk(f"{to} answers from ledger index {done.index} until {iso(until_us)}.")
    talk_next(home, f"answerable owner show {agent_name}")


@owner.command("show")
def owner_show(agent_name: AgentName, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Who answers for an agent now, and how it came to that."""
    from answerable.worker.verbs import OwnerShow
    from answerable.worker.verbs.people import OwnerView

    view = ask(home, OwnerShow(agent_name), OwnerView)
    if as_json:
        out_json(view)
        return
    out(plain(view.sentence))
    if not view.accountable:
        asked = view.asked or "PERSON"
        talk_next(home, f"answerable owner accept {agent_name} --person {asked}")
