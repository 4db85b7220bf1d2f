"""`ledger witnesses`: whose word is on the log, how old it is, and whether one refused it."""

from typing import Annotated

import typer

from answerable.cli.talk import DEFAULT_HOME, AsJson, Home, on, out_json, out_table, talk, talk_next


def ledger_witnesses(
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask them now, instead of at the worker's next round.")
    ] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """The witnesses of this log: the last size that each cosigned, when, and what went wrong."""
    from answerable.base.clock import SECOND_US, SystemClock, iso
    from answerable.compose.settings import read_settings
    from answerable.worker.ask import check_home
    from answerable.worker.witnessing import (
        VKEY_FILE,
        Remembered,
        Rounds,
        asked_of,
        read_memory,
    )

    with on(home):
        check_home(home)
        settings = read_settings(home).ledger
        asked = asked_of(settings)
        if ask:
            Rounds(home, settings, SystemClock()).run(may_pass_over=False)
        memory = read_memory(home)
    now_s = SystemClock().now() // SECOND_US
    rows = []
    names = [(each.key.name, each.key.encode()) for each in asked]
    if settings.ml_dsa:
        own = (home / VKEY_FILE).read_text().strip() if (home / VKEY_FILE).exists() else ""
        names.append((f"{settings.origin} (its own ML-DSA-44)", own))
    names += [(name, name) for name in memory if settings.timestamp_url and " " in name]
    for name, vkey in names:
        known = memory.get(vkey) or Remembered(vkey=vkey)
        rows.append(
            {
                "witness": name, "size": known.size,
                "at": iso(known.at_s * SECOND_US) if known.at_s else "never",
                "age_s": now_s - known.at_s if known.at_s else None,
                "error": known.error, "refused": known.refused,
            }
        )  # fmt: skip
    if as_json:
        out_json(rows)
    else:
        out_table(rows, "No witness is configured: see `ledger.witnesses` in docs/settings.md.")
    refused = [str(row["witness"]) for row in rows if row["refused"]]
    if refused:
        talk(f"REFUSED by {', '.join(refused)}: they have seen another history of this log.")
        talk_next(home, "answerable ledger verify --earlier FILE")
        raise typer.Exit(1)
    talk_next(home, "answerable ledger verify --quorum FILE")
