"""The last look before the world is touched: stop, owner, lease. Synchronous, and said in a word."""

from answerable.effects.domain import EffectState
from answerable.pipeline.hall import Hall


def why_not(hall: Hall, state: EffectState) -> str:
    """Empty if this effect may start now; otherwise the rule that says no."""
    if state.release:
        if hall.agents.registry.is_stopped(state.agent):
            return "stopped"
        if hall.people.directory.accountable_for(state.agent) is None:
            return "no_owner"
    elif hall.people.directory.living(state.owner.person) is None:
        return "no_owner"
    if not hall.leases.may_send(state.case, state.lease):
        return "taken_over"
    return ""
