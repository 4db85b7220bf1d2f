"""Why a yes to a hold would be in vain now: said before it is given, so that none is used up."""

from dataclasses import dataclass

from answerable.agents.stops import Mode, tell_mode, tell_scope, typed_scope
from answerable.effects.domain import EffectState
from answerable.pipeline.guard import in_the_way
from answerable.worker.commands.office import Office


@dataclass(frozen=True, slots=True)
class Hindrance:
    """What is in the way, as the rest of a sentence, and what to do about it."""

    said: str
    do: str


def hindrance(office: Office, state: EffectState) -> Hindrance | None:
    """None where a granted effect could start now, or as soon as a worker runs."""
    hall = office.house.hall
    why = in_the_way(hall, state)
    if why == "release_gone" and not office.dispatcher.works:
        why = _without_a_worker(office, state)
    match why:
        case "":
            return None
        case "stopped":
            return _stopped(office, state, Mode.PAUSE)
        case "read_only":
            return _stopped(office, state, Mode.READ_ONLY)
        case "no_owner":
            return Hindrance(
                f"nobody answers for agent '{state.agent}'",
                f"answerable owner accept {state.agent} --person PERSON",
            )
        case "release_gone":
            return Hindrance(
                f"it was decided under {state.release}, and that is not the release which is "
                "loaded; other code never acts on it",
                f"start a worker with that release before it expires (`answerable release list "
                f"--agent {state.agent}`), or `answerable approval refuse {state.id} --by PERSON`",
            )
        case _:
            return Hindrance(
                "people have taken its case over, and what its agent proposed before never acts",
                f"answerable approval refuse {state.id} --by PERSON",
            )


def _without_a_worker(office: Office, state: EffectState) -> str:
    """Nothing is loaded here: what was registered last is what the next worker is taken to load."""
    hall = office.house.hall
    if hall.agents.registry.releases.get(state.agent) != state.release:
        return "release_gone"
    return "" if hall.leases.may_send(state.case, state.lease) else "taken_over"


def _stopped(office: Office, state: EffectState, mode: Mode) -> Hindrance:
    hall = office.house.hall
    if mode is Mode.PAUSE and hall.stop_file.is_pressed():
        return Hindrance("the stop file lies in the home", "answerable stop lift file")
    tool = state.name if state.kind == "tool" else ""
    stops = hall.agents.registry.stops
    order = stops.find(mode, agent=state.agent, tool=tool, party=state.party)
    if order is None:  # it is on its way to the disk
        return Hindrance("a stop is being put on it", "answerable stop list")
    said, scope = tell_mode(mode), typed_scope(order.scope)
    return Hindrance(
        f"a stop ({said}) is on {tell_scope(order.scope)}",
        f"answerable stop lift {scope} --mode {said} --by PERSON",
    )
