"""`case`, `interaction`, `party`: what came in, what was said and done, and why."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AsJson,
    Home,
    OfAgent,
    Rows,
    ask,
    new_app,
    out,
    out_json,
    out_rows,
    out_table,
    plain,
    talk_next,
)

if TYPE_CHECKING:
    from answerable.worker.verbs.cases import CaseView, InteractionView, Shown, StageView

case = new_app("Everything about one matter with one party.")
interaction = new_app("One message and all that it caused.")
party = new_app("Who writes to us, by pseudonym.")

CaseId = Annotated[str, typer.Argument(help="As `answerable case list` names it.")]
InteractionId = Annotated[str, typer.Argument(help="As `answerable interaction list` names it.")]
PartyId = Annotated[str, typer.Argument(help="As `answerable party list` names it.")]
Before = Annotated[str, typer.Option("--before", help="Older than the one with this id.")]
_TEXT_CHARS_MAX = 2_000
_CONVERSATION_INDENT = "    "


@case.command("list")
def case_list(
    agent: OfAgent = "",
    holder: Annotated[
        str, typer.Option(help="agent, people, or a holder as it is written: queue:orders.")
    ] = "",
    before: Before = "",
    limit: Rows = 50,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Newest first: who speaks on each, and how its newest message stands."""
    from answerable.worker.verbs import CaseList
    from answerable.worker.verbs.cases import CaseRow

    rows = ask(home, CaseList(agent, "", holder, before, limit), list[CaseRow])
    out_rows(home, rows, "No case is like that.", "answerable case show {0.case}", as_json=as_json)


@case.command("show")
def case_show(
    case_id: CaseId,
    before: Before = "",
    limit: Rows = 50,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """What was said and done, as a conversation, oldest first."""
    from answerable.worker.verbs import CaseShow
    from answerable.worker.verbs.cases import CaseView

    view = ask(home, CaseShow(case_id, before, limit), CaseView)
    if as_json:
        out_json(view)
        return
    _out_head(view)
    for message in reversed(view.messages):
        _out_message(message)
    if view.messages:
        talk_next(home, f"answerable interaction show {view.messages[0].interaction}")


def _out_head(view: "CaseView") -> None:
    out(f"{view.case}: party {view.party} with agent {view.agent}")
    out(f"held by {view.holder} (epoch {view.epoch})")
    if view.queue:
        out(f"waits in queue {view.queue}, {view.code.replace('_', ' ')}: {_line(view.reason)}")


def _out_message(message: "Shown") -> None:
    out(f"\n{message.at}  {_line(message.sender)}  ({message.interaction})")
    _out_text(message.text)
    for reply in message.replies:
        out("  we answered:")
        _out_text(reply)
    for effect in message.effects:
        out(f"  - {effect}")
    out(f"  [{message.disposition.replace('_', ' ')}]")


def _out_text(text: str) -> None:
    cut = text[:_TEXT_CHARS_MAX] + ("..." if len(text) > _TEXT_CHARS_MAX else "")
    for line in plain(cut).splitlines() or [""]:
        out(f"{_CONVERSATION_INDENT}{line}".rstrip())


def _line(text: str) -> str:
    return " ".join(plain(text).split())


@interaction.command("list")
def interaction_list(
    agent: OfAgent = "",
    disposition: Annotated[
        str, typer.Option(help="open, answered, escalated, with_people, closed, ...")
    ] = "",
    before: Before = "",
    limit: Rows = 50,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Newest first: what came in, and how it ended."""
    from answerable.worker.verbs import InteractionList
    from answerable.worker.verbs.cases import InteractionRow

    rows = ask(home, InteractionList(agent, disposition, before, limit), list[InteractionRow])
    out_rows(
        home,
        rows,
        "No interaction is like that.",
        "answerable interaction show {0.interaction}",
        as_json=as_json,
    )


@interaction.command("show")
def interaction_show(
    interaction_id: InteractionId,
    wait_s: Annotated[
        float, typer.Option("--wait", min=0, max=60, help="Seconds to wait for its end.")
    ] = 0.0,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Why did it do that? The seven stages: what went in, what came out, how long it took."""
    from answerable.worker.verbs import InteractionShow
    from answerable.worker.verbs.cases import InteractionView

    view = ask(home, InteractionShow(interaction_id, wait_s), InteractionView)
    _out_interaction(view, home, as_json=as_json)


@interaction.command("find")
def interaction_find(
    rail: Annotated[str, typer.Argument(help="The rail that it came in by.")],
    external_id: Annotated[str, typer.Argument(help="The id that its sender's side gave it.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """The interaction of a message, by the id that the other side knows it by."""
    from answerable.worker.verbs import InteractionFind
    from answerable.worker.verbs.cases import InteractionView

    view = ask(home, InteractionFind(rail, external_id), InteractionView)
    _out_interaction(view, home, as_json=as_json)


def _out_interaction(view: "InteractionView", home: Path, *, as_json: bool) -> None:
    if as_json:
        out_json(view)
        return
    ended = view.disposition.replace("_", " ")
    out(f"{view.interaction}  [{ended}]  case {view.case or 'none yet'}")
    out(f"{view.at}  {_line(view.sender)}")
    _out_text(view.text)
    for reply in view.replies:
        out("  we answered:")
        _out_text(reply)
    _out_stages(view.stages)
    decisions = [line.decision for line in view.decisions]
    if decisions:
        talk_next(home, f"answerable decision explain {decisions[0]}")
    elif view.case:
        talk_next(home, f"answerable case show {view.case}")


def _out_stages(stages: "Sequence[StageView]") -> None:
    for stage in stages:
        out(f"\n{stage.name:<8}{_duration(stage.took_us):>12}")
        for sentence in stage.said:
            out(f"  - {_line(sentence)}")


def _duration(us: int) -> str:
    if us < 0:
        return "not measured"
    return f"{us} us" if us < 1_000 else f"{us / 1_000:.1f} ms"


@party.command("list")
def party_list(
    before: Before = "", limit: Rows = 50, home: Home = DEFAULT_HOME, as_json: AsJson = False
) -> None:
    """Newest first: how much each has asked."""
    from answerable.worker.verbs import PartyList
    from answerable.worker.verbs.cases import PartyRow

    rows = ask(home, PartyList(before, limit), list[PartyRow])
    out_rows(
        home, rows, "Nobody has written yet.", "answerable party show {0.party}", as_json=as_json
    )


@party.command("show")
def party_show(party_id: PartyId, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Everything about one: how it is reached, what bears on it, its cases."""
    from answerable.worker.verbs import PartyShow
    from answerable.worker.verbs.cases import PartyView

    view = ask(home, PartyShow(party_id), PartyView)
    if as_json:
        out_json(view)
        return
    out(f"{view.party}: {view.entries} ledger entries")
    for identifier in view.identifiers:
        out(f"  {_line(identifier)}")
    for state in view.states:
        out(f"  {state}")
    out_table(view.cases, "It has no case.")
    if view.cases:
        talk_next(home, f"answerable case show {view.cases[0].case}")
