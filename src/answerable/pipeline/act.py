"""Act: the one place from which the world is touched.

Only here is a rail's `send` or a tool's `perform` called, and only after the decision is durable,
with the lease, the owner and the stop looked at again in the same breath.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

from answerable.agents.domain import Tool
from answerable.base import faults
from answerable.effects.domain import (
    RECONCILE_MAX,
    EffectState,
    Status,
    reconcile_after_us,
    retry_after_us,
)
from answerable.effects.errors import NotDone, OutcomeUnknown
from answerable.effects.intent import ReplyAction, ToolAction, typed_arguments
from answerable.pipeline.barrier import commit
from answerable.pipeline.guard import FOR_PEOPLE, why_not
from answerable.pipeline.hall import Hall
from answerable.pipeline.passage import (
    Acted,
    Answer,
    Cause,
    Decided,
    Due,
    End,
    Intended,
    Later,
)
from answerable.pipeline.resume import started
from answerable.rails.port import Outgoing
from answerable.sdk.call import ToolCall

REPLY_ATTEMPTS_MAX = 6
CANCEL_S = 0.2  # for a call past its deadline to notice that nobody waits any more
RECEIPT_CHARS_MAX = 4_096
REASON_CHARS_MAX = 120
_SETTLED = {"done": Status.DONE, "not_done": Status.FAILED}

T = TypeVar("T")


@dataclass(slots=True)
class _Doing:
    """What has become of the effects so far in this pass."""

    hall: Hall
    decided: Decided
    ends: list[End] = field(default_factory=list)
    later: list[Later] = field(default_factory=list)
    statuses: dict[str, Status] = field(default_factory=dict)

    @property
    def cause(self) -> Cause:
        return self.decided.proposed.routed.resolved.received.cause

    @property
    def is_cut_short(self) -> bool:
        """Whether an earlier life of this message got past decide: anything may have begun."""
        return self.decided.proposed.routed.is_decided

    def due(self, state: EffectState, what: str) -> Due | None:
        """The timer that this pass is, if it is that effect's, as it stands now."""
        cause = self.cause
        if not isinstance(cause, Due) or (cause.effect, cause.what) != (state.id, what):
            return None
        return cause if cause.attempt == state.attempt else None

    def said(self, state: EffectState) -> Answer | None:
        """A person's word on how this effect ended, if this pass is that."""
        cause = self.cause
        if not isinstance(cause, Answer) or cause.effect != state.id or cause.says not in _SETTLED:
            return None
        return cause if self.hall.people.directory.living(cause.by) is not None else None


@dataclass(frozen=True, slots=True)
class _Try:
    """One attempt at an effect."""

    one: Intended
    attempt: int
    look: int = 0  # how often it was looked up before, without an answer
    may_have_begun: bool = False  # an earlier attempt may have reached the other side

    @property
    def state(self) -> EffectState:
        return self.one.state


async def act(hall: Hall, decided: Decided) -> Acted:
    """Carry out what was decided, in the order in which it was proposed."""
    doing = _Doing(hall, decided)
    doing.statuses.update({one.state.id: one.state.status for one in decided.effects})
    for one in decided.effects:
        await _advance(doing, one)
    return Acted(decided, tuple(doing.ends), tuple(doing.later), doing.statuses)


async def _advance(doing: _Doing, one: Intended) -> None:
    """What an effect's state asks for now; nothing, where it waits or has ended."""
    state = one.state
    match state.status:
        case Status.READY if one.is_fresh:
            await _perform(doing, _Try(one, state.attempt))
        case Status.READY:
            await _settle(doing, one, look=0)
        case Status.BLOCKED if not doing.statuses[state.after or ""].is_end:
            pass
        case Status.BLOCKED if not one.is_fresh and doing.is_cut_short:
            await _settle(doing, one, look=0)
        case Status.BLOCKED:
            await _perform(doing, _Try(one, state.attempt))
        case Status.RETRY if doing.due(state, "retry"):
            await _perform(doing, _Try(one, state.attempt + 1))
        case Status.UNKNOWN if due := doing.due(state, "reconcile"):
            await _settle(doing, one, look=due.look)
        case Status.UNKNOWN | Status.ASKED if said := doing.said(state):
            _said(doing, state, said)
        case _:
            pass


