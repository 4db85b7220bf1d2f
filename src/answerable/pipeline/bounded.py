"""A call of code that is not ours: watched while it runs, waited for at most its deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from answerable.agents.domain import PATIENCE
from answerable.base.clock import SECOND_US
from answerable.effects.domain import LATE, EffectState
from answerable.effects.errors import OutcomeUnknown
from answerable.ledger import domain as ledger
from answerable.ledger.draft import Body, Draft, Unit
from answerable.pipeline.guard import tool_of
from answerable.pipeline.hall import Hall
from answerable.telemetry.watch import Watched

CANCEL_S = 0.2  # for a call past its deadline to notice that nobody waits any more
RECEIPT_CHARS_MAX = 4_096

T = TypeVar("T")


async def within(
    hall: Hall, state: EffectState, attempt: int, call: Callable[[], Awaitable[T]], *, is_send: bool
) -> T:
    """Wait for the other side, at most its deadline. Raises TimeoutError.

    In a task of its own: a call that does not let itself be cancelled is left behind, and until
    it has ended nobody looks up what became of it. A send that ends after that is reported.
    """
    deadline_s = _deadline_s(hall, state)
    watched = Watched(_called(call), hall.watch, state.id)
    task: asyncio.Task[T] = asyncio.create_task(watched, name=f"call {state.id}")
    try:
        with hall.hands.outside():
            if not await hall.deadlines.wait(task, watched, deadline_s):
                task.cancel()
                await hall.deadlines.wait(task, watched, CANCEL_S)
    except asyncio.CancelledError:  # the worker stops: that is no answer, whoever waits for one
        task.cancel()
        hall.leases.left_behind(state.id, state.case if is_send else "")
        raise
    if not task.done():
        hall.leases.left_behind(state.id, state.case if is_send else "")
        reported = asyncio.create_task(_came_late(hall, state, attempt, task))
        hall.reporting.add(reported)
        reported.add_done_callback(hall.reporting.discard)
        raise TimeoutError
    if task.cancelled():
        raise TimeoutError
    return task.result()


async def _called(call: Callable[[], Awaitable[T]]) -> T:
    mine = _running()
    try:
        return await call()
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:  # a task that raises this ends the process, not the call
        if _running() is not mine:  # nobody raised it: this is dropped, with its loop
            raise
        raise OutcomeUnknown(f"raised {type(error).__name__}") from error


def _running() -> "asyncio.Task[object] | None":
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs
        return None


def may_begin_until(hall: Hall, states: Iterable[EffectState], state: EffectState) -> int:
    """Until when what was sent may still begin at the other side, though a look-up finds nothing.

    A first attempt begins after its decision, when those proposed before it have had their time.
    """
    settles_s = PATIENCE.settles_s
    if state.kind == "tool":
        settles_s = tool_of(hall, state).patience.settles_s
    waits = [state]
    if state.attempt == 1:
        waits += [one for one in states if (one.position, one.id) < (state.position, state.id)]
    calls_s = sum(_deadline_s(hall, one) + CANCEL_S for one in waits)
    return state.started_at + int((calls_s + settles_s) * SECOND_US)


def _deadline_s(hall: Hall, state: EffectState) -> float:
    if state.kind == "reply":
        return hall.lines[state.name].deadline_s
    return tool_of(hall, state).patience.deadline_s


async def _came_late(hall: Hall, state: EffectState, attempt: int, task: "asyncio.Task[T]") -> None:
    """A call left behind has ended. What became of its effect the next look-up, or a person, will
    say; that it came late stands in the ledger, whatever was said meanwhile."""
    await asyncio.wait({task})
    is_send = hall.leases.came_back(state.id)
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    if not is_send:
        return
    try:
        await hall.committer.commit(Unit(drafts=[_late(hall, state, attempt, task, error)]))
    except Exception:  # noqa: BLE001 - the worker ends; the next one settles what was left behind
        return


def _late(
    hall: Hall, state: EffectState, attempt: int, task: "asyncio.Task[T]",
    error: BaseException | None,
) -> Draft:  # fmt: skip
    receipt = type(error).__name__ if error else plain(task.result(), RECEIPT_CHARS_MAX)
    return Draft(
        kind="effect.unknown",
        id=f"{state.id}.late{attempt}",
        owner=state.owner,
        agent=state.agent_ref,
        party=state.party,
        parent=state.decision,
        trace=ledger.Trace(interaction=state.interaction, case=state.case),
        effect=ledger.Effect(
            id=state.id, key=state.id, repeat=state.repeat, attempt=attempt, after=state.after
        ),
        outcome=ledger.Outcome(status=LATE, reason="raised" if error else "answered"),
        body=Body(kid=hall.parties.get(state.party).kid, data=receipt.encode())
        if receipt
        else None,
    )


def plain(said: object, chars_max: int) -> str:
    """What the other side said, as text that can be recorded: never in the way of recording."""
    try:
        text = str.__str__(said) if isinstance(said, str) else repr(said)
        return text[:chars_max].encode(errors="replace").decode()
    except BaseException:  # noqa: BLE001 - it is author code too: `repr` may raise anything
        return "(cannot be shown)"
