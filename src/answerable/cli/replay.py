"""`decision replay`, `ledger replay`: decided again; nothing is done."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AsJson,
    Home,
    MaybeBy,
    ask,
    on,
    out,
    out_json,
    plain,
    talk,
    talk_next,
)

ArchivesIn = Annotated[
    Path | None,
    typer.Option(
        "--archives", file_okay=False, exists=True, help="The folder in which its archives lie."
    ),
]
_DAY = ["%Y-%m-%d"]
Since = Annotated[datetime | None, typer.Option(formats=_DAY, help="From this day on, UTC.")]
Until = Annotated[datetime | None, typer.Option(formats=_DAY, help="Before this day, UTC.")]


def decision_replay(
    decision_id: Annotated[str, typer.Argument(help="As `answerable decision list` names it.")],
    by: MaybeBy = "",
    archives: ArchivesIn = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Judge it again from its stored inputs, run its turn again on its recorded steps, compare.

    Nothing is asked outside or done. Where what was said differs, words are shown with --by only:
    to who may read them, after a ledger entry says so. Ends with 1 where something is different.
    """
    from answerable.worker.replay.homes import replay_decision

    if by:
        _write_down(home, decision_id, by)
    with on(home):
        found = replay_decision(home, decision_id, archives)
    shown = found if by else found.sealed
    if as_json:
        out_json(shown)
    else:
        for sentence in shown.sentences:
            out(plain(sentence))
        again = f"answerable decision replay {found.decision} --by PERSON"
        explain = f"answerable decision explain {found.decision}"
        talk_next(home, again if found.has_words and not by else explain)
    raise typer.Exit(1 if found.is_different else 0)


def _write_down(home: Path, decision: str, by: str) -> None:
    from answerable.worker.verbs import DecisionRead
    from answerable.worker.verbs.reading import ReadView

    view = ask(home, DecisionRead(decision, by), ReadView)
    talk(f"Ledger entry {view.read} says that {view.by} reads it: {view.bodies} bodies.")


def ledger_replay(
    owner: Annotated[str, typer.Option(help="Whoever was accountable: an address or id.")] = "",
    since: Since = None,
    until: Until = None,
    archives: ArchivesIn = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Judge all decisions of a time again from their stored inputs, beside a worker or without.

    Ends with 1 where a verdict is different.
    """
    from answerable.base.clock import us_of
    from answerable.cli.whole_bundle import check_period
    from answerable.worker.replay.homes import Asked, person_of, replay_ledger

    with on(home):
        check_period(since, until, "Nothing was replayed.")
        person = person_of(home, owner)
        begin = us_of(since) if since else 0
        asked = Asked(
            owner=person, since=begin, until=us_of(until) if until else 2**63, archives=archives
        )
        found = replay_ledger(home, asked)
    if as_json:
        out_json(found)
    else:
        for one in found.first:
            out(plain(" ".join(one.sealed.sentences[:2])))
        out(found.sentence)
        if found.first:
            talk_next(home, f"answerable decision replay {found.first[0].decision}")
        elif found.not_kept:
            talk("What homes of old did not keep can not be judged again.")
    raise typer.Exit(1 if found.different else 0)
