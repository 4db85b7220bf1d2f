"""THE HALLWAY: receive, resolve, route, run, decide, act, record. Data goes one way.

Each stage is one file and takes what the one before returned. A committed row stands where a crash
must not repeat or forget: after *receive*, after each recorded step, after *decide* and before
*act*, after *act*; a crash enters again at the last one.
"""

from answerable.engine.port import Claim, Conflict
from answerable.ledger.draft import Unit
from answerable.pipeline.act import act
from answerable.pipeline.barrier import commit
from answerable.pipeline.decide import decide
from answerable.pipeline.hall import Hall
from answerable.pipeline.receive import is_about_nothing, open_arrival
from answerable.pipeline.record import record
from answerable.pipeline.resolve import resolve
from answerable.pipeline.route import route
from answerable.pipeline.run import run
from answerable.telemetry.stages import Stages

_LIVES_MAX = 5


async def walk(hall: Hall, claim: Claim, stages: Stages) -> None:
    """Take one arrival through the seven stages, to its end or to where it has to wait.

    Where somebody else was first (a takeover, an earlier delivery), the arrival enters again with
    what was written: the first write wins, for ever.
    """
    received = open_arrival(hall, claim)
    if is_about_nothing(hall, received):
        await commit(hall, received.journey, done=True)
        return
    for life in range(_LIVES_MAX):
        try:
            with stages.timed("resolve"):
                resolved = resolve(hall, received)
            with stages.timed("route"):
                routed = route(hall, resolved)
            with stages.timed("run"):
                proposed = await run(hall, routed)
            with stages.timed("decide"):
                decided = await decide(hall, proposed)
            with stages.timed("act"):
                acted = await act(hall, decided)
            with stages.timed("record"):
                await record(hall, acted)
        except Conflict as conflict:
            if life + 1 == _LIVES_MAX:
                raise
            first = conflict.first
            if first.arrival == received.arrival.id:
                received.journey.memo[first.key] = first
            received.journey.unit = Unit(arrival=received.arrival.id)
        else:
            return
