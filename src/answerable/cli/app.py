"""The command line's tree of nouns, and how its errors end."""

import os
import sys
from typing import Annotated

import typer

from answerable.cli import (
    agents,
    author,
    bench,
    cases,
    config,
    day,
    decisions,
    desk,
    keys,
    ledger,
    ledger_about,
    ledger_compare,
    ledger_evidence,
    ledger_export,
    ledger_exports,
    ledger_verify,
    ledger_witnesses,
    operations,
    party_export,
    party_forget,
    people,
    policy,
    replay,
    roles,
    serve,
    signer,
    simulate,
    status,
    stop,
    witness,
)
from answerable.cli.talk import DEFAULT_HOME, Home, new_app, talk

app = new_app("Infrastructure that agents are born inside.")
for name, noun in (
    ("person", people.person),
    ("owner", people.owner),
    ("key", keys.key),
    ("agent", agents.agent),
    ("release", agents.release),
    ("approval", desk.approval),
    ("effect", desk.effect),
    ("desk", desk.desk),
    ("case", cases.case),
    ("interaction", cases.interaction),
    ("party", cases.party),
    ("decision", decisions.decision),
    ("stop", stop.stop),
    ("ledger", ledger.ledger),
    ("policy", policy.policy),
    ("config", config.config),
    ("witness", witness.witness),
    ("signer", signer.signer),
):
    app.add_typer(noun, name=name)
party_forget.add_to(cases.party)
people.person.command("grant")(roles.person_grant)
people.person.command("revoke")(roles.person_revoke)
cases.party.command("export")(party_export.party_export)
ledger.ledger.command("export")(ledger_export.ledger_export)
app.command("demo")(day.demo)
app.command("init")(author.init)
app.command("chat")(author.chat)
app.command("dev")(author.dev)
app.command("serve")(serve.serve)
app.command("kill")(stop.kill)
app.command("status")(status.status)
app.command("backup")(operations.backup)
app.command("restore")(operations.restore)
app.command("doctor")(operations.doctor)
app.command("simulate")(simulate.simulate)
app.command("bench")(bench.bench)
ledger.ledger.command("verify")(ledger_verify.ledger_verify)
ledger.ledger.command("about")(ledger_about.ledger_about)
ledger.ledger.command("check-answer")(ledger_about.ledger_check_answer)
ledger.ledger.command("receipt")(ledger_exports.ledger_receipt)
ledger.ledger.command("check-receipt")(ledger_exports.ledger_check_receipt)
ledger.ledger.command("convert")(ledger_exports.ledger_convert)
ledger.ledger.command("compare")(ledger_compare.ledger_compare)
ledger.ledger.command("evidence")(ledger_evidence.ledger_evidence)
ledger.ledger.command("witnesses")(ledger_witnesses.ledger_witnesses)
keys.key.command("rotate-home")(operations.rotate_home)
keys.key.command("rotate-signer")(operations.rotate_signer)
decisions.decision.command("replay")(replay.decision_replay)
ledger.ledger.command("replay")(replay.ledger_replay)
agents.agent.command("pause")(stop.agent_pause)
agents.agent.command("resume")(stop.agent_resume)


def _version(is_asked: bool) -> None:
    if is_asked:
        from answerable import __version__

        sys.stdout.write(f"answerable {__version__}\n")
        raise typer.Exit


@app.callback()
def start(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Which version this is."),
    ] = False,
) -> None:
    """Infrastructure that agents are born inside."""


@app.command()
def worker(
    home: Home = DEFAULT_HOME,
    plan: Annotated[str, typer.Option(hidden=True, help="module:function")] = "",
) -> None:
    """Work for a home, supervised: run its agents, answer commands."""
    from answerable.compose.settings import read_settings
    from answerable.worker.ask import check_home
    from answerable.worker.supervisor import supervise

    check_home(home)
    raise typer.Exit(supervise(home, plan=plan, settings=read_settings(home)))


def run(arguments: list[str] | None = None) -> None:
    """Run the command line; every error ends as three sentences and an exit code."""
    try:
        command = typer.main.get_command(app)
        code = command.main(arguments, prog_name="answerable", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # `answerable ... | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - nothing is printed as it is
        code = _call_is_wrong(error) if isinstance(error, _WRONG_CALL) else _failed(error)
    if code == _INTERRUPTED:
        talk("interrupted")
    sys.exit(code)


_INTERRUPTED = 130
_WRONG_CALL: type[Exception] = typer.BadParameter.__mro__[2]  # click's, wherever typer keeps it


def _call_is_wrong(error: Exception) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        talk(str(error))
        return 2
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "answerable"
    said = str(getattr(error, "message", "")) or str(error)
    parameter = getattr(error, "param", None)
    if parameter is not None:
        named = next((opt for opt in parameter.opts if opt.startswith("--")), parameter.name)
        is_missing = type(error).__name__ == "MissingParameter"
        said = f"'{named}' is missing" if is_missing else f"'{named}': {said}"
    said = said if said.endswith("?") else f"{said.rstrip('.')}."
    talk(f"error (usage): {said} Nothing was done. Next: {command} --help")
    return 2


def _failed(error: Exception) -> int:
    from answerable.base.errors import AnswerableError
    from answerable.telemetry.failures import describe

    if not isinstance(error, AnswerableError):
        talk(
            f"error (internal): This is a defect of ours: {describe(error)}. Whether the command "
            "took effect is not known. Next: report this line, then repeat the command"
        )
        return 1
    error.next_command = error.next_command or "answerable --help"
    talk(f"error ({error.code}): {error}")
    return error.exit_code
