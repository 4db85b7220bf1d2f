"""One request to a model: its answer as it comes, within its deadlines, and what it used up."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from answerable.agents.model import ModelChoice
from answerable.sdk.context import STEP_BYTES_MAX
from answerable.sdk.port import Attempt, Model, ModelAnswer, ModelFailed, ModelRequest, Piece

BYTES_PER_TOKEN = 4  # to estimate what the provider did not say
ANSWER_BYTES_MAX = STEP_BYTES_MAX - 16 * 1024  # its step holds the tries as well
_TOKENS_MAX = 10**9  # a provider that says it used more, or less than none, is not believed
_OVERRUN_BYTES_PER_TOKEN = 16  # whose answer is longer ignores the limit that it was given
_CLOSE_S = 1.0
_ID_CHARS_MAX = 100


@dataclass(frozen=True, slots=True)
class Tried:
    """How one request ended; `is_final` where another would end the same."""

    attempt: Attempt
    answer: ModelAnswer | None = None
    is_final: bool = False


async def ask_once(
    model: Model, choice: ModelChoice, request: ModelRequest, overhear: Callable[[str], None]
) -> Tried:
    """Ask, and give up where a deadline passes or the answer overruns what was asked for.

    An answer that no step can hold is none, and is told with what it used: it has to be paid.
    """
    hearing = _Hearing(model, choice, request, overhear)
    try:
        answer = await hearing.whole()
        size = len(msgspec.json.encode(answer))
    except ModelFailed as failed:
        is_billed = failed.is_billed or hearing.heard_bytes > 0
        return Tried(hearing.failed(failed.kind, is_billed=is_billed), None, failed.is_final)
    except TimeoutError:
        return Tried(hearing.failed("too slow", is_billed=True))
    except Exception as error:  # noqa: BLE001 - an adapter is code of others, too
        kind = type(error).__name__
        return Tried(hearing.failed(kind, is_billed=True), None, is_final=True)
    if size > ANSWER_BYTES_MAX:
        return Tried(hearing.answered(answer, ended="too long"), None, is_final=True)
    return Tried(hearing.answered(answer), answer)


def request_bytes(request: ModelRequest) -> int:
    """No token is shorter than a byte, so these are also the most tokens that it can have."""
    return len(msgspec.json.encode(request))


class _Hearing:
    """An answer on its way."""

    def __init__(
        self, model: Model, choice: ModelChoice, request: ModelRequest,
        overhear: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._model = model
        self._choice = choice
        self._request = request
        self._overhear = overhear
        self.heard_bytes = 0

    async def whole(self) -> ModelAnswer:
        """Raises ModelFailed, TimeoutError."""
        stream = self._model.stream(self._request)
        wait_s = self._choice.first_s
        try:
            async with asyncio.timeout(self._choice.deadline_s):
                while True:
                    async with asyncio.timeout(wait_s):  # in this task: streams hold scopes of it
                        piece = await anext(stream, None)
                    wait_s = self._choice.between_s
                    if isinstance(piece, ModelAnswer):
                        return piece
                    if piece is None:
                        raise ModelFailed("cut off", is_billed=True)
                    self._hear(piece)
        finally:
            await _close(stream)

    def _hear(self, piece: Piece) -> None:
        self.heard_bytes += piece.size
        if self.heard_bytes > self._request.output_tokens_max * _OVERRUN_BYTES_PER_TOKEN:
            raise ModelFailed("overrun", is_final=True, is_billed=True)
        if piece.text:
            self._overhear(piece.text)

    def answered(self, answer: ModelAnswer, *, ended: str = "answered") -> Attempt:
        """What the provider said that it used; estimated where it said nothing that can be."""
        tokens_in, tokens_out = answer.input_tokens, answer.output_tokens
        is_estimated = not (0 < tokens_in <= _TOKENS_MAX and 0 <= tokens_out <= _TOKENS_MAX)
        if is_estimated:
            size = max(self.heard_bytes, len(answer.text.encode()))
            tokens_in, tokens_out = self._estimate(size)
        return Attempt(
            ended=ended,
            request_id=answer.request_id[:_ID_CHARS_MAX],
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cost_micros=self._model.price(tokens_in, tokens_out),
            is_estimated=is_estimated,
        )

    def failed(self, kind: str, *, is_billed: bool) -> Attempt:
        """A try without an answer: what was sent, and what was heard, may have to be paid."""
        if not is_billed:
            return Attempt(ended=kind, cost_micros=0)
        tokens_in, tokens_out = self._estimate(self.heard_bytes)
        return Attempt(
            ended=kind, input_tokens=tokens_in, output_tokens=tokens_out,
            cost_micros=self._model.price(tokens_in, tokens_out), is_estimated=True,
        )  # fmt: skip

    def _estimate(self, heard_bytes: int) -> tuple[int, int]:
        sent = request_bytes(self._request)
        return -(-sent // BYTES_PER_TOKEN), -(-heard_bytes // BYTES_PER_TOKEN)


async def _close(stream: object) -> None:
    """A stream that does not end in time is left to the loop's own end of it."""
    close = getattr(stream, "aclose", None)
    if close is not None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSE_S):
                await close()
