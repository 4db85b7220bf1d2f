"""The two protocols as the stub speaks them: a whole answer, and an answer in events."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

_WORD_CHARS = 6
_BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the stub answers, before it has a shape."""

    id: str
    model: str
    text: str
    call: str
    arguments: str
    input_tokens: int

    @property
    def output_tokens(self) -> int:
        return (len(self.text) + len(self.arguments)) // _BYTES_PER_TOKEN + 1

    @property
    def call_id(self) -> str:
        return f"call_{self.id.removeprefix('stub_')}"

    @property
    def words(self) -> Iterator[str]:
        for start in range(0, len(self.text), _WORD_CHARS):
            yield self.text[start : start + _WORD_CHARS]

    @property
    def halves(self) -> tuple[str, str]:
        middle = len(self.arguments) // 2
        return self.arguments[:middle], self.arguments[middle:]


class Wire(Protocol):
    """One protocol."""

    protocol: str

    def whole(self, said: Said) -> dict[str, Any]: ...

    def stream(self, said: Said, *, with_usage: bool) -> Iterator[bytes]: ...

    def more(self, said: Said, text: str) -> bytes: ...

    def error(self, what: str) -> dict[str, Any]: ...


class OpenAI:
    """Chat completions."""

    protocol = "openai"

    def whole(self, said: Said) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
        if said.call:
            message["tool_calls"] = [self._call(said, said.arguments)]
        choice = {"index": 0, "message": message, "finish_reason": self._finish(said)}
        return self._head(said, "chat.completion") | {
            "choices": [choice], "usage": self._usage(said),
        }  # fmt: skip

    def stream(self, said: Said, *, with_usage: bool) -> Iterator[bytes]:
        yield self._chunk(said, {"role": "assistant", "content": ""})
        for word in said.words:
            yield self.more(said, word)
        if said.call:
            first, rest = said.halves
            yield self._chunk(said, {"tool_calls": [{"index": 0, **self._call(said, first)}]})
            tail = {"index": 0, "function": {"arguments": rest}}
            yield self._chunk(said, {"tool_calls": [tail]})
        yield self._chunk(said, {}, finish=self._finish(said))
        if with_usage:
            usage = {"choices": [], "usage": self._usage(said)}
            yield _event(self._head(said, "chat.completion.chunk") | usage)
        yield b"data: [DONE]\n\n"

    def more(self, said: Said, text: str) -> bytes:
        return self._chunk(said, {"content": text})

    def error(self, what: str) -> dict[str, Any]:
        return {"error": {"message": what, "type": "stub", "code": "stub"}}

    def _chunk(self, said: Said, delta: dict[str, Any], *, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _event(self._head(said, "chat.completion.chunk") | {"choices": [choice]})

    def _head(self, said: Said, kind: str) -> dict[str, Any]:
        return {"id": said.id, "object": kind, "created": 1_767_225_600, "model": said.model}

    def _call(self, said: Said, arguments: str) -> dict[str, Any]:
        function = {"name": said.call, "arguments": arguments}
        return {"id": said.call_id, "type": "function", "function": function}

    def _finish(self, said: Said) -> str:
        return "tool_calls" if said.call else "stop"

    def _usage(self, said: Said) -> dict[str, int]:
        return {
            "prompt_tokens": said.input_tokens, "completion_tokens": said.output_tokens,
            "total_tokens": said.input_tokens + said.output_tokens,
        }  # fmt: skip


class Anthropic:
    """Messages."""

    protocol = "anthropic"

    def whole(self, said: Said) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": said.text}] if said.text else []
        if said.call:
            content.append(self._tool(said, json.loads(said.arguments)))
        return self._message(said) | {
            "content": content, "stop_reason": self._finish(said), "usage": self._usage(said),
        }  # fmt: skip

    def stream(self, said: Said, *, with_usage: bool) -> Iterator[bytes]:
        usage = self._usage(said) if with_usage else {"input_tokens": 0, "output_tokens": 0}
        yield self._event("message_start", message=self._message(said) | {"usage": usage})
        place = 0
        if said.text:
            text = {"type": "text", "text": ""}
            yield self._event("content_block_start", index=0, content_block=text)
            for word in said.words:
                yield self.more(said, word)
            yield self._event("content_block_stop", index=0)
            place = 1
        if said.call:
            yield self._event(
                "content_block_start", index=place, content_block=self._tool(said, {})
            )
            for half in said.halves:
                delta = {"type": "input_json_delta", "partial_json": half}
                yield self._event("content_block_delta", index=place, delta=delta)
            yield self._event("content_block_stop", index=place)
        ended = {"stop_reason": self._finish(said), "stop_sequence": None}
        usage = {"output_tokens": said.output_tokens if with_usage else 0}
        yield self._event("message_delta", delta=ended, usage=usage)
        yield self._event("message_stop")

    def more(self, said: Said, text: str) -> bytes:
        del said
        return self._event(
            "content_block_delta", index=0, delta={"type": "text_delta", "text": text}
        )

    def error(self, what: str) -> dict[str, Any]:
        return {"type": "error", "error": {"type": "api_error", "message": what}}

    def _event(self, kind: str, **fields: Any) -> bytes:
        return f"event: {kind}\n".encode() + _event({"type": kind, **fields})

    def _message(self, said: Said) -> dict[str, Any]:
        return {
            "id": said.id, "type": "message", "role": "assistant", "model": said.model,
            "content": [], "stop_reason": None, "stop_sequence": None,
        }  # fmt: skip

    def _tool(self, said: Said, given: dict[str, Any]) -> dict[str, Any]:
        return {"type": "tool_use", "id": said.call_id, "name": said.call, "input": given}

    def _finish(self, said: Said) -> str:
        return "tool_use" if said.call else "end_turn"

    def _usage(self, said: Said) -> dict[str, int]:
        return {"input_tokens": said.input_tokens, "output_tokens": said.output_tokens}


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


WIRES: dict[str, Wire] = {"/v1/chat/completions": OpenAI(), "/v1/messages": Anthropic()}
