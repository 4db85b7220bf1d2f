"""A turn again: the release's own code, on the steps that it recorded and on nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from answerable.agents.domain import Blueprint
from answerable.agents.model import choice_of, params_of
from answerable.cases.domain import Message
from answerable.effects.intent import ReplyAction, ToolAction, encode_action, one_line
from answerable.sdk.context import Context
from answerable.sdk.history import Said
from answerable.sdk.port import BudgetSpent, ModelRequest, ModelStep
from answerable.sdk.words import Reply
from answerable.worker.replay.found import Difference, Part
from answerable.worker.replay.sealed import fenced

_CHARS_MAX = 200
_NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """All that is recorded of a turn, opened."""

    interaction: str
    case: str
    party: str
    message: Message
    actions: Sequence[bytes]  # that were decided, in the order in which they were proposed
    waits_for: int  # which of them the reply waits for; 0 is none
    steps: Mapping[str, bytes]  # `0/find_order/<keyed digest>` -> result, in their order
    keyed: Callable[[str], str]  # how the digest of a step's arguments is kept


class Diverged(Exception):
    """The code asks for what is not recorded."""


@dataclass(slots=True)
class Memory:
    """Gives back what is recorded, and computes nothing."""

    recorded: Recorded
    first: Difference | None = None
    read: set[str] = field(default_factory=set)

    async def remember(self, key: str, compute: Callable[[], Awaitable[bytes]]) -> bytes:
        del compute  # nothing is asked outside
        step, _, digest = key.rpartition("/")
        name = f"{step}/{self.recorded.keyed(digest) if digest else ''}"
        known = self.recorded.steps.get(name)
        if known is not None:
            self.read.add(name)
            return known
        before = [each for each in self.recorded.steps if each.rpartition("/")[0] == step]
        if before:
            found = self._differs(step, "arguments", before[0].rpartition("/")[2], name)
        else:
            found = self._differs(step, "step", _NOTHING, f"a call of {step}")
        self.first = self.first or found
        raise Diverged(found.sentence)

    def _differs(self, step: str, what: str, expected: str, found: str) -> Difference:
        place = len(self.read) + 1
        return Difference(f"step {place} ({step})", what, expected, found.rpartition("/")[2])

    def unread(self) -> Difference | None:
        """The first recorded step that the code did not ask for."""
        for place, name in enumerate(self.recorded.steps, 1):
            if name not in self.read:
                step = name.rpartition("/")[0]
                return Difference(f"step {place} ({step})", "step", f"a call of {step}", _NOTHING)
        return None

    async def history(self, limit: int) -> tuple[Said, ...]:
        raise Diverged(f"history of {limit} is not recorded")

    def now(self) -> int:
        raise Diverged("the time is not recorded")

    def seed(self) -> int:
        raise Diverged("chance is not recorded")


class Mind:
    """What the turn thought with, without a model: budgets count as they did."""

    def __init__(self, blueprint: Blueprint, message: Message) -> None:
        self.message = message
        self.prompt = blueprint.prompt
        self._budget = blueprint.budget
        self._choice = choice_of(blueprint.model)
        self._calls = 0
        self._tokens = 0

    def ready(self) -> tuple[str, dict[str, str | int], int]:
        if self._choice is None:
            raise RuntimeError("the agent declares no model")
        left = self._budget.tokens_per_turn - self._tokens
        if self._calls >= self._budget.calls_per_turn or left <= 0:
            raise BudgetSpent("per_turn")
        choice = self._choice
        return choice.use, params_of(choice), min(choice.max_tokens, left)

    async def ask(self, request: ModelRequest) -> ModelStep:
        raise Diverged(f"a request to {request.model} is not recorded")

    def read_back(self, step: ModelStep) -> None:
        self._calls += 1
        self._tokens += sum(one.input_tokens + one.output_tokens for one in step.attempts)


async def turn_again(blueprint: Blueprint, recorded: Recorded) -> Part:
    """Run the handler on what is recorded, and compare what it proposes with what was decided."""
    memory = Memory(recorded)
    context = Context(
        memory, interaction=recorded.interaction, case=recorded.case, party=recorded.party,
        mind=Mind(blueprint, recorded.message),
    )  # fmt: skip
    found: object = None
    raised: Difference | None = None
    with fenced() as fence:
        try:
            async with asyncio.timeout(blueprint.turn_deadline_s):
                found = await blueprint.handler(context, recorded.message)
        except Exception as error:  # noqa: BLE001 - author code may raise anything
            raised = Difference("turn", "end", "what was decided", f"{type(error).__name__} raised")
        finally:
            context.close()
    outside = fence.tried and Difference("turn", "outside call", _NOTHING, fence.tried)
    first = memory.first or outside or raised or memory.unread()
    first = first or _differs(recorded, context, found)
    return Part("different" if first else "same", difference=first or None, steps=len(memory.read))


def _differs(recorded: Recorded, context: Context, outcome: object) -> Difference | None:
    """The first action that is not the one that was decided."""
    found = [
        encode_action(ToolAction(tool=one.tool.name, arguments=msgspec.Raw(one.arguments)))
        for one in context.proposals
    ]
    waits_for = 0
    if isinstance(outcome, Reply):
        message = recorded.message
        waits_for = outcome.after.ordinal if outcome.after else 0
        reply = ReplyAction(
            rail=message.rail, to=message.address, in_reply_to=message.external_id,
            text=outcome.text, otherwise=outcome.otherwise, subject=one_line(message.subject),
        )  # fmt: skip
        found.append(encode_action(reply))
    elif outcome is not None:
        kind = type(outcome).__name__
        return Difference("turn", "end", f"{len(recorded.actions)} actions", f"an {kind}")
    for place in range(max(len(recorded.actions), len(found))):
        then = recorded.actions[place] if place < len(recorded.actions) else b""
        now = found[place] if place < len(found) else b""
        if then != now:
            return _in_action(place + 1, then, now)
    if waits_for != recorded.waits_for:
        return Difference("reply", "after", _nth(recorded.waits_for), _nth(waits_for))
    return None


def _nth(place: int) -> str:
    return f"proposal {place}" if place else _NOTHING


def _in_action(place: int, then: bytes, now: bytes) -> Difference:
    old, new = _flat(then), _flat(now)
    where = "reply" if (old or new).get("kind") == "reply" else f"proposal {place}"
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            return Difference(
                where, name, _shown(old.get(name)), _shown(new.get(name)), has_words=True
            )
    return Difference(where, "bytes", _shown(then.decode()), _shown(now.decode()), has_words=True)


def _flat(action: bytes) -> dict[str, object]:
    """An action's fields, those of nested objects by their path."""
    found = msgspec.json.decode(action, type=dict[str, object]) if action else {}
    return dict(_paths("", found))


def _paths(before: str, value: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, one in value.items():
        if isinstance(one, dict):
            yield from _paths(f"{before}{name}.", one)
        else:
            yield f"{before}{name}", one


def _shown(value: object) -> str:
    text = _NOTHING if value is None else str(value)
    return text if len(text) <= _CHARS_MAX else f"{text[:_CHARS_MAX]}..."
