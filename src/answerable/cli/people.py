"""`person`, `owner`: who answers for what."""

from typing import Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AgentName,
    AsJson,
    By,
    Home,
    MaybeBy,
    ask,
    at,
    new_app,
    out,
    out_json,
    out_rows,
    plain,
    talk,
    talk_next,
)

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
def person_leave(who: Who, by: MaybeBy = "", home: Home = DEFAULT_HOME) -> None:
    """A person leaves: nothing is done in their name any more, and their open work is handed on."""
    from answerable.worker.verbs import PersonLeave
    from answerable.worker.verbs.control import Stopped

    done = ask(home, PersonLeave(who, by), Stopped)
    if done.is_late:
        talk("A send that had begun before was still on its way when its deadline passed.")
    talk(f"Recorded at ledger index {done.index}; {done.moved} cases went to the desk.")
    orphans = list(zip(done.agents, done.asked, strict=True))
    for agent_name, asked in orphans:
        talk(f"Agent {agent_name} stopped: {asked or 'nobody'} is asked to answer for it.")
    if orphans:
        agent_name, asked = orphans[0]
        talk_next(home, f"answerable owner accept {agent_name} --person {asked or 'PERSON'}")
    else:
        talk_next(home, "answerable agent list")


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
    talk_next(home, "answerable worker")


@owner.command("delegate")
def owner_delegate(
    agent_name: AgentName,
    by: By,
    to: Annotated[str, typer.Option(help="Who stands in for its owner.")] = "",
    until: Annotated[
        str, typer.Option(help="Until when: 2026-12-24T18:00 (UTC), or +8h, +3d.")
    ] = "",
    is_end: Annotated[bool, typer.Option("--end", help="It ends now.")] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Somebody answers in the owner's place for a while; then the owner does again."""
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
    out_json(view) if as_json else out(plain(view.sentence))
