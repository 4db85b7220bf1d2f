"""`policy`: what is allowed, and what other rules would have said."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AsJson,
    Home,
    Rows,
    ask,
    new_app,
    out,
    out_json,
    out_table,
    plain,
    talk,
    talk_next,
)

if TYPE_CHECKING:
    from answerable.policy.schema import Vocabulary

policy = new_app("What is allowed.")


@policy.command("check")
def policy_check(
    folder: Annotated[Path, typer.Argument(help="A folder of .cedar files, or a home.")],
    as_json: AsJson = False,
) -> None:
    """Load a folder of policies and say every mistake.

    Where its project lies beside it, names that no agent, tool or rail of the project has are
    mistakes, too; elsewhere names are free.
    """
    from answerable.compose.configured import policies_of
    from answerable.policy.load import load_folder
    from answerable.store.lock import is_home

    found = load_folder(policies_of(folder) if is_home(folder) else folder, _names(folder))
    if as_json:
        out_json({"rules": len(found.statements), "digest": found.digest})
        return
    rules = f"{len(found.statements)} rules load" if found.statements else "No rule is there"
    denied = "" if found.statements else " Without a rule everything is denied."
    talk(f"{rules}. Digest {found.digest}.{denied}")


def _names(folder: Path) -> "Vocabulary":
    """Those of the project that a folder belongs to; any, where it cannot be loaded."""
    import contextlib
    import sys

    from answerable.base.errors import AnswerableError
    from answerable.compose.configured import SettingsMissing, names_of
    from answerable.policy.schema import Vocabulary

    try:
        with contextlib.redirect_stdout(sys.stderr):  # what modules print is no data of ours
            return names_of(folder)
    except SettingsMissing:
        return Vocabulary()
    except AnswerableError as error:
        why = error.happened
    except SystemExit:
        why = "A module of the project ends the program when it is imported."
    talk(f"Names of agents, tools and rails were not checked. {why}")
    return Vocabulary()


@policy.command("explain")
def policy_explain(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The rules as they are written: of the running worker, or of the folder where none runs."""
    from answerable.worker.verbs import PolicyExplain
    from answerable.worker.verbs.proofs import RuleRow

    rows = ask(home, PolicyExplain(), list[RuleRow])
    if as_json:
        out_json(rows)
        return
    if not rows:
        talk("No rule is loaded: everything is denied.")
    for row in rows:
        out(f"{row.effect}  {row.ref}\n{plain(row.text)}\n")
    talk_next(home, "answerable policy dry-run FOLDER")


@policy.command("dry-run")
def policy_dry_run(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Other .cedar files, or a folder.")
    ],
    agent: Annotated[str, typer.Option(help="Decisions of one agent only.")] = "",
    limit: Rows = 100,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Judge the newest decisions again by other rules: which verdicts would change. Does nothing.

    Each is judged on the numbers of then: what other verdicts before it would have moved, such as
    the amount of the day, is not played forward.
    """
    from answerable.policy.load import read_files
    from answerable.worker.verbs import PolicyDryRun
    from answerable.worker.verbs.proofs import DryRun

    found = ask(home, PolicyDryRun(read_files(files), agent, limit), DryRun)
    if as_json:
        out_json(found)
        return
    out_table(found.changed, "No verdict would change.")
    talk(
        f"{len(found.changed)} of {found.judged} would change. Not judged: {found.not_asked} that "
        f"no policy decided, {found.unread} whose request cannot be read any more."
    )
    if found.changed:
        talk_next(home, f"answerable decision show {found.changed[0].decision}")
