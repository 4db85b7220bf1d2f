"""`decision`, `effect show`: verdicts, why, who was accountable, what became of it."""

from typing import Annotated

import typer

from answerable.cli.desk import effect
from answerable.cli.talk import (
    DEFAULT_HOME,
    AsJson,
    Home,
    OfAgent,
    Rows,
    ask,
    at,
    new_app,
    out,
    out_fields,
    out_json,
    out_rows,
    plain,
    talk_next,
)

decision = new_app("Verdicts, and who was accountable for them.")

DecisionId = Annotated[str, typer.Argument(help="As `answerable decision list` names it.")]
Before = Annotated[int, typer.Option("--before", min=0, help="Older than this ledger index.")]


@decision.command("who")
def decision_who(
    decision_id: Annotated[str, typer.Argument(help="A decision's id, or use --random.")] = "",
    is_random: Annotated[bool, typer.Option("--random", help="Draw one by chance.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Who was accountable when this decision was made, and which record captured it?"""
    from answerable.base.chance import SystemChance
    from answerable.base.errors import UsageError
    from answerable.worker.verbs import DecisionWho
    from answerable.worker.verbs.proofs import Who

    if bool(decision_id) == is_random:
        raise UsageError(
            "Which decision is not said.", "Nothing was looked up.",
            at(home, "answerable decision who --random"),
        )  # fmt: skip
    draw = SystemChance().uniform() if is_random else 0.0
    who = ask(home, DecisionWho(decision_id, draw), Who)
    if as_json:
        out_json(who)
        return
    out(who.sentence)
    talk_next(home, f"answerable ledger prove {who.index}")


@decision.command("list")
def decision_list(
    agent: OfAgent = "",
    verdict: Annotated[str, typer.Option(help="allow, hold or deny only.")] = "",
    before: Before = 0,
    limit: Rows = 50,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Newest first: what was decided, in whose name, what became of it."""
    from answerable.worker.verbs import DecisionList
    from answerable.worker.verbs.proofs import DecisionRow

    rows = ask(home, DecisionList(agent, verdict, before, limit), list[DecisionRow])
    out_rows(
        home,
        rows,
        "No decision is like that.",
        "answerable decision explain {0.decision}",
        as_json=as_json,
    )


@decision.command("show")
def decision_show(
    decision_id: DecisionId, home: Home = DEFAULT_HOME, as_json: AsJson = False
) -> None:
    """One in full: the exact action, the rules as written, what policy was asked, the entry."""
    from answerable.worker.verbs import DecisionShow
    from answerable.worker.verbs.proofs import DecisionView

    view = ask(home, DecisionShow(decision_id), DecisionView)
    if as_json:
        out_json(view)
        return
    out_fields(view)
    talk_next(home, f"answerable decision explain {view.decision}")


@decision.command("explain")
def decision_explain(
    decision_id: DecisionId, home: Home = DEFAULT_HOME, as_json: AsJson = False
) -> None:
    """From arrival to outcome, in plain words."""
    from answerable.worker.verbs import DecisionExplain
    from answerable.worker.verbs.proofs import Story

    story = ask(home, DecisionExplain(decision_id), Story)
    if as_json:
        out_json(story)
        return
    for sentence in story.sentences:
        out(plain(sentence))
    if story.steps:
        out("\nThe entries of its interaction; `answerable ledger prove INDEX` proves each:")
    for step in story.steps:
        out(plain(f"{step.index:>8}  {step.at}  {step.said}"))
    talk_next(home, f"answerable decision who {story.decision}")


@effect.command("show")
def effect_show(
    effect_id: Annotated[str, typer.Argument(help="An effect's id, `eff_...`.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """What it is exactly, how it may be repeated, and everything that happened to it."""
    from answerable.worker.verbs import EffectShow
    from answerable.worker.verbs.proofs import EffectView

    view = ask(home, EffectShow(effect_id), EffectView)
    if as_json:
        out_json(view)
        return
    out_fields(view, but=("entries",))
    for index, when, what in view.entries:
        out(plain(f"{index:>8}  {when}  {what}"))
    talk_next(home, f"answerable decision explain {view.decision}")
