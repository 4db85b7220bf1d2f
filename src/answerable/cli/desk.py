"""`approval`, `effect`, `desk`: where people answer."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AsJson,
    By,
    Home,
    OfAgent,
    Rows,
    ask,
    new_app,
    out,
    out_json,
    out_rows,
    plain,
    talk,
    talk_next,
)

if TYPE_CHECKING:
    from answerable.worker.verbs.desk import HoldRow

approval = new_app("Effects that wait for a person's yes or no.")
effect = new_app("What is done to the world.")
desk = new_app("Cases that wait for people.")

_LATER = 5

EffectId = Annotated[str, typer.Argument(help="As `answerable approval list` names it.")]
CaseId = Annotated[str, typer.Argument(help="As `answerable desk list` names it.")]


@approval.command("list")
def approval_list(
    agent: OfAgent = "",
    limit: Rows = 100,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """What waits, longest first: what exactly, how much, for whom, why it is asked, until when."""
    from answerable.worker.verbs import ApprovalList
    from answerable.worker.verbs.desk import HoldRow

    rows = ask(home, ApprovalList(limit, agent), list[HoldRow])
    if as_json:
        out_json(rows)
        return
    if not rows:
        talk("Nothing waits for a yes or no.")
        return
    for row in rows:
        _block(row)
    talk_next(home, f"answerable approval grant {rows[0].effect} --by PERSON")


@approval.command("show")
def approval_show(effect_id: EffectId, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """One that waits, with everything to decide on."""
    from answerable.worker.verbs import ApprovalList
    from answerable.worker.verbs.desk import HoldRow

    [row] = ask(home, ApprovalList(effect=effect_id), list[HoldRow])
    if as_json:
        out_json(row)
        return
    _block(row)
    talk_next(home, f"answerable approval grant {row.effect} --by PERSON")


def _block(row: "HoldRow") -> None:
    """A hold as a person reads it, and an empty line."""
    about = f"{row.sender}: {row.message}" if row.sender else "a message that was erased"
    out(plain(f"{row.effect}  {row.action}, of agent {row.agent}"))
    for name, value in (
        ("exactly", row.exact or "(erased)"),
        ("for", about),
        ("because", ", ".join(row.rules)),
        ("asks", f"{row.ask or 'anybody'}, until {row.expires_at}; then the answer is no"),
        ("owner", f"{row.owner_name} ({row.owner})"),
        ("why", f"answerable decision explain {row.decision}"),
        ("case", row.case),
    ):
        out(plain(f"    {name.ljust(8)} {value}").replace("\n", f"\n{' ' * 13}"))
    out("")


@approval.command("grant")
def approval_grant(effect_id: EffectId, by: By, home: Home = DEFAULT_HOME) -> None:
    """Yes: the exact action is carried out, once."""
    _answer(effect_id, by, home, is_yes=True)


@approval.command("refuse")
def approval_refuse(effect_id: EffectId, by: By, home: Home = DEFAULT_HOME) -> None:
    """No: it never happens."""
    _answer(effect_id, by, home, is_yes=False)


def _answer(effect_id: str, by: str, home: Home, *, is_yes: bool) -> None:
    from answerable.worker.verbs import ApprovalAnswer
    from answerable.worker.verbs.desk import Answered

    verb = ApprovalAnswer(effect_id, by, "grant" if is_yes else "refuse")
    answered = ask(home, verb, Answered)
    _told(answered.effect, answered.status, home, is_over=answered.status != "held")


def _told(effect_id: str, status: str, home: Path, *, is_over: bool) -> None:
    """Where the effect stands; exit code 5 while what was said is still to be acted on."""
    talk(f"{effect_id} is {status}.")
    if not is_over:
        talk("What you said is durable; the worker acts on it when it runs.")
        talk_next(home, "answerable worker")
        raise typer.Exit(_LATER)


@effect.command("unknown")
def effect_unknown(limit: Rows = 100, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Effects of which only a person can say how they ended."""
    from answerable.worker.verbs import UnknownList
    from answerable.worker.verbs.desk import HoldRow

    rows = ask(home, UnknownList(limit), list[HoldRow])
    out_rows(
        home, rows, "No effect is unknown.", "answerable effect show {0.effect}", as_json=as_json
    )


@effect.command("settle")
def effect_settle(
    effect_id: EffectId,
    by: By,
    done: Annotated[bool, typer.Option("--done/--not-done", help="How it ended.")],
    home: Home = DEFAULT_HOME,
) -> None:
    """Say how an unknown effect ended, having looked at the other side."""
    from answerable.worker.verbs import EffectSettle
    from answerable.worker.verbs.desk import Answered

    verb = EffectSettle(effect_id, by, "done" if done else "not_done")
    answered = ask(home, verb, Answered)
    _told(answered.effect, answered.status, home, is_over=answered.status in ("done", "failed"))


@desk.command("list")
def desk_list(
    queue: Annotated[str, typer.Option(help="One queue only.")] = "",
    limit: Rows = 100,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """What waits, longest first."""
    from answerable.desk.domain import QueueItem
    from answerable.worker.verbs import DeskList

    rows = ask(home, DeskList(queue=queue or None, limit=limit), list[QueueItem])
    out_rows(
        home,
        rows,
        "The desk is empty.",
        "answerable desk take {0.case} --by PERSON",
        as_json=as_json,
    )


@desk.command("take")
def desk_take(case_id: CaseId, by: By, home: Home = DEFAULT_HOME) -> None:
    """Take a case over: no agent speaks on it any more."""
    from answerable.pipeline.desk import Taken
    from answerable.worker.verbs import DeskTake

    taken = ask(home, DeskTake(case_id, by), Taken)
    if taken.is_late:
        talk("A send of the agent was still on its way when its deadline passed.")
    talk(f"{case_id} is yours.")
    talk_next(home, f"answerable desk reply {case_id} TEXT --by {by}")


@desk.command("reply")
def desk_reply(
    case_id: CaseId,
    text: Annotated[str, typer.Argument(help="What to say.")],
    by: By,
    interaction: Annotated[str, typer.Option(help="The message to answer; else the last.")] = "",
    home: Home = DEFAULT_HOME,
) -> None:
    """Answer a message of a case that you hold, where it was asked."""
    from answerable.worker.verbs import DeskSay
    from answerable.worker.verbs.desk import Said

    said = ask(home, DeskSay(case_id, by, text, interaction), Said)
    talk(f"{said.reply} is {said.status}.")
    talk_next(home, f"answerable desk handback {case_id} --by {by}")


@desk.command("handback")
def desk_handback(case_id: CaseId, by: By, home: Home = DEFAULT_HOME) -> None:
    """Give a case that you hold back to its agent."""
    from answerable.worker.verbs import DeskHandback
    from answerable.worker.verbs.base import Done

    done = ask(home, DeskHandback(case_id, by), Done)
    talk(f"{case_id} is the agent's again, since ledger index {done.index}.")
