"""THE HALLWAY: receive, resolve, route, run, decide, act, record. Data goes one way.

Each stage is one file and takes what the one before returned. A committed row stands where a crash
must not repeat or forget: after *receive*, after each recorded step, after *decide* and before
*act*, after *act*; a crash enters again at the last one.
"""

from answerable.effects.domain import Status
from answerable.engine.port import Claim, Conflict
from answerable.ledger.draft import Unit
from answerable.pipeline.act import act
from answerable.pipeline.barrier import commit
from answerable.pipeline.decide import decide
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Acted, Received
from answerable.pipeline.receive import is_about_nothing, open_arrival
from answerable.pipeline.record import record
from answerable.pipeline.resolve import resolve
from answerable.pipeline.route import route
from answerable.pipeline.run import run
from answerable.pipeline.thoughts import thought_of
from answerable.pipeline.vacancy import fill_vacancies
from answerable.telemetry.passages import Passage
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
    passage = Passage(received.interaction, received.arrival.kind, hall.clock.now())
    try:
        await _through(hall, received, passage)
    finally:
        passage.thought = thought_of(received.journey.model)
        stages.end(passage)


async def _through(hall: Hall, received: Received, passage: Passage) -> None:
    for life in range(_LIVES_MAX):
        try:
            passage.enter("resolve")
            resolved = resolve(hall, received, is_first=not (life or received.journey.memo))
            passage.enter("route")
            routed = route(hall, resolved)
            passage.case, passage.agent = resolved.case.id, resolved.case.agent
            passage.release = routed.release.id if routed.release is not None else ""
            passage.enter("run")
            proposed = await run(hall, routed)
            passage.enter("decide")
            decided = await decide(hall, proposed)
            passage.enter("act")
            acted = await act(hall, decided)
            passage.enter("record")
            await record(hall, acted)
            passage.enter("")
        except Conflict as conflict:
            if life + 1 == _LIVES_MAX:
                raise
            first = conflict.first
            if first.arrival == received.arrival.id:
                received.journey.memo[first.key] = first
            received.journey.unit = Unit(arrival=received.arrival.id)
        else:
            hall.spending.forget(received.interaction)
            await _nobodys(hall, acted)
            return


async def _nobodys(hall: Hall, acted: Acted) -> None:
    """Who answers may have left while a hold was on its way to the disk: those who looked for what
    is nobody's now did not see it."""
    agent = acted.decided.proposed.routed.resolved.case.agent
    is_held = Status.HELD in acted.statuses.values()
    if is_held and hall.people.directory.owned(agent) is None:
        await fill_vacancies(hall)
