"""`person`, `owner`, `agent`: who answers for what."""

from typing import Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AsJson,
    Home,
    ask,
    new_app,
    out_json,
    out_table,
    talk,
    talk_next,
)

person = new_app("The people of the company.")
owner = new_app("Who answers for an agent.")
agent = new_app("What may speak for us.")

Who = Annotated[str, typer.Argument(help="A person's id or email address.")]
_NOBODY = "Nobody is in the directory. Next: answerable person add EMAIL --name NAME"


@person.command("add")
def person_add(
    email: Annotated[str, typer.Argument(help="Their address.")],
    name: Annotated[str, typer.Option(help="As people say it.")],
    home: Home = DEFAULT_HOME,
) -> None:
    """Put a person into the directory."""
    from answerable.worker.verbs import PersonAdd
    from answerable.worker.verbs.base import Done

    done = ask(home, PersonAdd(email, name), Done)
    talk(f"{name} is {done.id}, at ledger index {done.index}.")
    talk_next(home, f"answerable owner accept AGENT --person {email}")


@person.command("leave")
def person_leave(who: Who, home: Home = DEFAULT_HOME) -> None:
    """A person leaves: nothing is done in their name any more, and their open work is handed on."""
    from answerable.worker.verbs import PersonLeave
    from answerable.worker.verbs.control import Stopped

    done = ask(home, PersonLeave(who), Stopped)
    talk(f"Recorded at ledger index {done.index}; {done.moved} cases went to the desk.")
    talk_next(home, "answerable agent list")


@person.command("list")
def person_list(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Who is in the directory, and what they answer for."""
    from answerable.worker.verbs import PersonList
    from answerable.worker.verbs.people import PersonRow

    rows = ask(home, PersonList(), list[PersonRow])
    out_json(rows) if as_json else out_table(rows, _NOBODY)


@owner.command("accept")
def owner_accept(
    agent_name: Annotated[str, typer.Argument(metavar="AGENT", help="Its name.")],
    person_id: Annotated[str, typer.Option("--person", help="The person who accepts.")],
    home: Home = DEFAULT_HOME,
) -> None:
    """A person accepts to answer for an agent."""
    from answerable.worker.verbs import OwnerAccept
    from answerable.worker.verbs.base import Done

    done = ask(home, OwnerAccept(agent_name, person_id), Done)
    talk(f"Accepted at ledger index {done.index}.")
    talk_next(home, "answerable worker")


@agent.command("list")
def agent_list(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Each registered agent: its release, its owner, whether it is stopped."""
    from answerable.worker.verbs import AgentList
    from answerable.worker.verbs.control import AgentRow

    rows = ask(home, AgentList(), list[AgentRow])
    out_json(rows) if as_json else out_table(rows, "No agent is registered in this home.")
