"""`decision`, `ledger`, `policy`: the one question, the proof, the rules."""

from pathlib import Path
from typing import Annotated

import typer

from answerable.cli.talk import DEFAULT_HOME, AsJson, Home, ask, new_app, out, out_json, talk

decision = new_app("Verdicts, and who was accountable for them.")
ledger = new_app("The record, and its proofs.")
policy = new_app("What is allowed.")


@decision.command("who")
def decision_who(decision_id: str, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Who was accountable when this decision was made, and which record captured it?"""
    from answerable.worker.commands.proofs import Who
    from answerable.worker.verbs import DecisionWho

    who = ask(home, DecisionWho(decision_id), Who)
    if as_json:
        out_json(who)
        return
    out(who.sentence)
    talk(f"Next: answerable ledger prove {who.index}")


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
    from answerable.worker.verification import verify_home

    found = verify_home(home, earlier or [], vkey)
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
    talk("Next: answerable ledger verify --earlier FILE")


@ledger.command("prove")
def ledger_prove(index: int, home: Home = DEFAULT_HOME) -> None:
    """The proof that one entry is in the log, as a C2SP tlog-proof."""
    from answerable.worker.verbs import LedgerProve

    out(ask(home, LedgerProve(index), str))


@policy.command("check")
def policy_check(folder: Path) -> None:
    """Load a folder of policies as the worker would, and say every mistake."""
    from answerable.policy.load import load_folder

    found = load_folder(folder)
    talk(f"{len(found.statements)} rules load. Digest {found.digest}.")
