"""`Agent`: a name, an owner, a desk, a handler and the tools that it may ask for."""

import inspect
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import ModuleType
from typing import TypedDict, Unpack, get_type_hints

from answerable.agents.domain import PATIENCE, Blueprint, Patience, Repeat, Tool
from answerable.agents.model import choice_of
from answerable.agents.stops import FILE
from answerable.cases.domain import Message
from answerable.policy.budget import BUDGET, Budget
from answerable.policy.limits import Limit
from answerable.sdk.closed import what_is_open
from answerable.sdk.context import Context
from answerable.sdk.words import Outcome

Handler = Callable[[Context, Message], Awaitable[Outcome]]
Perform = Callable[..., Awaitable[str]]
Find = Callable[..., Awaitable[str | None]]

_DAY_S = 24 * 3600
_YEAR_S = 366 * _DAY_S


class Details(TypedDict, total=False):
    """What else an agent may be made with; a change of any of these is another release.

    `prompt`: its standing instructions. `model`: settings of its model, words and whole numbers
    (`{"use": "openai:gpt-5-mini", "max_tokens": 800}`; a temperature is written as text), which
    hold no secret: `key_env` names the variable that does. `budget`: what its model may use up.
    `code`: modules that its code relies on, beside those that its functions are defined in.
    `turn_deadline_s`: seconds that one run of the handler may take, 30 unless given, at most a day;
    after it the case goes to the desk. `hold_expires_after_s`: whole seconds that a held effect
    waits for a person's yes, 4 hours unless given, at most a year; after it the answer is no.
    """

    prompt: str
    model: Mapping[str, str | int]
    budget: Budget
    code: Sequence[ModuleType]
    turn_deadline_s: float
    hold_expires_after_s: int


