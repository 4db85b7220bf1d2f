"""`witness`: watch that the logs of others only grow, and sign that they do. Needs no home."""

from pathlib import Path
from typing import Annotated

import typer

from answerable.cli.talk import AsJson, new_app, out, out_json, plain, talk

witness = new_app("Watch that logs of others only grow, and sign that. It needs no home.")

State = Annotated[Path, typer.Option("--state", help="The witness's folder: keys, what it saw.")]
_STATE = Path("witness")


@witness.command("new-key")
def new_key(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Under a domain of yours: witness.example/w1.")
    ],
    state: State = _STATE,
    ml_dsa: Annotated[
        bool, typer.Option("--ml-dsa", help="Also a key of ML-DSA-44, for when Ed25519 is broken.")
    ] = False,
) -> None:
    """Make the witness's keys, and print what others verify its word with."""
    from answerable.base.chance import SystemChance
    from answerable.ledger.note import check_name
    from answerable.witness.keys import make_keys

    check_name(name)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in make_keys(state, name, SystemChance(), with_ml_dsa=ml_dsa):
        out(each.key.encode())
    talk(f"The private part is in '{state / 'witness.key'}': keep it where its log's keeper")
    talk(f"cannot come. Next: answerable witness add-log VKEY --state {state}")


@witness.command("add-log")
def add_log(
    vkey: Annotated[str, typer.Argument(metavar="VKEY", help="The log's key, or a file with it.")],
    state: State = _STATE,
) -> None:
    """Know a log, or another key of it: after its key was handed over, both are known."""
    from answerable.ledger.note import VerifierKey
    from answerable.witness.keys import read_keys
    from answerable.witness.state import LogFiles

    read_keys(state)
    key = VerifierKey.parse(vkey if "+" in vkey else _read(Path(vkey)))
    is_new = LogFiles(state, key.name).add_key(key)
    talk(f"'{key.name}' may {'now' if is_new else 'already'} sign with the key {key.id.hex()}.")
    talk(f"Next: answerable witness serve --state {state}")


def _read(file: Path) -> str:
    from answerable.base.errors import NotFound

    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise NotFound(
            f"'{file}' is neither a key, NAME+ID+KEY, nor a file with one.",
            "No log was added.",
            "give `ledger.vkey` out of the home whose log it is",
        ) from None


@witness.command("show")
def show(state: State = _STATE, as_json: AsJson = False) -> None:
    """Its keys, the logs that it knows, and what it saw of each last."""
    from answerable.base.clock import SECOND_US, iso
    from answerable.witness.keys import read_keys
    from answerable.witness.state import LogFiles, origins

    keys = [each.key for each in read_keys(state)]
    files = [LogFiles(state, origin) for origin in origins(state)]
    rows = [(each, each.seen(keys), [str(path) for path in each.forks()]) for each in files]
    if as_json:
        logs = [
            {"origin": each.origin, "size": seen.size, "at": seen.at_s, "forks": forks}
            for each, seen, forks in rows
        ]
        out_json({"keys": [each.encode() for each in keys], "logs": logs})
        return
    for key in keys:
        out(key.encode())
    for each, seen, forks in rows:
        when = f"{seen.size} entries, {iso(seen.at_s * SECOND_US)}" if seen.at_s else "nothing yet"
        out(plain(f"{each.origin}: {when}"))
        for fork in forks:
            out(plain(f"  FORK: it signed another history of that size, kept in {fork}"))


@witness.command("serve")
def serve(
    state: State = _STATE,
    host: Annotated[str, typer.Option(help="Where to listen; others need TLS in front.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 is any.")] = 8430,
) -> None:
    """Answer `POST /add-checkpoint` (C2SP tlog-witness): cosign what continues what was seen."""
    from answerable.telemetry import failures
    from answerable.witness.keys import read_keys
    from answerable.witness.serve import listen
    from answerable.witness.serve import serve as answer

    failures.install()
    read_keys(state)
    listening = listen(host, port)
    where = f"{host}:{listening.getsockname()[1]}"
    talk(f"The witness of '{state}' answers on http://{where}/add-checkpoint")
    answer(state, listening)
