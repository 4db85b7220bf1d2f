"""The looks before anything is decided or touched: who may, said in a word. All synchronous."""

from answerable.agents.domain import Release, Tool
from answerable.agents.stops import Mode
from answerable.cases.domain import Case
from answerable.effects.domain import EffectState
from answerable.effects.errors import OutcomeUnknown
from answerable.pipeline.hall import Hall

FOR_PEOPLE = frozenset({"no_owner", "stopped", "ask_first", "release_gone", "taken_over"})
"""Refusals after which nobody of ours goes on: the case needs people, if it is not with them."""


def why_people(hall: Hall, case: Case, arrival: str) -> str:
    """Empty if the case's agent may think and decide now; otherwise why people do."""
    release = hall.releases.get(case.agent)
    if not case.lease.is_held_by_agent(case.agent):
        return "with_people"
    if is_stopped(hall, Mode.PAUSE, agent=case.agent, party=case.party):
        return "stopped"
    if hall.people.directory.accountable_for(case.agent, hall.clock.now()) is None:
        return "no_owner"
    if release is None or not _is_registered(hall, release):
        return "release_gone"
    return "stalled" if arrival in hall.stalled else ""


def why_not(hall: Hall, state: EffectState) -> str:
    """Empty if this effect may start now; said before a lease for it is asked for."""
    no = why_refused(hall, state)
    return no if no or hall.leases.may_send(state.case, state.lease) else "taken_over"


def why_refused(hall: Hall, state: EffectState) -> str:
    """The same, whoever holds the case: for who asks for the lease in the same breath."""
    if stopped := _why_stopped(hall, state):
        return stopped
    if state.release:
        if hall.people.directory.accountable_for(state.agent, hall.clock.now()) is None:
            return "no_owner"
        if state.kind == "tool" and (gone := release_gone(hall, state)):
            return gone
    elif hall.people.directory.living(state.owner.person) is None:
        return "no_owner"
    return ""


def in_the_way(hall: Hall, state: EffectState) -> str:
    """What would turn a person's yes into a no now: empty if a held effect could start."""
    return why_not(hall, state) or release_gone(hall, state)


def is_stopped(hall: Hall, mode: Mode, *, agent: str, tool: str = "", party: str = "") -> bool:
    """Whether a stop of this mode bears on it now; the stop file pauses everything."""
    if mode is Mode.PAUSE and hall.stop_file.was_pressed(hall.clock.now()):
        return True
    if hall.agents.is_nothing_stopped:
        return False
    return hall.agents.is_stopped(mode, agent=agent, tool=tool, party=party)


def _why_stopped(hall: Hall, state: EffectState) -> str:
    """What a person says or has said yes to is theirs; only a stop of everything stops that."""
    if not state.release:
        is_pressed = hall.stop_file.was_pressed(hall.clock.now())
        return "stopped" if is_pressed or hall.agents.is_everything_paused() else ""
    if hall.agents.is_nothing_stopped:
        return "stopped" if hall.stop_file.was_pressed(hall.clock.now()) else ""
    tool = state.name if state.kind == "tool" else ""
    if is_stopped(hall, Mode.PAUSE, agent=state.agent, tool=tool, party=state.party):
        return "stopped"
    if tool and is_stopped(hall, Mode.READ_ONLY, agent=state.agent, tool=tool, party=state.party):
        return "read_only"
    was_held = bool(state.expires_at)  # then a person's yes is what lets it start
    must_ask = is_stopped(hall, Mode.ASK, agent=state.agent, tool=tool, party=state.party)
    return "ask_first" if must_ask and not was_held else ""


def release_gone(hall: Hall, state: EffectState) -> str:
    """Never other code than was decided: the exact release must be loaded here."""
    release = hall.releases.get(state.agent)
    return "" if release is not None and release.id == state.release else "release_gone"


def tool_of(hall: Hall, state: EffectState) -> Tool:
    """The tool of the very release that decided; never another one's. Raises OutcomeUnknown."""
    release = hall.releases.get(state.agent)
    if release is None or release.id != state.release:
        raise OutcomeUnknown("release_gone")
    return release.blueprint.tools[state.name]


def _is_registered(hall: Hall, release: Release) -> bool:
    """Whether what is loaded is what the ledger says is active."""
    return hall.agents.registry.releases.get(release.blueprint.agent) == release.id
