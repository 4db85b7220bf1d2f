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
    Yes,
    ask,
    at,
    check_meant,
    is_worked_on,
    many,
    new_app,
    out,
    out_json,
    out_table,
    plain,
    talk,
    talk_next,
)

if TYPE_CHECKING:
    from answerable.worker.verbs.desk import Answered, HoldRow

approval = new_app("Effects that wait for a person's yes or no.")
effect = new_app("What is done to the world.")
desk = new_app("Cases that wait for people.")

_LATER = 5
_NO = {"refused": 4, "failed": 1}

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
    first = next((row for row in rows if not row.in_the_way), rows[0])
    talk_next(home, _then(first))


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
    talk_next(home, _then(row))


def _then(row: "HoldRow") -> str:
    """To say yes; or first what a yes waits for itself."""
    return row.then or f"answerable approval grant {row.effect} --by PERSON"


def _block(row: "HoldRow") -> None:
    """A hold as a person reads it, and an empty line."""
    about = f"{row.sender}: {row.message}" if row.sender else "a message that was erased"
    out(plain(f"{row.effect}  {row.action}, of agent {row.agent}"))
    for name, value in (
        ("exactly", row.exact or "(erased)"),
        ("for", about),
        ("because", ", ".join(row.rules)),
        ("asks", _asks(row)),
        ("but not", f"now: {row.in_the_way}" if row.in_the_way else ""),
        ("owner", f"{row.owner_name} ({row.owner})"),
        ("why", f"answerable decision explain {row.decision}"),
        ("case", row.case),
    ):
        if not value:
            continue
        out(plain(f"    {name.ljust(8)} {value}").replace("\n", f"\n{' ' * 13}"))
    out("")


def _asks(row: "HoldRow") -> str:
    """Who may answer and until when; of an unknown effect, what is asked."""
    if row.status == "held":
        return f"{row.ask or 'anybody'}, until {row.expires_at}; then the answer is no"
    return "anybody who looks at the other side: did it happen?"


@approval.command("grant")
def approval_grant(effect_id: EffectId, by: By, home: Home = DEFAULT_HOME) -> None:
    """Yes: the exact action is carried out, once.

    Refused while it could not act (a stop, another release): then it waits on, and no yes is used.
    """
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
    wanted = "done" if is_yes else "refused"
    _told(answered, home, is_over=answered.status != "held", wanted=wanted)


def _told(answered: "Answered", home: Path, *, is_over: bool, wanted: str) -> None:
    """Where the effect stands, as the exit code says too: 0 as was wanted, 4 it may not, 1 failed,
    5 while it, or what was said, is still to be acted on."""
    said = f": {answered.said}" if answered.said and answered.status != wanted else ""
    talk(plain(f"{answered.effect} is {answered.status}{said}."))
    if not is_over:
        if is_worked_on(home):
            talk("What you said is durable; the worker is still at it.")
            talk_next(home, f"answerable effect show {answered.effect}")
        else:
            talk("What you said is durable; the worker acts on it when it runs.")
            talk_next(home, "answerable worker")
        raise typer.Exit(_LATER)
    if answered.status == wanted:
        return
    if answered.status == "refused":
        talk("Nothing was done, and your yes is used up: something came in its way meanwhile.")
    talk_next(home, f"answerable effect show {answered.effect}")
    raise typer.Exit(_NO.get(answered.status, _LATER))


@effect.command("unknown")
def effect_unknown(limit: Rows = 100, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Effects of which only a person can say how they ended."""
    from answerable.worker.verbs import UnknownList
    from answerable.worker.verbs.desk import HoldRow

    rows = ask(home, UnknownList(limit), list[HoldRow])
    if as_json:
        out_json(rows)
        return
    if not rows:
        talk("No effect is unknown.")
        return
    for row in rows:
        _block(row)
    talk_next(home, f"answerable effect show {rows[0].effect}")


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
    wanted = "done" if done else "failed"
    _told(answered, home, is_over=answered.status not in ("unknown", "asked"), wanted=wanted)


@desk.command("list")
def desk_list(
    queue: Annotated[str, typer.Option(help="One queue only.")] = "",
    limit: Rows = 100,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """What waits, longest first."""
    from answerable.base.clock import iso
    from answerable.desk.domain import QueueItem
    from answerable.worker.verbs import DeskList

    rows = ask(home, DeskList(queue=queue or None, limit=limit), list[QueueItem])
    if as_json:
        out_json(rows)
        return
    shown = [
        {
            "case": row.case, "queue": row.queue or "(taken)", "why": row.code,
            "since": iso(row.since), "taken by": row.taken_by or "nobody yet",
            "interaction": row.interaction,
        }
        for row in rows
    ]  # fmt: skip
    out_table(shown, "The desk is empty.")
    free = next((row for row in rows if not row.taken_by), None)
    if free is not None:
        talk_next(home, f"answerable desk take {free.case} --by PERSON")
    elif rows:
        talk_next(home, f"answerable case show {rows[0].case}")


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
def desk_handback(
    by: By,
    case_id: Annotated[
        str, typer.Argument(metavar="[CASE]", help="One that you hold; or --all-of.")
    ] = "",
    agent: Annotated[
        str, typer.Option("--all-of", metavar="AGENT", help="All that wait and nobody has taken.")
    ] = "",
    code: Annotated[
        str, typer.Option("--because", help="With --all-of: why they wait, as the list says it.")
    ] = "stopped",
    yes: Yes = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Give a case that you hold back to its agent; or, after a stop, all that went to people.

    The agent answers what comes in from then on. What was written meanwhile it does not answer:
    that is for people, before they hand back.
    """
    from answerable.base.errors import UsageError
    from answerable.worker.verbs import DeskHandback
    from answerable.worker.verbs.base import Done

    if bool(case_id) == bool(agent):
        raise UsageError(
            "Which case is given back, or of which agent all, is not said.", "Nothing was changed.",
            at(home, f"answerable desk handback CASE --by {by}"),
        )  # fmt: skip
    if agent:
        _give_back(home, agent, by, code, yes=yes)
        return
    done = ask(home, DeskHandback(case_id, by), Done)
    talk(f"{case_id} is the agent's again, since ledger index {done.index}.")
    talk_next(home, f"answerable case show {case_id}")


def _give_back(home: Path, agent: str, by: str, code: str, *, yes: bool) -> None:
    from answerable.worker.verbs import DeskGiveBack
    from answerable.worker.verbs.desk import GivenBack

    would = ask(home, DeskGiveBack(agent, by, code), GivenBack)
    stay = ", ".join(f"{many(n, 'case')} with '{word}'" for word, n in would.others.items())
    others = f" Left with people: {stay}." if stay else ""
    still = f" It is still stopped ({'; '.join(would.states)})." if would.states else ""
    if not would.left:
        talk(f"No case of agent {agent} waits with '{code}'.{others}")
        talk_next(home, "answerable desk list")
        return
    what = (
        f"{many(would.left, 'case')} of agent {agent} that went to people with '{code}' will be "
        f"its own again; it answers what comes in from then on, not what was written meanwhile."
        f"{others}{still}"
    )
    check_meant(
        home, what, f"answerable desk handback --all-of {agent} --because {code} --by {by} --yes",
        yes=yes,
    )  # fmt: skip
    moved, given = 0, would
    while given.left:
        given = ask(home, DeskGiveBack(agent, by, code, is_meant=True), GivenBack)
        moved += given.moved
        if not given.moved:
            break
    talk(f"Given back to agent {agent}: {many(moved, 'case')}.{still}")
    talk_next(home, f"answerable case list --agent {agent}")
