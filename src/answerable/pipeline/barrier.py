"""A barrier: what is waiting to be written is durable when it has been passed."""

from answerable.ledger.draft import Committed, Unit
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Journey

_NOTHING = Committed((), ())


async def commit(hall: Hall, journey: Journey, *, done: bool = False) -> Committed:
    """Write the journey's unit; with `done`, its arrival is finished in the same write."""
    unit = journey.unit
    if done and unit.arrival is not None:
        unit.done = (unit.arrival,)
    if not (unit.drafts or unit.memos or unit.done):
        return _NOTHING
    journey.unit = Unit(arrival=unit.arrival)
    committed = await hall.committer.commit(unit)
    journey.memo.update({record.key: record for record in committed.records})
    return committed
