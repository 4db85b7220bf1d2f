"""Tools that are played in an author's tests: what they were called with, and what they answer.

The tool itself stays: its name, limits, patience and signature are judged as they are declared.
Only what it would do to the world is replaced, for the time of the test.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from answerable.agents.domain import Tool
from answerable.effects.errors import NotDone
from answerable.sdk.agent import Agent
from answerable.sdk.call import ToolCall


class NotFaked(AssertionError):
    """A test came to perform a tool for which it did not say what happens."""

    def __init__(self, tool: str) -> None:
        super().__init__(
            f"The agent came to perform `{tool}`, which would touch the world. It was not "
            f"performed. Say what happens, `world.fake({tool})`, or let its own code run, "
            f"`world.real({tool})`"
        )


@dataclass(frozen=True, slots=True)
class Called:
    """One call of a tool, with the arguments as it got them."""

    key: str  # the idempotency key: the same for each attempt of one effect
    attempt: int
    arguments: dict[str, object]


@dataclass(slots=True)
class _Part:
    """What one tool does when it is called; by default the test is told that it was not asked."""

    tool: Tool
    is_real: bool = False
    returns: str | None = None
    raises: BaseException | None = None
    times: int | None = None
    done: dict[str, str] = field(default_factory=dict)


class Fakes:
    """The tools of one agent, each played by what the test says."""

    def __init__(self, agent: Agent) -> None:
        self._parts = {name: _Part(tool) for name, tool in agent.tools.items()}
        self._calls: dict[str, list[Called]] = {name: [] for name in agent.tools}
        self._agent = agent.name
        self.not_faked = ""

    def fake(
        self, tool: Tool, *, returns: str, raises: BaseException | None, times: int | None
    ) -> None:
        part = self._of(tool)
        part.is_real, part.returns, part.raises, part.times = False, returns, raises, times

    def real(self, tool: Tool) -> None:
        self._of(tool).is_real = True

    def calls(self, tool: Tool) -> Sequence[Called]:
        return tuple(self._calls[self._of(tool).tool.name])

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Every tool of the agent is played, until this ends; then each is as it was declared."""
        before = [(part.tool, part.tool.perform, part.tool.find) for part in self._parts.values()]
        for part in self._parts.values():
            _replace(part.tool, self._perform(part), self._find(part))
        try:
            yield
        finally:
            for tool, perform, find in before:
                _replace(tool, perform, find)

    def _of(self, tool: Tool) -> _Part:
        part = self._parts.get(tool.name)
        if part is None or part.tool is not tool:
            raise ValueError(f"`{tool.name}` is no tool of agent '{self._agent}'")
        return part

    def _perform(self, part: _Part) -> Callable[..., object]:
        own, calls = part.tool.perform, self._calls[part.tool.name]

        @functools.wraps(own)  # its signature too: arguments are checked as they are declared
        async def perform(call: ToolCall, **arguments: object) -> str:
            calls.append(Called(call.key, call.attempt, arguments))
            if part.is_real:
                return await own(call, **arguments)
            if part.returns is None:
                self.not_faked = part.tool.name
                raise NotDone("not faked", is_final=True)
            if part.raises is not None and (part.times is None or part.times > 0):
                part.times = None if part.times is None else part.times - 1
                raise part.raises
            return part.done.setdefault(call.key, part.returns)

        return perform

    def _find(self, part: _Part) -> Callable[..., object] | None:
        own = part.tool.find
        if own is None:
            return None

        @functools.wraps(own)
        async def find(key: str) -> str | None:
            return await own(key) if part.is_real else part.done.get(key)

        return find


def _replace(
    tool: Tool, perform: Callable[..., object], find: Callable[..., object] | None
) -> None:
    """In place, though a tool is frozen: the hallway performs only the very tool of its release."""
    object.__setattr__(tool, "perform", perform)
    object.__setattr__(tool, "find", find)
