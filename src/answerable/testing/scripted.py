"""A model that says what a script says: the same answer to the same question, in any life."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from answerable.sdk.port import ModelAnswer, ModelCall, ModelFailed, ModelRequest, Piece
from answerable.sdk.think import digest_of

Scripted = str | ModelAnswer | ModelFailed
Script = Scripted | Sequence[Scripted] | Callable[[ModelRequest], Scripted]

_PIECE_CHARS = 8
_BYTES_PER_TOKEN = 4


def calls(name: str, text: str = "", /, **arguments: object) -> ModelAnswer:
    """An answer that asks for a function: `calls("refund", order="A1")`."""
    written = msgspec.json.encode(arguments).decode()
    return ModelAnswer(
        text=text, calls=(ModelCall(f"call_{name}", name, written),), finish="tool_call"
    )


@dataclass
class ScriptedModel:
    """Answers from a script instead of from a model, and keeps what it was asked.

    The script is one answer, or a list of which the n-th is the n-th answer of each conversation,
    or a function of the request. An answer is text, `calls(...)`, or a ModelFailed, which is
    raised. It needs no network, counts tokens as a quarter of the bytes, and costs `micros_each`
    millionths of a dollar for a thousand of them.

        ScriptedModel([calls("refund", order_id="A1"), "You get it back."])
    """

    script: Script
    micros_each: int = 1_000
    pause_s: float = 0.0  # before each piece
    asked: list[ModelRequest] = field(default_factory=list)

    @property
    def digests(self) -> list[str]:
        """Of what it was asked: a question that comes twice has one digest."""
        return [digest_of(request) for request in self.asked]

    async def stream(self, request: ModelRequest) -> AsyncIterator[Piece | ModelAnswer]:
        self.asked.append(request)
        said = self._said(request)
        if isinstance(said, ModelFailed):
            raise said
        answer = ModelAnswer(text=said) if isinstance(said, str) else said
        for start in range(0, len(answer.text), _PIECE_CHARS):
            if self.pause_s:
                await asyncio.sleep(self.pause_s)
            text = answer.text[start : start + _PIECE_CHARS]
            yield Piece(text, len(text.encode()))
        yield self._whole(request, answer)

    def price(self, input_tokens: int, output_tokens: int) -> int | None:
        return -(-(input_tokens + output_tokens) * self.micros_each // 1_000)

    async def close(self) -> None: ...

    def _said(self, request: ModelRequest) -> Scripted:
        if isinstance(self.script, str | ModelAnswer | ModelFailed):
            return self.script
        if callable(self.script):
            return self.script(request)
        if request.depth >= len(self.script):
            raise ModelFailed("the script has no answer left", is_final=True)
        return self.script[request.depth]

    def _whole(self, request: ModelRequest, answer: ModelAnswer) -> ModelAnswer:
        """With what a provider would add, made from the question: nothing of it is chance."""
        parts = {"text": answer.text, "calls": answer.calls}
        size = len(answer.text) + sum(len(call.arguments) for call in answer.calls)
        return msgspec.structs.replace(
            answer,
            parts=msgspec.Raw(msgspec.json.encode(parts)),
            model=answer.model or request.model.partition(":")[2],
            request_id=answer.request_id or f"req_{digest_of(request)[:16]}",
            input_tokens=answer.input_tokens
            or len(msgspec.json.encode(request)) // _BYTES_PER_TOKEN,
            output_tokens=answer.output_tokens or size // _BYTES_PER_TOKEN + 1,
        )


UNSCRIPTED = ScriptedModel(ModelFailed("no script was given", is_final=True))
"""Where a test says nothing of a model: an agent that thinks all the same finds it away."""
