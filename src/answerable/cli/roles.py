"""`person grant`, `person revoke`: who may read what is not theirs."""

from typing import Annotated

import typer

from answerable.cli.people import Who
from answerable.cli.talk import DEFAULT_HOME, By, Home, ask, talk, talk_next

Role = Annotated[str, typer.Argument(help="There is one: auditor, who may read every body.")]


def person_grant(who: Who, role: Role, by: By, home: Home = DEFAULT_HOME) -> None:
    """Give a person a role. By somebody else, who answers for an agent.

    An auditor may read every body; each file of words that they are given is an entry first.
    """
    from answerable.worker.verbs import RoleSet
    from answerable.worker.verbs.base import Done

    done = ask(home, RoleSet(who, role, by), Done)
    talk(f"{who} is an {role}, at ledger index {done.index}, until it is revoked or they leave.")
    talk_next(home, f"answerable ledger export --output FILE --bodies --by {who}")


def person_revoke(who: Who, role: Role, by: By, home: Home = DEFAULT_HOME) -> None:
    """Take a role away; anybody in the directory may."""
    from answerable.worker.verbs import RoleSet
    from answerable.worker.verbs.base import Done

    done = ask(home, RoleSet(who, role, by, is_on=False), Done)
    talk(f"{who} is no {role} any more, from ledger index {done.index} on.")
    talk_next(home, "answerable person list")
