"""Act: the one place from which the world is touched.

Only here is a rail's `send` or a tool's `perform` called, and only after the decision is durable,
with the lease, the owner and the stop looked at again in the same breath.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar, get_type_hints

import msgspec

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
from answerable.effects.intent import Action, ReplyAction, ToolAction
from answerable.pipeline.barrier import commit
from answerable.pipeline.guard import why_not
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

ATTEMPTS_MAX = 6
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
    def due(self) -> Due | None:
        return self.cause if isinstance(self.cause, Due) else None

    @property
    def is_cut_short(self) -> bool:
        """Whether an earlier life of this message got past decide: anything may have begun."""
        return self.decided.proposed.routed.is_decided

    def said_by_person(self, effect: str) -> bool:
        """Whether this pass is a person's word on how an unknown effect ended."""
        cause = self.cause
        return isinstance(cause, Answer) and cause.effect == effect and cause.says in _SETTLED


async def act(hall: Hall, decided: Decided) -> Acted:
    """Carry out what was decided, in the order in which it was proposed."""
    doing = _Doing(hall, decided)
    doing.statuses.update({one.state.id: one.state.status for one in decided.effects})
    for one in decided.effects:
        await _advance(doing, one)
    return Acted(decided, tuple(doing.ends), tuple(doing.later), doing.statuses)


async def _advance(doing: _Doing, one: Intended) -> None:
    """What an effect's state asks for now; nothing, where it waits or has ended."""
    state, due = one.state, doing.due
    is_due = due is not None and due.effect == state.id
    match state.status:
        case Status.READY if one.is_fresh:
            await _perform(doing, one, state.attempt)
        case Status.READY:
            await _settle(doing, one, look=0)
        case Status.BLOCKED if not doing.statuses[state.after or ""].is_end:
            pass
        case Status.BLOCKED if not one.is_fresh and doing.is_cut_short:
            await _settle(doing, one, look=0)
        case Status.BLOCKED:
            await _perform(doing, one, state.attempt)
        case Status.RETRY if is_due and due is not None and due.what == "retry":
            await _perform(doing, one, state.attempt + 1)
        case Status.UNKNOWN if is_due and due is not None and due.what == "reconcile":
            await _settle(doing, one, look=due.attempt)
        case Status.UNKNOWN | Status.ASKED if doing.said_by_person(state.id):
            _said(doing, state)
        case _:
            pass


async def _perform(doing: _Doing, one: Intended, attempt: int) -> None:
    """Try once. Later than its decision, an effect first records who is accountable now."""
    hall, state = doing.hall, one.state
    if no := why_not(hall, state):
        _end(doing, state, Status.REFUSED, no)
        return
    if not one.is_fresh:
        journey = doing.decided.proposed.routed.resolved.received.journey
        draft = started(hall, state, attempt=attempt)
        if draft.id not in journey.memo:
            journey.unit.drafts.append(draft)
            await commit(hall, journey)
    if not hall.breaker(state.name).may_try(hall.clock.now()):
        _try_later(doing, state, attempt, "door_closed")
        return
    await faults.point("act.before_send")
    if why_not(hall, state) or not hall.leases.begin_send(state.case, state.lease):
        _end(doing, state, Status.REFUSED, why_not(hall, state) or "taken_over")
        return
    try:
        await _touch(doing, one, attempt)
    finally:
        hall.leases.end_send(state.case)
    await faults.point("act.after_send")


async def _touch(doing: _Doing, one: Intended, attempt: int) -> None:
    hall, state = doing.hall, one.state
    breaker = hall.breaker(state.name)
    try:
        receipt = await _within(hall, state, _world(doing, one, attempt))
    except NotDone as answer:
        breaker.failed(hall.clock.now())
        if answer.is_final or attempt >= ATTEMPTS_MAX:
            _end(doing, state, Status.FAILED, answer.reason)
        else:
            _try_later(doing, state, attempt, answer.reason)
    except TimeoutError:
        breaker.failed(hall.clock.now())
        _unknown(doing, state, attempt, "no answer in time", look=0)
    except OutcomeUnknown as answer:
        breaker.failed(hall.clock.now())
        _unknown(doing, state, attempt, answer.reason, look=0)
    except Exception as error:  # noqa: BLE001 - a tool may raise anything; then nobody can say
        _unknown(doing, state, attempt, f"raised {type(error).__name__}", look=0)
    else:
        breaker.succeeded()
        _end(doing, state, Status.DONE, receipt=receipt, attempt=attempt)


