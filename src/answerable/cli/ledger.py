"""`decision`, `ledger`, `policy`: the one question, the proof, the rules."""

from pathlib import Path
from typing import Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AsJson,
    Home,
    ask,
    at,
    new_app,
    out,
    out_json,
    talk,
    talk_next,
)

decision = new_app("Verdicts, and who was accountable for them.")
ledger = new_app("The record, and its proofs.")
policy = new_app("What is allowed.")

Index = Annotated[int, typer.Argument(min=0, help="An entry's place in the ledger.")]


@decision.command("who")
def decision_who(
    decision_id: Annotated[str, typer.Argument(help="A decision's id, or use --random.")] = "",
    is_random: Annotated[bool, typer.Option("--random", help="Draw one by chance.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Who was accountable when this decision was made, and which record captured it?"""
    from answerable.base.chance import SystemChance
    from answerable.base.errors import UsageError
    from answerable.worker.verbs import DecisionWho
    from answerable.worker.verbs.proofs import Who

    if bool(decision_id) == is_random:
        raise UsageError(
            "Which decision is not said.", "Nothing was looked up.",
            at(home, "answerable decision who --random"),
        )  # fmt: skip
    draw = SystemChance().uniform() if is_random else 0.0
    who = ask(home, DecisionWho(decision_id, draw), Who)
    if as_json:
        out_json(who)
        return
    out(who.sentence)
    talk_next(home, f"answerable ledger prove {who.index}")


@ledger.command("verify")
def ledger_verify(
    home: Home = DEFAULT_HOME,
    earlier: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint saved before; the log must extend it.")
    ] = None,
    vkey: Annotated[str, typer.Option(help="The log's key, from outside the home.")] = "",
    as_json: AsJson = False,
) -> None:
    """Check every entry, body, seal and published file; name the first bad index."""
    from answerable.base.errors import AnswerableError
    from answerable.worker.verification import verify_home

    try:
        found = verify_home(home, earlier or [], vkey)
    except AnswerableError as error:
        error.next_command = at(home, error.next_command)
        raise
    if as_json:
        out_json(found)
    else:
        out(found.sentence)
    raise typer.Exit(0 if found.verified else 1)


@ledger.command("checkpoint")
def ledger_checkpoint(home: Home = DEFAULT_HOME) -> None:
    """The signed head of the log. Keep it elsewhere: it shows later if history was changed."""
    from answerable.worker.verbs import LedgerCheckpoint

    out(ask(home, LedgerCheckpoint(), str))
    talk_next(home, "answerable ledger verify --earlier FILE")


@ledger.command("prove")
def ledger_prove(index: Index, home: Home = DEFAULT_HOME) -> None:
    """The proof that one entry is in the log, as a C2SP tlog-proof."""
    from answerable.worker.verbs import LedgerProve

    out(ask(home, LedgerProve(index), str))


@policy.command("check")
def policy_check(
    folder: Annotated[Path, typer.Argument(help="A folder of .cedar files, or a home.")],
) -> None:
    """Load a folder of policies and say every mistake.

    Names of agents, tools and rails are free here: which there are, the worker knows.
    """
    from answerable.compose.configured import policies_of
    from answerable.policy.load import load_folder
    from answerable.store.lock import is_home

    found = load_folder(policies_of(folder) if is_home(folder) else folder)
    rules = f"{len(found.statements)} rules load" if found.statements else "No rule is there"
    denied = "" if found.statements else " Without a rule everything is denied."
    talk(f"{rules}. Digest {found.digest}.{denied}")
