"""Act: the one place from which the world is touched.

Only here is a rail's `send` or a tool's `perform` called, and only after the decision is durable,
with the lease, the owner and the stop looked at again in the same breath.
"""

from collections.abc import Awaitable, Callable

from answerable.base import faults
from answerable.base.ids import is_older
from answerable.effects.breaker import Breaker
from answerable.effects.domain import EffectState, Status
from answerable.effects.errors import NotDone, OutcomeUnknown
from answerable.effects.intent import ReplyAction, ToolAction, typed_arguments
from answerable.pipeline.barrier import commit
from answerable.pipeline.bounded import may_begin_until, within
from answerable.pipeline.guard import tool_of, why_not, why_refused
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import Acted, Decided, Intended
from answerable.pipeline.resume import owner_now, started
from answerable.pipeline.tally import Tally, Try
from answerable.rails.port import Outgoing
from answerable.sdk.call import ToolCall


async def act(hall: Hall, decided: Decided) -> Acted:
    """Carry out what was decided, in the order in which it was proposed."""
    tally = Tally(hall, decided)
    tally.statuses.update({one.state.id: one.state.status for one in decided.effects})
    for one in decided.effects:
        await _advance(tally, one)
    return tally.acted


async def _advance(tally: Tally, one: Intended) -> None:
    """What an effect's state asks for now; nothing, where it waits or has ended."""
    state = one.state
    if _waits_for_another(tally, state):
        if tally.may_have_spoken(one):
            tally.interrupted(one)
        return
    match state.status:
        case Status.READY if one.is_fresh:
            await _begin(tally, one, state.attempt)
        case Status.READY:
            await _settle(tally, one, look=0)
        case Status.BLOCKED if not one.is_fresh and tally.is_cut_short:
            await _settle(tally, one, look=0)
        case Status.BLOCKED | Status.GRANTED:
            await _begin(tally, one, state.attempt)
        case Status.RETRY if tally.due(state, "retry"):
            await _begin(tally, one, state.attempt + 1)
        case Status.UNKNOWN | Status.ASKED if said := tally.said(state):
            tally.settled(state, said)
        case Status.UNKNOWN:
            await _look_again(tally, one)
        case _:
            pass


async def _look_again(tally: Tally, one: Intended) -> None:
    """When its timer says so; or when what it waits for has ended, for which there is no timer."""
    due = tally.due(one.state, "reconcile")
    if due or tally.has_just_ended(one.state.after):
        await _settle(tally, one, look=due.look if due else 0)


def _waits_for_another(tally: Tally, state: EffectState) -> bool:
    """A reply that speaks of an effect is said, or looked up, once that has ended."""
    if state.after is None or tally.statuses[state.after].is_end:
        return False
    is_unknown = state.status is Status.UNKNOWN and tally.said(state) is None
    return is_unknown or state.status in (Status.BLOCKED, Status.GRANTED)


async def _begin(tally: Tally, one: Intended, attempt: int) -> None:
    """Try; but where a backup has forgotten what came after it, see first what became of it.

    An effect is named after what came in, so the other side knows it by the same key. What was to
    be done is not known any more where its party was erased: then it is not done.
    """
    if one.action is None:
        tally.refused(Try(one, attempt), "erased")
    elif is_older(one.state.id, tally.hall.restored_at):
        await _settle(tally, one, look=0)
    else:
        await _perform(tally, Try(one, attempt))


async def _settle(tally: Tally, one: Intended, *, look: int) -> None:
    """An effect that may have begun in another life or without an answer: what became of it?"""
    hall, state = tally.hall, one.state
    it = Try(one, state.attempt, look, may_have_begun=True)
    if state.id in hall.stalled:
        tally.stalled(it)
    elif one.action is None:
        tally.refused(it, "erased")
    elif hall.leases.is_left_behind(state.id):
        tally.unknown(it, "still_under_way")
    elif state.repeat == "idempotent":
        await _perform(tally, Try(one, state.attempt + 1, look, may_have_begun=True))
    elif state.repeat == "at_most_once":
        tally.unknown(it, "interrupted")
    else:
        await _look_up(tally, it)


async def _look_up(tally: Tally, it: Try) -> None:
    """Ask the other side by the effect's key; what it surely did not do is done now.

    "Not found" is no answer yet while the request may still be on its way.
    """
    try:
        receipt = await within(
            tally.hall, it.state, it.attempt, lambda: _find(tally.hall, it.one), is_send=False
        )
    except Exception as error:  # noqa: BLE001 - not reached, not told: it stays unknown
        tally.unknown(it, "look_up_failed", type(error).__name__)
        return
    if receipt is not None:
        tally.done(it, receipt, "found")
        return
    try:
        begins_until = may_begin_until(tally.hall, tally.states, it.state)
    except OutcomeUnknown as error:  # the release that knows its deadline is not loaded here
        tally.unknown(it, "release_gone", error.reason)
        return
    if tally.hall.clock.now() < begins_until:
        tally.unknown(it, "not_found_yet", again_at=begins_until)
    else:
        await _perform(tally, Try(it.one, it.attempt + 1, it.look))


