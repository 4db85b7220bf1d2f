"""Run: let the agent think. It proposes; whatever it does, it costs one turn at most."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

from answerable.agents.domain import Release
from answerable.base.ids import kin
from answerable.cases.domain import Message
from answerable.engine.port import Record
from answerable.ledger.draft import Body, Memo
from answerable.pipeline.barrier import commit
from answerable.pipeline.hall import Hall, Watch
from answerable.pipeline.passage import Proposed, Routed
from answerable.sdk.context import Context, TurnFlooded
from answerable.sdk.words import Escalation, Reply

REPLY_BYTES_MAX = 64 * 1024
REASON_CHARS_MAX = 2_000


async def run(hall: Hall, routed: Routed) -> Proposed:
    """Run the release's handler on a message; anything that goes wrong is a reason for the desk."""
    message = routed.resolved.received.cause
    if not isinstance(message, Message) or routed.is_decided:
        return Proposed(routed)
    if routed.to_desk == "with_people":
        return Proposed(routed)
    if routed.to_desk or routed.release is None:
        return _to_desk(routed, routed.to_desk, "No agent may act on this case now.")
    turn = _Turn(hall, routed)
    context = Context(
        turn, interaction=turn.interaction, case=routed.resolved.case.id,
        party=routed.resolved.party.id,
    )  # fmt: skip
    try:
        outcome = await _within_deadline(hall, routed, routed.release, context)
    except TimeoutError:
        return _to_desk(routed, "turn_timeout", "The agent's code did not end in time.")
    except TurnFlooded as flood:
        return _to_desk(routed, "turn_flooded", str(flood))
    except Exception as error:  # noqa: BLE001 - author code may raise anything
        return _to_desk(routed, "agent_failed", f"The agent's code raised {type(error).__name__}.")
    finally:
        context.close()
    return _proposed(routed, context, outcome)


def _proposed(routed: Routed, context: Context, outcome: object) -> Proposed:
    effects = tuple(context.proposals)
    match outcome:
        case Reply():
            if len(outcome.text) + len(outcome.otherwise) > REPLY_BYTES_MAX:
                return _to_desk(routed, "turn_flooded", "The agent's reply is too long to send.")
            if outcome.after is not None and outcome.after not in effects:
                return _to_desk(routed, "agent_failed", "The reply waits for no proposal of ours.")
            return Proposed(routed, effects, reply=outcome)
        case Escalation():
            reason = outcome.reason[:REASON_CHARS_MAX]
            return Proposed(
                routed, effects, escalation=Escalation(reason, outcome.queue), code="asked"
            )
        case None:
            return Proposed(routed, effects)
    kind = type(outcome).__name__
    return _to_desk(routed, "agent_failed", f"The agent returned a {kind}, not a Reply.")


def _to_desk(routed: Routed, code: str, reason: str) -> Proposed:
    return Proposed(routed, escalation=Escalation(reason), code=code)


async def _within_deadline(
    hall: Hall, routed: Routed, release: Release, context: Context
) -> object:
    """In a task of its own: a handler that swallows its cancellation is left behind, not waited for."""
    blueprint, received = release.blueprint, routed.resolved.received
    coroutine = _Watched(
        blueprint.handler(context, received.cause), hall.watch, received.arrival.id
    )
    task = asyncio.create_task(coroutine, name=f"turn {received.interaction}")
    done, _ = await asyncio.wait({task}, timeout=blueprint.turn_deadline_s)
    if not done:
        context.close()
        task.cancel()
        task.add_done_callback(_forget)
        raise TimeoutError
    return task.result()


def _forget(task: asyncio.Task[object]) -> None:
    if not task.cancelled():
        task.exception()


class _Watched(Coroutine[Any, Any, object]):
    """A coroutine that says whose code is running while it runs, for the supervisor."""

    def __init__(self, inner: Awaitable[object], watch: Watch, arrival: str) -> None:
        self._inner = inner if isinstance(inner, Coroutine) else _awaited(inner)
        self._watch = watch
        self._arrival = arrival

    def send(self, value: Any) -> Any:
        self._watch.enter(self._arrival)
        try:
            return self._inner.send(value)
        finally:
            self._watch.leave()

    def throw(self, *error: Any) -> Any:
        self._watch.enter(self._arrival)
        try:
            return self._inner.throw(*error)
        finally:
            self._watch.leave()

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, object]:
        return self._inner.__await__()


async def _awaited(inner: Awaitable[object]) -> object:
    return await inner


class _Turn:
    """Where a turn's steps are remembered: one record each, read back in the next life."""

    def __init__(self, hall: Hall, routed: Routed) -> None:
        self._hall = hall
        self._routed = routed
        self.interaction = routed.resolved.received.interaction

    async def remember(self, key: str, compute: Callable[[], Awaitable[bytes]]) -> bytes:
        kid = self._routed.resolved.party.kid
        journey = self._routed.resolved.received.journey
        name = f"{kin('stp', self.interaction, 0)}/{key}"
        known = journey.memo.get(name)
        if known is None:
            result = await compute()
            journey.unit.memos.append(Memo(key=name, body=Body(kid=kid, data=result)))
            await commit(self._hall, journey)
            return result
        return self._open(known)

    def _open(self, record: Record) -> bytes:
        return self._hall.keyring.open(record.data.decode(), record.key, record.body or b"")

    def now(self) -> int:
        return self._hall.clock.now()

    def seed(self) -> int:
        return int.from_bytes(self._hall.chance.token(8), "big")
