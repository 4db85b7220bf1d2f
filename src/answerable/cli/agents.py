"""`agent`, `release`: what may speak for us, and what each version of it is made of."""

from typing import TYPE_CHECKING, Annotated

import typer

from answerable.cli.talk import (
    DEFAULT_HOME,
    AgentName,
    AsJson,
    Home,
    OfAgent,
    Rows,
    ask,
    counts,
    new_app,
    out,
    out_fields,
    out_json,
    out_rows,
    out_table,
    plain,
    talk_next,
)

if TYPE_CHECKING:
    from pathlib import Path

    from answerable.worker.verbs.control import AgentView, ReleaseRow

agent = new_app("What may speak for us.")
release = new_app("Immutable versions of agents.")

ReleaseId = Annotated[str, typer.Argument(help="As `answerable release list` names it.")]


@agent.command("list")
def agent_list(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Each registered agent: its release, its owner, whether it is stopped."""
    from answerable.worker.verbs import AgentList
    from answerable.worker.verbs.control import AgentRow

    rows = ask(home, AgentList(), list[AgentRow])
    out_rows(
        home,
        rows,
        "No agent is registered in this home.",
        "answerable agent show {0.id}",
        as_json=as_json,
    )


@agent.command("show")
def agent_show(name: AgentName, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """At a glance: who answers for it, what it may do, what it did today, what waits."""
    from answerable.worker.verbs import AgentShow
    from answerable.worker.verbs.control import AgentView

    view = ask(home, AgentShow(name), AgentView)
    if as_json:
        out_json(view)
        return
    for line in _glance(view):
        out(plain(line))
    if view.waiting.get("approvals"):
        talk_next(home, f"answerable approval list --agent {view.id}")
    elif view.waiting.get("desk"):
        talk_next(home, "answerable desk list")
    else:
        talk_next(home, f"answerable decision list --agent {view.id}")


def _glance(view: "AgentView") -> list[str]:
    is_loaded = "" if view.is_loaded else " (not loaded here)"
    lines = [
        f"{view.id}: {view.purpose}" if view.purpose else view.id,
        view.owner_sentence,
        f"release {view.release}{is_loaded}" + (f", model {view.model}" if view.model else ""),
        f"stopped: {'; '.join(view.states)}" if view.states else "not stopped",
        f"speaks on {', '.join(view.rails) or 'no rail'}"
        + (f"; hands over to queue {view.desk}" if view.desk else ""),
    ]
    for tool in view.tools:
        used = ", ".join((f"{tool.effects_today} effects", *tool.amounts_today))
        facts = [tool.repeat, f"needs grade {tool.needs_grade}", *tool.limits]
        if tool.states:
            facts.append(f"stopped: {', '.join(tool.states)}")
        lines.append(f"may {tool.name} ({tool.effect}): {'; '.join(facts)}; used today: {used}")
    lines.append(f"today: {counts(view.today)}")
    lines.append(f"waits: {counts(view.waiting)}")
    return lines


@release.command("list")
def release_list(
    of_agent: OfAgent = "",
    limit: Rows = 100,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Every release that was registered, newest first; which is active, which is loaded."""
    from answerable.worker.verbs import ReleaseList
    from answerable.worker.verbs.control import ReleaseRow

    rows = ask(home, ReleaseList(of_agent, limit), list[ReleaseRow])
    if as_json:
        out_json(rows)
        return
    shown = [
        {
            "id": row.id, "agent": row.agent, "registered": row.registered_at,
            "ledger": row.index, "active": row.is_active, "loaded": row.is_loaded,
            "owner": row.owner,
        }
        for row in rows
    ]  # fmt: skip
    out_table(shown, "No release is registered.")
    if len(rows) > 1:
        talk_next(home, f"answerable release diff {rows[1].id} {rows[0].id}")


@release.command("show")
def release_show(release_id: ReleaseId, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """One release: whose it is, since when, and the digest of each part."""
    row = _release(home, release_id)
    if as_json:
        out_json(row)
        return
    out_fields(row)
    talk_next(home, f"answerable ledger prove {row.index}")


@release.command("diff")
def release_diff(
    older: ReleaseId, newer: ReleaseId, home: Home = DEFAULT_HOME, as_json: AsJson = False
) -> None:
    """Which parts are not the same: code, prompt, model, tools, policy, settings."""
    from answerable.agents.domain import PARTS

    one, other = _release(home, older), _release(home, newer)
    found = {part: _compared(one.parts.get(part), other.parts.get(part)) for part in PARTS}
    if as_json:
        out_json({"older": one.id, "newer": other.id, "parts": found})
        return
    for part, word in found.items():
        out(f"{part.ljust(max(map(len, PARTS)))}  {word}")
    talk_next(home, f"answerable release show {other.id}")


def _compared(one: str | None, other: str | None) -> str:
    """Releases of earlier versions of this program have no digests of their parts."""
    if one is None or other is None:
        return "unknown"
    return "same" if one == other else "changed"


def _release(home: "Path", release_id: str) -> "ReleaseRow":
    from answerable.worker.verbs import ReleaseList
    from answerable.worker.verbs.control import ReleaseRow

    return ask(home, ReleaseList(release=release_id), list[ReleaseRow])[0]