async def _perform(tally: Tally, it: Try) -> None:
    """Try once. Later than its decision, an effect first records who is accountable now."""
    hall, state = tally.hall, it.state
    door = _door(hall, state)
    is_recorded = _is_recorded(hall, it)
    if not is_recorded and (no := why_not(hall, state)):
        tally.refused(it, no)
        return
    if not is_recorded and not door.may_try(hall.clock.now()):
        tally.door_closed(it)
        return
    await faults.point("act.before_send")
    it = await _under_who_answers_now(tally, it)
    if no := why_refused(hall, state):  # the last look, in the same breath as the call
        tally.refused(it, no)
    elif not hall.leases.begin_send(state.case, state.lease):
        tally.refused(it, "taken_over")
    else:
        try:
            if not door.may_try(hall.clock.now()):
                tally.door_closed(it)
            elif door.calls >= hall.hands.calls_max:
                tally.door_full(it)
            else:
                door.begin()
                await _touch(tally, it, door)
        finally:
            hall.leases.end_send(state.case)
        await faults.point("act.after_send")


def _is_recorded(hall: Hall, it: Try) -> bool:
    """Whether who is accountable for this attempt now stands in its decision."""
    return it.one.is_fresh and owner_now(hall, it.state) == it.state.owner


async def _under_who_answers_now(tally: Tally, it: Try) -> Try:
    """The attempt, under the owner of this instant; durable, where that is not its decision's."""
    hall = tally.hall
    journey = tally.decided.proposed.routed.resolved.received.journey
    is_recorded = it.one.is_fresh
    while not is_recorded or owner_now(hall, it.state) != it.state.owner:
        draft = started(hall, it.state, attempt=it.attempt)
        if draft.id not in journey.memo:
            journey.unit.drafts.append(draft)
            await commit(hall, journey)
        it, is_recorded = it.under(draft.owner or it.state.owner), True
    return it


async def _touch(tally: Tally, it: Try, door: Breaker) -> None:
    """The attempt itself, and what its answer means."""
    hall = tally.hall
    is_answered = False
    try:
        receipt = await within(hall, it.state, it.attempt, _world(tally, it), is_send=True)
        is_answered = True
        tally.done(it, receipt)
    except NotDone as answer:
        is_answered = answer.is_final  # a no that stays one is an answer: the door works
        tally.not_done(it, answer)
    except TimeoutError:
        tally.unknown(it, "no_answer")
    except OutcomeUnknown as answer:
        tally.unknown(it, "no_answer", answer.reason)
    except Exception as error:  # noqa: BLE001 - a tool may raise anything; then nobody can say
        tally.unknown(it, "raised", type(error).__name__)
    finally:
        if is_answered:
            door.succeeded()
        else:
            door.failed(hall.clock.now())


def _world(tally: Tally, it: Try) -> Callable[[], Awaitable[object]]:
    """The call itself, with the exact bytes that were decided."""
    hall, state, action = tally.hall, it.state, it.one.action
    match action:
        case ReplyAction():
            is_as_hoped = state.after is None or tally.statuses[state.after] is Status.DONE
            outgoing = Outgoing(
                key=state.id, to=action.to, in_reply_to=action.in_reply_to,
                text=action.text if is_as_hoped else action.otherwise, subject=action.subject,
            )  # fmt: skip
            return lambda: hall.lines[action.rail].rail.send(outgoing)
        case ToolAction():
            tool, call = tool_of(hall, state), ToolCall(state.id, it.attempt)
            arguments = typed_arguments(tool, bytes(action.arguments))
            return lambda: tool.perform(call, **arguments)
        case None:
            raise LookupError(f"effect {state.id} has no action to perform")


def _find(hall: Hall, one: Intended) -> Awaitable[object]:
    state, action = one.state, one.action
    if isinstance(action, ReplyAction):
        return hall.lines[action.rail].rail.find(state.id)
    find = tool_of(hall, state).find
    if find is None:
        raise LookupError(f"tool '{state.name}' has no look-up")
    return find(state.id)


def _door(hall: Hall, state: EffectState) -> Breaker:
    """A rail is one door, whoever speaks through it; a tool is its agent's."""
    return hall.doors.of(state.kind, state.agent if state.kind == "tool" else "", state.name)