async def _settle(doing: _Doing, one: Intended, *, look: int) -> None:
    """An effect that may have begun in another life or without an answer: what became of it?"""
    hall, state = doing.hall, one.state
    it = _Try(one, state.attempt, look, may_have_begun=True)
    if state.id in hall.late:
        _unknown(doing, it, "still under way")
        return
    if state.repeat == "idempotent":
        await _perform(doing, _Try(one, state.attempt + 1, look, may_have_begun=True))
        return
    if state.repeat == "at_most_once":
        _unknown(doing, it, "interrupted")
        return
    try:
        receipt = await _within(hall, state, _find(hall, one))
    except Exception as error:  # noqa: BLE001 - not reached, not told: it stays unknown
        _unknown(doing, it, f"look-up: {type(error).__name__}")
        return
    if receipt is not None:
        _end(doing, it, Status.DONE, "found by its key", receipt=receipt)
    else:
        await _perform(doing, _Try(one, state.attempt + 1, look))


async def _perform(doing: _Doing, it: _Try) -> None:
    """Try once. Later than its decision, an effect first records who is accountable now."""
    hall, state = doing.hall, it.state
    door = hall.breaker(state.name)
    if no := why_not(hall, state):
        _refused(doing, it, no)
        return
    if not door.may_try(hall.clock.now()):
        _door_closed(doing, it)
        return
    if not it.one.is_fresh:
        journey = doing.decided.proposed.routed.resolved.received.journey
        draft = started(hall, state, attempt=it.attempt)
        if draft.id not in journey.memo:
            journey.unit.drafts.append(draft)
            await commit(hall, journey)
    await faults.point("act.before_send")
    if no := why_not(hall, state):
        _refused(doing, it, no)
    elif not door.may_try(hall.clock.now()):
        _door_closed(doing, it)
    elif hall.leases.begin_send(state.case, state.lease):
        door.begin()
        try:
            await _touch(doing, it)
        finally:
            hall.leases.end_send(state.case)
        await faults.point("act.after_send")


async def _touch(doing: _Doing, it: _Try) -> None:
    """The attempt itself, and what its answer means."""
    hall, state = doing.hall, it.state
    door = hall.breaker(state.name)
    is_answered = False
    try:
        receipt = await _within(hall, state, _world(doing, it))
        is_answered = True
        _end(doing, it, Status.DONE, receipt=receipt)
    except NotDone as answer:
        is_answered = answer.is_final  # a no that stays one is an answer: the door works
        _not_done(doing, it, answer)
    except TimeoutError:
        _unknown(doing, it, "no answer in time")
    except OutcomeUnknown as answer:
        _unknown(doing, it, answer.reason)
    except Exception as error:  # noqa: BLE001 - a tool may raise anything; then nobody can say
        _unknown(doing, it, f"raised {type(error).__name__}")
    finally:
        if is_answered:
            door.succeeded()
        else:
            door.failed(hall.clock.now())


def _world(doing: _Doing, it: _Try) -> Awaitable[object]:
    """The call itself, with the exact bytes that were decided."""
    hall, state, action = doing.hall, it.state, it.one.action
    match action:
        case ReplyAction():
            is_as_hoped = state.after is None or doing.statuses[state.after] is Status.DONE
            text = action.text if is_as_hoped else action.otherwise
            return hall.lines[action.rail].rail.send(
                Outgoing(
                    key=state.id, to=action.to, in_reply_to=action.in_reply_to, text=text,
                    subject=action.subject,
                )
            )  # fmt: skip
        case ToolAction():
            tool = _tool(hall, state)
            call = ToolCall(state.id, it.attempt)
            return tool.perform(call, **typed_arguments(tool, bytes(action.arguments)))
        case None:
            raise LookupError(f"effect {state.id} has no action to perform")


def _find(hall: Hall, one: Intended) -> Awaitable[object]:
    state, action = one.state, one.action
    if isinstance(action, ReplyAction):
        return hall.lines[action.rail].rail.find(state.id)
    find = _tool(hall, state).find
    if find is None:
        raise LookupError(f"tool '{state.name}' has no look-up")
    return find(state.id)


def _tool(hall: Hall, state: EffectState) -> Tool:
    """The tool of the very release that decided; never another one's."""
    release = hall.releases.get(state.agent)
    if release is None or release.id != state.release:
        raise OutcomeUnknown("release_gone")
    return release.blueprint.tools[state.name]


