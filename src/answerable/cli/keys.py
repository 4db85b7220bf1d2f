"""`key`: what lets a program in over HTTP."""

from typing import Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AsJson,
    By,
    Home,
    MaybeBy,
    ask,
    at,
    new_app,
    out,
    out_rows,
    talk,
    talk_next,
)

key = new_app("Keys for HTTP: each acts as its person, within its scopes.")

_FIRST = "answerable key add --person PERSON --scope SCOPE"


@key.command("add")
def key_add(
    person: Annotated[str, typer.Option(help="Whose key: a person's id or email address.")],
    scope: Annotated[
        list[str],
        typer.Option(
            help="What it opens; repeat it for more: messages, read, desk, approve, control, "
            "people, ledger, metrics, all."
        ),
    ],
    name: Annotated[str, typer.Option(help="What it is for, in your words.")] = "",
    days: Annotated[int, typer.Option(min=0, help="How long it is valid; 0 is for ever.")] = 0,
    by: MaybeBy = "",
    home: Home = DEFAULT_HOME,
) -> None:
    """Make a key. Its secret is printed this once and is stored nowhere."""
    from answerable.base.clock import DAY_US, SystemClock
    from answerable.worker.verbs import KeyAdd
    from answerable.worker.verbs.people import NewKey

    expires_at = SystemClock().now() + days * DAY_US if days else 0
    made = ask(home, KeyAdd(person, tuple(scope), name, expires_at, by), NewKey)
    out(made.secret)
    talk(f"{made.id} is a key of {made.person} for {', '.join(made.scopes)}. Keep its secret now:")
    talk("it is not shown again. It goes into the header `Authorization: Bearer ...`.")
    talk_next(home, "answerable key list")


@key.command("list")
def key_list(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Every key that was made: whose, for what, and whether it still opens anything."""
    from answerable.worker.verbs import KeyList
    from answerable.worker.verbs.people import KeyRow

    rows = ask(home, KeyList(), list[KeyRow])
    nothing = f"No key was made yet. Next: {at(home, _FIRST)}"
    out_rows(home, rows, nothing, "answerable key revoke {0.id} --by PERSON", as_json=as_json)


@key.command("revoke")
def key_revoke(
    key_id: Annotated[
        str, typer.Argument(metavar="KEY", help="As `answerable key list` names it.")
    ],
    by: By,
    home: Home = DEFAULT_HOME,
) -> None:
    """From now on the key opens nothing."""
    from answerable.worker.verbs import KeyRevoke
    from answerable.worker.verbs.base import Done

    done = ask(home, KeyRevoke(key_id, by), Done)
    talk(f"{key_id} is revoked, at ledger index {done.index}.")
    talk_next(home, "answerable key list")
