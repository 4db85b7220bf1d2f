"""`signer`: the log's signing key in a process of its own, under a user of its own."""

from pathlib import Path
from typing import Annotated

import typer

from answerable.cli.talk import AsJson, new_app, out, out_json, plain, talk

signer = new_app("The signing key in its own process: one history only.")

State = Annotated[Path, typer.Option("--state", help="The signer's folder: keys, what it signed.")]
_STATE = Path("signer")


@signer.command("init")
def init(
    origin: Annotated[
        str, typer.Option(help="Make a key for a new log: `origin` under [ledger].")
    ] = "",
    from_home: Annotated[
        Path | None, typer.Option("--from", help="Take the key over from this home, which stands.")
    ] = None,
    state: State = _STATE,
) -> None:
    """Have the key in the signer's folder: a new one, or the one that a home signed with."""
    from answerable.adapters.signers.strict import StrictKeys
    from answerable.base.chance import SystemChance
    from answerable.base.errors import UsageError
    from answerable.worker.signer_keys import found_signer, move_signer

    if bool(origin) == (from_home is not None):
        raise UsageError(
            "A signer's key is new, or a home's: one of --origin and --from.", "Nothing was made.",
            "answerable signer init --from HOME",
        )  # fmt: skip
    if from_home is not None:
        move_signer(from_home, state)
    else:
        found_signer(state, origin)
    keys = StrictKeys.open(state, SystemChance())
    out(keys.key)
    talk(f"It goes on from {keys.last.size} entries. In answerable.toml, under [ledger]:")
    talk('signer = "process" and signer_socket = "/run/answerable-signer/signer.sock".')
    talk(f"Next: answerable signer serve --state {state} --socket PATH")


@signer.command("show")
def show(state: State = _STATE, as_json: AsJson = False) -> None:
    """Its key, and the tree that it signed last."""
    from answerable.adapters.signers.strict import StrictKeys
    from answerable.base.chance import SystemChance

    keys = StrictKeys.open(state, SystemChance())
    last = keys.last
    if as_json:
        out_json(
            {
                "key": keys.key, "next_key": keys.next_key, "origin": last.origin,
                "size": last.size, "root": last.root.hex(),
            }
        )  # fmt: skip
        return
    out(keys.key)
    if keys.next_key:
        out(plain(f"next: {keys.next_key}"))
    out(plain(f"{last.origin}: signed last a tree of {last.size} entries, root {last.root.hex()}"))


@signer.command("serve")
def serve(
    state: State = _STATE,
    socket: Annotated[
        Path | None, typer.Option(help="Where to listen; none where systemd gives the socket.")
    ] = None,
    peer: Annotated[
        list[str] | None, typer.Option(help="A user who may ask besides its own; may be repeated.")
    ] = None,
) -> None:
    """Sign what continues what was signed, for who may ask, until it is told to end."""
    import pwd

    from answerable.adapters.signers.serve import serve as answer
    from answerable.base.errors import NotFound
    from answerable.telemetry import failures

    failures.install()
    peers = []
    for name in peer or []:
        try:
            peers.append(pwd.getpwnam(name).pw_uid)
        except KeyError:
            raise NotFound(
                f"There is no user '{name}' here.", "Nothing was started.", f"id {name}"
            ) from None
    answer(state, socket, peers)


@signer.command("go-back")
def go_back(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="The newest one of the restored home.")
    ],
    state: State = _STATE,
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
) -> None:
    """Go on from an older checkpoint, after the newest home was lost. What came after is forked."""
    from answerable.base.errors import UsageError
    from answerable.worker.signer_keys import WENT_BACK, back_to, go_back_to

    head, last = back_to(state, checkpoint)
    if not yes:
        raise UsageError(
            f"The signer will go on from {head.size} entries; it has signed {last}. Who holds a "
            "later checkpoint will see two histories. Say --yes to do it.",
            "Nothing was changed.",
            f"answerable signer go-back {checkpoint} --state {state} --yes",
        )
    go_back_to(state, checkpoint)
    talk(f"It signs what continues {head.size} entries. This stands in '{state / WENT_BACK}'.")
    talk("Next: answerable worker")
