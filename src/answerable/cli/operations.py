"""`backup`, `restore`, `key rotate-home|rotate-signer`, `doctor`: the home itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.grouped import grouped
from answerable.cli.talk import (
    DEFAULT_HOME,
    AsJson,
    By,
    Home,
    Yes,
    ask,
    at,
    check_meant,
    is_worked_on,
    many,
    out,
    out_json,
    talk,
    talk_next,
)

if TYPE_CHECKING:
    from answerable.worker.restore import Restored


def backup(
    to: Annotated[Path, typer.Argument(help="A new folder, outside the home.")],
    without_secrets: Annotated[
        bool,
        typer.Option("--without-secrets", help="Leave out home.key, signer.key and ml-dsa.key."),
    ] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Copy the home while it works, and verify the copy."""
    from answerable.worker.verbs import BackupWrite
    from answerable.worker.verbs.proofs import BackupView

    verb = BackupWrite(str(to.absolute()), with_secrets=not without_secrets)
    view = ask(home, verb, BackupView)
    if as_json:
        out_json(view)
        return
    out(
        f"{view.folder}: {view.entries} entries, {view.bodies} bodies opened, "
        f"{view.erased} erased before, {view.size_bytes} bytes, in {view.took_s} s. "
        f"Root {view.root}."
    )
    talk(
        f"It opens until {view.opens_until}, with the key of epoch {view.epoch} in "
        f"'{view.keys_in}', which is not in it; then that key is destroyed."
    )
    if view.is_one_disk:
        talk(
            "That folder lies on the disk of the home: if the disk is lost, so is this backup. "
            "Name another place: `keys` under [backup] in answerable.toml."
        )
    if without_secrets:
        talk("home.key and the signing keys are not in it. Without them it cannot be restored.")
    else:
        talk("With that key it opens everything that people wrote: keep it as you keep the home.")
    talk_next(home, f"answerable restore {to} --home FOLDER")


@dataclass(frozen=True, slots=True)
class KeysElsewhere:
    """The keys that are not in the backup."""

    secrets: Annotated[
        Path | None,
        typer.Option(help="Where home.key and signer.key are, if not in the backup."),
    ] = None
    backup_keys: Annotated[
        Path | None,
        typer.Option(help="Where the keys of backups are, if not where they were."),
    ] = None


@grouped
def restore(
    source: Annotated[Path, typer.Argument(metavar="FROM", help="A backup.")],
    home: Annotated[Path, typer.Option("--home", help="The home to make; a new folder.")],
    keys: KeysElsewhere,
    latest: Annotated[
        Path | None,
        typer.Option("--latest-checkpoint", help="The newest one that anybody holds."),
    ] = None,
    accept_fork: Annotated[
        bool, typer.Option("--accept-fork", help="Go on though strangers saw a later one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a new home out of a backup, and say what is not in it.

    Settings and policies that lay beside the home go beside it again: to restore a whole project,
    name `NEW-FOLDER/.answerable`. Code is in no backup of a project.
    """
    from answerable.worker.restore import Request
    from answerable.worker.restore import restore as do_restore

    request = Request(
        source=source, home=home, secrets=keys.secrets, latest=latest,
        backup_keys=keys.backup_keys, accept_fork=accept_fork, say=talk,
    )  # fmt: skip
    restored = do_restore(request)
    if as_json:
        out_json(restored)
    else:
        out(
            f"{restored.home}: {restored.entries} entries, verified, {restored.bodies} bodies "
            f"opened. Root {restored.root}."
        )
    _say_what_is_not_in_it(restored)
    talk_next(home, "answerable doctor" if restored.missing else "answerable worker")


def _say_what_is_not_in_it(restored: "Restored") -> None:
    talk(
        f"What happened after {restored.made_at} is not in it. A message that was acknowledged "
        "since is forgotten: sent again, it is answered again. What was done since is done, and "
        "this home does not know of it."
    )
    if restored.forgotten > 0:
        talk(
            f"{many(restored.forgotten, 'key')} of who was erased since were destroyed: they are "
            "not in it."
        )
    elif restored.forgotten < 0:
        talk(
            "The backup is of a program without epochs: who was erased since is in it again. With "
            "--backup-keys FOLDER they are not."
        )
    talk("Effects that were on their way are settled as their tools declare when a worker starts.")
    if restored.lost > 0:
        talk(
            f"{restored.lost} entries that were signed are gone. Who holds a later checkpoint will "
            "find two histories: tell them."
        )
    elif restored.lost < 0:
        talk(
            "Whether strangers saw a later checkpoint was not said (--latest-checkpoint): if they "
            "did, they will find two histories."
        )
    if restored.kept:
        talk(
            f"It goes on with the {', '.join(restored.kept)} of its folder: look whether they fit."
        )
    if restored.missing:
        talk(f"The code is not in it: put {', '.join(restored.missing)} beside the settings.")


def rotate_home(
    by: By,
    yes: Yes = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Replace the key that wraps all others, on a home without a worker."""
    import asyncio

    from answerable.worker.ask import check_home
    from answerable.worker.rotation import rotate_home as do_rotate

    check_home(home)
    what = (
        f"'{home / 'home.key'}' will be another, and every key in keys.db be wrapped under it."
        " Backups of before need the old one."
    )
    check_meant(home, what, f"answerable key rotate-home --by {by} --yes", yes=yes)
    done, unread = asyncio.run(do_rotate(home, by))
    talk(f"Recorded at ledger index {done.index}; the old home.key opens nothing here any more.")
    if unread:
        talk(f"{unread} keys were damaged before, and still are.")
    talk_next(home, "answerable backup FOLDER")


def rotate_signer(
    by: By,
    yes: Yes = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Hand the log over to another signing key, on a home without a worker."""
    import asyncio

    from answerable.worker.ask import check_home
    from answerable.worker.rotation import rotate_signer as do_rotate

    check_home(home)
    what = (
        f"'{home / 'signer.key'}' will be another: the old one signs who follows it, and "
        "nothing after that."
    )
    check_meant(home, what, f"answerable key rotate-signer --by {by} --yes", yes=yes)
    done, vkey = asyncio.run(do_rotate(home, by))
    out(vkey)
    talk(f"Handed over at ledger index {done.index}. Tell the new key to who verifies; who has the")
    talk("old one follows from it by the files in `ledger/rotations`.")
    talk_next(home, "answerable ledger verify")


def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="Put right what can be, without losing anything.")
    ] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Look for the mistakes that are made most, and say what to do."""
    from answerable.worker.ask import check_home
    from answerable.worker.doctor import Patient, examine

    check_home(home)
    findings = list(examine(Patient(home=home), fix=fix))
    if as_json:
        out_json(findings)
    else:
        for finding in findings:
            out(f"{finding.state:8} {finding.check}{': ' if finding.said else ''}{finding.said}")
            if finding.next_command:
                out(f"         Next: {at(home, finding.next_command)}")
    problems = sum(finding.state == "problem" for finding in findings)
    if any(finding.is_fixable for finding in findings):
        talk_next(home, "answerable doctor --fix")
    elif not problems:
        talk_next(home, "answerable status" if is_worked_on(home) else "answerable worker")
    raise typer.Exit(1 if problems else 0)