async def _within(hall: Hall, state: EffectState, call: Awaitable[T]) -> T:
    """Wait for the other side, at most its deadline. Raises TimeoutError.

    In a task of its own: a call that does not let itself be cancelled is left behind, and until
    it has ended nobody looks up what became of it.
    """
    if state.kind == "reply":
        deadline_s = hall.lines[state.name].deadline_s
    else:
        deadline_s = _tool(hall, state).patience.deadline_s
    task = asyncio.create_task(_called(call), name=f"call {state.id}")
    try:
        done, _ = await asyncio.wait({task}, timeout=deadline_s)
        if not done:
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=CANCEL_S)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        hall.late.add(state.id)
        task.add_done_callback(lambda ended: _came_late(hall, state, ended))
    if not done or task.cancelled():
        raise TimeoutError
    return task.result()


async def _called(call: Awaitable[T]) -> T:
    try:
        return await call
    except SystemExit as error:  # a task that raises this ends the process, not the call
        raise OutcomeUnknown("raised SystemExit") from error


def _came_late(hall: Hall, state: EffectState, task: "asyncio.Task[T]") -> None:
    """A call left behind has ended: how, the next look-up will say."""
    hall.late.discard(state.id)
    if not task.cancelled():
        task.exception()


def _said(doing: _Doing, state: EffectState, answer: Answer) -> None:
    """A person found out how it ended, and answers for saying so."""
    status = _SETTLED[answer.says]
    doing.statuses[state.id] = status
    doing.ends.append(End(state, status, "said by a person", "", state.attempt, answer.by))


def _end(
    doing: _Doing, it: _Try, status: Status, reason: str = "", *, receipt: object = "",
    desk: str = "",
) -> None:  # fmt: skip
    doing.statuses[it.state.id] = status
    why, text = _plain(reason, REASON_CHARS_MAX), _plain(receipt, RECEIPT_CHARS_MAX)
    doing.ends.append(End(it.state, status, why, text, it.attempt, desk=desk))


def _refused(doing: _Doing, it: _Try, why: str) -> None:
    """It may not start now, and never will; but what may have begun is not said to be undone."""
    if it.may_have_begun:
        _unknown(doing, it, why, may_look=False)
    else:
        desk = why if why in FOR_PEOPLE else ""
        _end(doing, it, Status.REFUSED, why, desk=desk)


def _not_done(doing: _Doing, it: _Try, answer: NotDone) -> None:
    """Surely nothing happened: try again, or give up."""
    state = it.state
    is_reply = state.kind == "reply"
    most = REPLY_ATTEMPTS_MAX if is_reply else _tool(doing.hall, state).patience.attempts_max
    if not answer.is_final and it.attempt < most:
        _try_later(doing, it, answer.reason)
        return
    desk = ""
    if is_reply:
        desk = "reply_failed"
    elif not answer.is_final:
        desk = "effect_failed"
    _end(doing, it, Status.FAILED, answer.reason, desk=desk)


def _door_closed(doing: _Doing, it: _Try) -> None:
    """The door is left alone for a while; that counts as an attempt, so that it ends some day."""
    if it.may_have_begun:
        _unknown(doing, it, "door_closed")
    else:
        _not_done(doing, it, NotDone("door_closed"))


def _try_later(doing: _Doing, it: _Try, reason: str) -> None:
    state = it.state
    _end(doing, it, Status.RETRY, reason)
    due = Due(interaction=state.interaction, effect=state.id, what="retry", attempt=it.attempt)
    at = doing.hall.clock.now() + retry_after_us(it.attempt)
    doing.later.append(Later(f"retry/{state.id}/{it.attempt}", due, at))


def _unknown(doing: _Doing, it: _Try, reason: str, *, may_look: bool = True) -> None:
    """Nobody can say: look it up later, and in the end ask a person. Never blindly again."""
    state = it.state
    if not may_look or it.look >= RECONCILE_MAX or state.repeat == "at_most_once":
        _end(doing, it, Status.ASKED, reason, desk="effect_unknown")
        return
    _end(doing, it, Status.UNKNOWN, reason)
    look = it.look + 1
    due = Due(
        interaction=state.interaction, effect=state.id, what="reconcile", attempt=it.attempt,
        look=look,
    )  # fmt: skip
    at = doing.hall.clock.now() + reconcile_after_us(look)
    doing.later.append(Later(f"reconcile/{state.id}/{it.attempt}/{look}", due, at))


def _plain(said: object, chars_max: int) -> str:
    """What the other side said, as text that can be recorded: never in the way of recording."""
    text = said if isinstance(said, str) else repr(said)
    return text[:chars_max].encode(errors="replace").decode()