class Agent:
    """An agent as its author declares it. No owner, no agent.

    `owner` is the email address of the person who answers for it and has accepted to;
    `desk` is the queue that its escalations go to; `purpose` says what it is for, in a sentence.
    `Details` tells the rest. Raises ValueError where the declaration does not hold together.

    A release is the digest of: name, desk, purpose, prompt, model settings and their budget, both
    deadlines, what each tool declares, the policies, and the whole source text of every module that
    the handler, a tool or a tool's `find` is defined in, and of those in `code`. It does *not*
    cover modules that these import and `code` does not name, installed packages, Python itself,
    files and variables of the environment that they read, or values that a function was closed
    over. Nor the owner: that changes hands by an entry of its own.
    """

    def __init__(
        self, name: str, *, owner: str, desk: str, purpose: str, **details: Unpack[Details]
    ) -> None:
        if not name.isascii() or not name.replace("-", "").isalnum():
            raise ValueError(f"{name!r}: an agent's name is ASCII letters, digits and hyphens")
        if name == FILE:
            raise ValueError(f"'{FILE}' is the stop file's name in a stop: no agent can have it")
        if not owner.strip():
            raise ValueError(f"agent '{name}' names no owner: no owner, no agent")
        if unknown := sorted(details.keys() - Details.__annotations__.keys()):
            raise TypeError(f"agent '{name}' cannot be made with `{unknown[0]}`")
        self.name = name
        self.owner = owner
        self.desk = desk
        self.purpose = purpose
        self.prompt = details.get("prompt", "")
        self.model = dict(details.get("model", {}))
        self.budget = details.get("budget", BUDGET)
        self.code = tuple(details.get("code", ()))
        self.turn_deadline_s = details.get("turn_deadline_s", 30.0)
        self.hold_expires_after_s = details.get("hold_expires_after_s", 4 * 3600)
        self.tools: dict[str, Tool] = {}
        self._handler: Handler | None = None
        self._check()

    def on_message(self, handler: Handler) -> Handler:
        """Register the handler: it gets each message of a case that this agent controls.

        There is one: raises ValueError for a second.
        """
        if self._handler is not None:
            raise ValueError(
                f"agent '{self.name}' has a handler, `{_name(self._handler)}`:"
                f" `{_name(handler)}` cannot be another"
            )
        self._handler = handler
        return handler

    def tool(
        self,
        *,
        effect: str,
        repeat: Repeat,
        find: Find | None = None,
        needs_grade: int = 0,
        limit: Limit | None = None,
        patience: Patience = PATIENCE,
    ) -> Callable[[Perform], Tool]:
        """Declare an effect tool: `perform(call, **arguments) -> receipt`.

        `call.key` is the idempotency key to hand to the other side. `repeat` says how the effect
        can be repeated; "reconcilable" needs `find(key)`: the receipt if it happened, None if it
        surely did not. `needs_grade` is how well the sender must be proven (0..3); `limit` is
        what it may use up in a day; `patience` is how long a call may take and how often it is
        tried. Raises ValueError where the declaration does not hold together, and for a second
        tool of the same name.
        """
        if repeat == "reconcilable" and find is None:
            raise ValueError(f"effect '{effect}' is reconcilable: give `find`, the look-up by key")

        def declare(perform: Perform) -> Tool:
            _check_signature(perform)
            if perform.__name__ in self.tools:
                raise ValueError(f"agent '{self.name}' has a tool `{perform.__name__}` already")
            tool = Tool(
                name=perform.__name__, effect=effect, repeat=repeat, perform=perform, find=find,
                needs_grade=needs_grade, limit=limit or Limit(), patience=patience,
            )  # fmt: skip
            self.tools[tool.name] = tool
            return tool

        return declare

    def blueprint(self) -> Blueprint:
        """Everything that a release of this agent is the digest of. Raises ValueError."""
        if self._handler is None:
            raise ValueError(f"agent '{self.name}' has no handler: decorate one with @on_message")
        self._check()
        return Blueprint(
            agent=self.name, owner=self.owner, desk=self.desk, purpose=self.purpose,
            handler=self._handler, tools=dict(self.tools), prompt=self.prompt, model=self.model,
            sources=self._sources(self._handler), turn_deadline_s=self.turn_deadline_s,
            hold_expires_after_s=self.hold_expires_after_s, budget=self.budget,
        )  # fmt: skip

    def _sources(self, handler: Handler) -> dict[str, str]:
        tools = self.tools.values()
        functions = [handler, *(one.perform for one in tools), *(one.find for one in tools)]
        names = {function.__module__ for function in functions if function is not None}
        modules = {name: sys.modules[name] for name in names} | {
            module.__name__: module for module in self.code
        }
        try:
            return {name: inspect.getsource(module) for name, module in sorted(modules.items())}
        except (OSError, TypeError) as error:
            raise ValueError(f"agent '{self.name}': a module has no source text: {error}") from None

    def _check(self) -> None:
        if not 0 < self.turn_deadline_s <= _DAY_S:
            raise ValueError(f"agent '{self.name}': `turn_deadline_s` is above 0, at most {_DAY_S}")
        hold_s = self.hold_expires_after_s
        if not isinstance(hold_s, int) or not 0 < hold_s <= _YEAR_S:
            raise ValueError(
                f"agent '{self.name}': `hold_expires_after_s` is whole seconds above 0,"
                f" at most {_YEAR_S}"
            )
        for key, value in self.model.items():
            if not isinstance(value, str | int):
                raise ValueError(f"agent '{self.name}': `model[{key!r}]` is text or a whole number")
        try:
            choice_of(self.model)
        except ValueError as error:
            raise ValueError(f"agent '{self.name}': its model: {error}") from None


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)


def _check_signature(perform: Perform) -> None:
    """Each argument has a name and a type: what is judged is what will be performed."""
    names = list(inspect.signature(perform).parameters.values())
    if not names:
        raise ValueError(f"tool '{perform.__name__}' takes no `call`: make it the first argument")
    typed = get_type_hints(perform)
    for one in names[1:]:
        if one.kind not in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY) or one.name not in typed:
            raise ValueError(f"tool '{perform.__name__}': `{one}` needs a name and a type")
        hidden = what_is_open(typed[one.name])
        if hidden is not None:
            raise ValueError(
                f"tool '{perform.__name__}': `{one}` may hold anything ({hidden}), also an amount "
                "that no limit and no policy would see; say its type"
            )