def _world(doing: _Doing, one: Intended, attempt: int) -> Awaitable[str]:
    """The call itself, with the exact bytes that were decided."""
    hall, state, action = doing.hall, one.state, one.action
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
            call = ToolCall(state.id, attempt)
            return tool.perform(call, **_arguments(tool, action))
        case None:
            raise LookupError(f"effect {state.id} has no action to perform")


async def _settle(doing: _Doing, one: Intended, *, look: int) -> None:
    """An effect that may have begun in another life or without an answer: what became of it?"""
    hall, state = doing.hall, one.state
    if state.repeat == "idempotent":
        await _perform(doing, one, state.attempt + 1)
        return
    if state.repeat == "at_most_once":
        _unknown(doing, state, state.attempt, "interrupted", look=RECONCILE_MAX)
        return
    try:
        receipt = await _within(hall, state, _find(hall, state, one.action))
    except Exception as error:  # noqa: BLE001 - not reached, not told: it stays unknown
        _unknown(doing, state, state.attempt, f"look-up: {type(error).__name__}", look=look)
        return
    if receipt is not None:
        _end(doing, state, Status.DONE, "found by its key", receipt=receipt)
    else:
        await _perform(doing, one, state.attempt + 1)


def _find(hall: Hall, state: EffectState, action: Action | None) -> Awaitable[str | None]:
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


def _arguments(tool: Tool, action: ToolAction) -> dict[str, object]:
    """The arguments as the tool's signature types them, out of the decided bytes."""
    hints = get_type_hints(tool.perform)
    raw = msgspec.json.decode(action.arguments, type=dict[str, msgspec.Raw])
    return {
        name: msgspec.json.decode(value, type=hints.get(name, object))
        for name, value in raw.items()
    }


async def _within(hall: Hall, state: EffectState, call: Awaitable[T]) -> T:
    """Wait for the other side, at most its deadline. Raises TimeoutError."""
    if state.kind == "reply":
        deadline_s = hall.lines[state.name].deadline_s
    else:
        deadline_s = _tool(hall, state).deadline_s
    async with asyncio.timeout(deadline_s):
        return await call


def _said(doing: _Doing, state: EffectState) -> None:
    """A person found out how it ended, and answers for saying so."""
    cause = doing.cause
    if isinstance(cause, Answer):
        status = _SETTLED[cause.says]
        doing.statuses[state.id] = status
        doing.ends.append(End(state, status, "said by a person", "", state.attempt, cause.by))


def _end(
    doing: _Doing,
    state: EffectState,
    status: Status,
    reason: str = "",
    *,
    receipt: str = "",
    attempt: int | None = None,
) -> None:
    doing.statuses[state.id] = status
    doing.ends.append(End(state, status, reason, receipt, attempt or state.attempt))


def _try_later(doing: _Doing, state: EffectState, attempt: int, reason: str) -> None:
    """Surely nothing happened: a durable timer tries again."""
    doing.statuses[state.id] = Status.RETRY
    doing.ends.append(End(state, Status.RETRY, reason, "", attempt))
    due = Due(interaction=state.interaction, effect=state.id, what="retry", attempt=attempt)
    at = doing.hall.clock.now() + retry_after_us(attempt)
    doing.later.append(Later(f"retry/{state.id}/{attempt}", due, at))


def _unknown(doing: _Doing, state: EffectState, attempt: int, reason: str, *, look: int) -> None:
    """Nobody can say: look it up later, and in the end ask a person. Never blindly again."""
    is_for_person = look >= RECONCILE_MAX or state.repeat == "at_most_once"
    status = Status.ASKED if is_for_person else Status.UNKNOWN
    doing.statuses[state.id] = status
    doing.ends.append(End(state, status, reason, "", attempt))
    if not is_for_person:
        due = Due(
            interaction=state.interaction, effect=state.id, what="reconcile", attempt=look + 1
        )
        at = doing.hall.clock.now() + reconcile_after_us(look + 1)
        doing.later.append(Later(f"reconcile/{state.id}/{attempt}/{look + 1}", due, at))
