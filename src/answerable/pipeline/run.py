"""Run: let the agent think. It proposes; whatever it does, it costs one turn at most."""

import asyncio
import re

from answerable.agents.domain import Release
from answerable.cases.domain import Message
from answerable.pipeline.hall import Hall
from answerable.pipeline.mind import TurnMind
from answerable.pipeline.passage import Proposed, Routed
from answerable.pipeline.turn import Turn, handle
from answerable.sdk.context import Context, TurnDiverged, TurnFlooded
from answerable.sdk.port import BudgetSpent, ModelAway
from answerable.sdk.words import Escalation, Reply
from answerable.telemetry.watch import Watched

REPLY_BYTES_MAX = 64 * 1024
REASON_CHARS_MAX = 2_000
QUEUE_CHARS_MAX = 100
_QUEUE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_PROPOSED_AND_ESCALATED = (
    "The agent proposed effects and handed the case over in one turn: none of them was decided."
    " It said:"
)


class TurnTimeout(Exception):
    """The author's code did not end in time."""


async def run(hall: Hall, routed: Routed) -> Proposed:
    """Run the release's handler on a message; anything that goes wrong is a reason for the desk."""
    message = routed.resolved.received.cause
    if not isinstance(message, Message) or routed.is_decided:
        return Proposed(routed)
    if routed.to_desk == "with_people":
        return Proposed(routed)
    if routed.to_desk or routed.release is None:
        return _to_desk(routed, routed.to_desk, "No agent may act on this case now.")
    turn = Turn(hall, routed)
    context = Context(
        turn, interaction=routed.resolved.received.interaction, case=routed.resolved.case.id,
        party=routed.resolved.party.id,
        mind=TurnMind(hall, routed.release, routed.resolved.received.interaction, message),
    )  # fmt: skip
    try:
        proposed = await _thought(hall, routed, routed.release, context)
    finally:
        context.close()
    await turn.ended()
    return proposed


async def _thought(hall: Hall, routed: Routed, release: Release, context: Context) -> Proposed:
    """What the author's code came to; it may raise, hang or return anything."""
    try:
        outcome = await _within_deadline(hall, routed, release, context)
        if context.broke is not None:  # it may not swallow that it went too far
            raise context.broke
        return _proposed(routed, context, outcome)
    except TurnTimeout:
        return _to_desk(routed, "turn_timeout", "The agent's code did not end in time.")
    except TurnFlooded as flood:
        return _to_desk(routed, "turn_flooded", str(flood))
    except TurnDiverged as error:
        return _to_desk(routed, "turn_diverged", str(error))
    except BudgetSpent as spent:
        return _to_desk(routed, "budget_spent", f"The budget of its model is used up: {spent}.")
    except ModelAway as away:
        return _to_desk(routed, "model_away", f"The agent's model gave no answer: {away}.")
    except Exception as error:  # noqa: BLE001 - author code may raise anything
        return _to_desk(routed, "agent_failed", f"The agent's code raised {type(error).__name__}.")


def _proposed(routed: Routed, context: Context, outcome: object) -> Proposed:
    effects = tuple(context.proposals)
    match outcome:
        case Reply():
            if len(outcome.text.encode()) + len(outcome.otherwise.encode()) > REPLY_BYTES_MAX:
                return _to_desk(routed, "turn_flooded", "The agent's reply is too long to send.")
            if outcome.after is not None and not any(one is outcome.after for one in effects):
                return _to_desk(routed, "agent_failed", "The reply waits for no proposal of ours.")
            if not outcome.text.strip():
                return _to_desk(routed, "agent_failed", "The agent's reply is empty.")
            return Proposed(routed, effects, reply=outcome)
        case Escalation():
            reason = outcome.reason[:REASON_CHARS_MAX].encode(errors="replace").decode()
            queue = outcome.queue
            if queue and not _QUEUE.fullmatch(queue):  # it stands in the ledger for all to read
                wish = queue[:QUEUE_CHARS_MAX].encode(errors="replace").decode()
                reason, queue = f"{reason} (for the queue: {wish})", ""
            if effects:  # once people have the case nothing of the agent's is done
                reason = f"{_PROPOSED_AND_ESCALATED} {reason}"
                return Proposed(routed, escalation=Escalation(reason, queue), code="agent_failed")
            return Proposed(routed, effects, escalation=Escalation(reason, queue), code="asked")
        case None:
            return Proposed(routed, effects)
    kind = type(outcome).__name__
    return _to_desk(routed, "agent_failed", f"The agent returned a {kind}, not a Reply.")


def _to_desk(routed: Routed, code: str, reason: str) -> Proposed:
    return Proposed(routed, escalation=Escalation(reason), code=code)


async def _within_deadline(
    hall: Hall, routed: Routed, release: Release, context: Context
) -> object:
    """In a task of its own: a handler that does not let itself be cancelled is left behind."""
    blueprint, received = release.blueprint, routed.resolved.received
    if not isinstance(received.cause, Message):
        return None
    code = handle(blueprint.handler, context, received.cause)
    handling = Watched(code, hall.watch, received.arrival.id)
    task: asyncio.Task[object] = asyncio.create_task(handling, name=f"turn {received.interaction}")
    hall.turns[task] = blueprint.agent
    try:
        with hall.hands.outside():
            await hall.deadlines.wait(task, handling, blueprint.turn_deadline_s)
    except asyncio.CancelledError:
        task.cancel()
        raise
    finally:
        if task.done():
            del hall.turns[task]
        else:
            task.add_done_callback(hall.turns.pop)
    if not task.done():
        context.close()
        task.cancel()
        task.add_done_callback(_forget)
        raise TurnTimeout
    if task.cancelled():
        raise InterruptedError
    return task.result()


def _forget(task: asyncio.Task[object]) -> None:
    if not task.cancelled():
        task.exception()
