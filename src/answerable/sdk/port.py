"""The port of every model: a whole request in, its answer in pieces out.

ThinkingFailed
├── BudgetSpent      ends the turn, at the desk
└── ModelAway        the endpoint gave no answer, after all tries; a handler may catch it
ModelFailed          what an adapter says of one try
"""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from answerable.cases.domain import Message


class ToolFace(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is shown of a function. `parameters` is a JSON schema of an object."""

    name: str
    description: str
    parameters: msgspec.Raw


class ModelCall(msgspec.Struct, frozen=True):
    """A function that the model asks for; `arguments` is JSON text as it wrote it."""

    id: str
    name: str
    arguments: str = "{}"


class Told(msgspec.Struct, frozen=True, tag="told"):
    """What the model is given to answer."""

    text: str


class Answered(msgspec.Struct, frozen=True, tag="answered"):
    """What the model said before. `parts` is for the adapter that wrote it, whole and opaque."""

    text: str
    calls: tuple[ModelCall, ...]
    parts: msgspec.Raw


class Returned(msgspec.Struct, frozen=True, tag="returned"):
    """What came of a function that the model asked for."""

    call: ModelCall
    text: str
    is_error: bool = False


class ModelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a model is asked; two that are equal are the same question."""

    model: str
    params: dict[str, str | int]
    instructions: str
    turns: tuple[Told | Answered | Returned, ...]
    tools: tuple[ToolFace, ...] = ()
    output_tokens_max: int

    @property
    def told(self) -> str:
        """The text that the conversation began with."""
        first = self.turns[0]
        return first.text if isinstance(first, Told) else ""

    @property
    def depth(self) -> int:
        """How many answers there were before."""
        return sum(isinstance(turn, Answered) for turn in self.turns)


class Piece(msgspec.Struct, frozen=True):
    """Some of an answer as it comes: `size` bytes, of which `text` is meant to be read."""

    text: str
    size: int


class ModelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer. `finish` is stop, tool_call, length, content_filter or error."""

    text: str
    calls: tuple[ModelCall, ...] = ()
    parts: msgspec.Raw = msgspec.Raw(b"null")
    finish: str = "stop"
    model: str = ""  # as the provider names what answered
    request_id: str = ""  # the provider's
    input_tokens: int = 0
    output_tokens: int = 0


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One request to the provider, and what it used up. `cost_micros` None is not known.

    Where the provider did not say what it used, it is estimated from bytes.
    """

    ended: str  # answered, or the kind of failure
    request_id: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int | None = None
    is_estimated: bool = False


class ModelStep(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded of a model call: every try, and the answer or why there is none."""

    use: str
    params: dict[str, str | int]
    attempts: tuple[Attempt, ...]
    answer: ModelAnswer | None = None
    failed: str = ""


class ModelFailed(Exception):
    """One try failed. `kind` is a word of ours: what the provider says may quote a customer."""

    def __init__(self, kind: str, *, is_final: bool = False, is_billed: bool = False) -> None:
        self.kind = kind
        self.is_final = is_final
        self.is_billed = is_billed
        super().__init__(kind)


class ThinkingFailed(Exception):
    """Thinking ended without an answer."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class BudgetSpent(ThinkingFailed):
    """What the agent's `Budget` allows is used up; the turn ends at the desk."""


class ModelAway(ThinkingFailed):
    """The model's endpoint gave no answer. Uncaught it ends the turn at the desk."""


class Model(Protocol):
    """One model at one endpoint: the port that an adapter implements."""

    def stream(self, request: ModelRequest) -> AsyncIterator[Piece | ModelAnswer]:
        """The pieces of an answer as they come, and last the whole. Raises ModelFailed."""
        ...

    def price(self, input_tokens: int, output_tokens: int) -> int | None:
        """Millionths of a US dollar, rounded up; None where the price is not known."""
        ...

    async def close(self) -> None:
        """No more is asked; what is open to the endpoint is closed."""
        ...


class Mind(Protocol):
    """What a turn thinks with; the hallway's, so that no author's code is asked to keep to it."""

    message: Message
    prompt: str  # the agent's standing instructions

    def ready(self) -> tuple[str, dict[str, str | int], int]:
        """The model, its parameters, and the tokens that the next answer may have.

        Raises BudgetSpent, RuntimeError where the agent declares no model.
        """
        ...

    async def ask(self, request: ModelRequest) -> ModelStep:
        """Ask the endpoint, within budget and deadlines. Raises BudgetSpent."""
        ...

    def read_back(self, step: ModelStep) -> None:
        """A call of an earlier life: it counts, and is not made again."""
        ...
