"""`Agent`: a name, an owner, a desk, a handler and the tools that it may ask for."""

import inspect
import sys
from collections.abc import Awaitable, Callable
from typing import get_type_hints

from answerable.agents.domain import PATIENCE, Blueprint, Patience, Repeat, Tool
from answerable.cases.domain import Message
from answerable.policy.limits import Limit
from answerable.sdk.context import Context
from answerable.sdk.words import Outcome

Handler = Callable[[Context, Message], Awaitable[Outcome]]
Perform = Callable[..., Awaitable[str]]
Find = Callable[..., Awaitable[str | None]]


class Agent:
    """An agent as its author declares it. No owner, no agent.

    `owner` is the email address of the person who answers for it and has accepted to;
    `desk` is the queue that its escalations go to.
    """

    def __init__(self, name: str, *, owner: str, desk: str, purpose: str, prompt: str = "") -> None:
        if not name.isascii() or not name.replace("-", "").isalnum():
            raise ValueError(f"{name!r}: an agent's name is ASCII letters, digits and hyphens")
        if not owner.strip():
            raise ValueError(f"agent '{name}' names no owner: no owner, no agent")
        self.name = name
        self.owner = owner
        self.desk = desk
        self.purpose = purpose
        self.prompt = prompt
        self.turn_deadline_s = 30.0  # how long one run of the handler may take
        self.hold_expires_after_s = 4 * 3600  # how long a held effect waits for a person
        self.tools: dict[str, Tool] = {}
        self._handler: Handler | None = None

    def on_message(self, handler: Handler) -> Handler:
        """Register the handler: it gets each message of a case that this agent controls."""
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
        tried. Raises ValueError where the declaration does not hold together.
        """
        if repeat == "reconcilable" and find is None:
            raise ValueError(f"effect '{effect}' is reconcilable: give `find`, the look-up by key")

        def declare(perform: Perform) -> Tool:
            _check_signature(perform)
            tool = Tool(
                name=perform.__name__, effect=effect, repeat=repeat, perform=perform, find=find,
                needs_grade=needs_grade, limit=limit or Limit(), patience=patience,
            )  # fmt: skip
            self.tools[tool.name] = tool
            return tool

        return declare

    def blueprint(self) -> Blueprint:
        """Everything that a release of this agent is the digest of."""
        if self._handler is None:
            raise ValueError(f"agent '{self.name}' has no handler: decorate one with @on_message")
        functions = [self._handler, *(tool.perform for tool in self.tools.values())]
        modules = sorted({function.__module__ for function in functions})
        return Blueprint(
            agent=self.name, owner=self.owner, desk=self.desk, purpose=self.purpose,
            handler=self._handler, tools=dict(self.tools), prompt=self.prompt,
            sources={name: inspect.getsource(sys.modules[name]) for name in modules},
            turn_deadline_s=self.turn_deadline_s, hold_expires_after_s=self.hold_expires_after_s,
        )  # fmt: skip


def _check_signature(perform: Perform) -> None:
    """Each argument has a name and a type: what is judged is what will be performed."""
    names = list(inspect.signature(perform).parameters.values())
    if not names:
        raise ValueError(f"tool '{perform.__name__}' takes no `call`: make it the first argument")
    typed = get_type_hints(perform)
    for one in names[1:]:
        if one.kind not in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY) or one.name not in typed:
            raise ValueError(f"tool '{perform.__name__}': `{one}` needs a name and a type")
