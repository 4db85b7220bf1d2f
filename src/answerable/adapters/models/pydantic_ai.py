"""Models through Pydantic AI: its model classes speak the protocols; the loop and tries are ours.

The only file that knows it. Of what goes wrong a word and a status are told: a provider's own words
may quote what it was sent.
"""

import logging
from collections.abc import AsyncIterator, Iterator

import msgspec
from anthropic import AsyncAnthropic
from genai_prices import Usage, calc_price
from openai import AsyncOpenAI
from pydantic import TypeAdapter, ValidationError
from pydantic_ai import messages as pydantic
from pydantic_ai.direct import model_request_stream
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
)
from pydantic_ai.models import Model as PydanticModelClass
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from answerable.agents.model import ModelChoice, price_of
from answerable.sdk.port import (
    Answered,
    ModelAnswer,
    ModelCall,
    ModelFailed,
    ModelRequest,
    Piece,
    Returned,
    Told,
)

NO_KEY = "none"  # what is sent where no key is named: these clients do not go without one
_AGAIN = frozenset({408, 409, 425, 429})
logging.getLogger("httpx2").setLevel(logging.WARNING)  # it would log a line for each request
_responses = TypeAdapter(pydantic.ModelResponse)


class PydanticModel:
    """One model at one endpoint. `key` stays in the client that sends it."""

    def __init__(self, choice: ModelChoice, key: str) -> None:
        self._choice = choice
        self._client = _client(choice, key or NO_KEY)
        self._model = _model(choice, self._client)

    async def stream(self, request: ModelRequest) -> AsyncIterator[Piece | ModelAnswer]:
        try:
            async with model_request_stream(
                self._model, list(_messages(request)),
                model_settings=_settings(self._choice, request),
                model_request_parameters=ModelRequestParameters(function_tools=_tools(request)),
            ) as stream:  # fmt: skip
                async for event in stream:
                    piece = _piece(event)
                    if piece is not None:
                        yield piece
                response = stream.get()
        except (AgentRunError, ConnectionError) as error:
            raise _failure(error) from None
        yield _answer(response)

    def price(self, input_tokens: int, output_tokens: int) -> int | None:
        """The declared price, else the list price of the provider's own endpoint."""
        if not self._choice.is_providers_own or self._choice.input_micros_per_million is not None:
            return price_of(self._choice, input_tokens, output_tokens)
        usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
        try:
            found = calc_price(
                usage, model_ref=self._choice.name, provider_id=self._choice.protocol
            )
        except LookupError:
            return None
        return -int(-found.total_price * 1_000_000 // 1)

    async def close(self) -> None:
        await self._client.close()


def _client(choice: ModelChoice, key: str) -> AsyncOpenAI | AsyncAnthropic:
    """Address and key as they were declared, whatever the environment says; no tries of its own."""
    if choice.protocol == "anthropic":
        return AsyncAnthropic(api_key=key, base_url=choice.base_url, max_retries=0)
    return AsyncOpenAI(api_key=key, base_url=choice.base_url, max_retries=0)


def _model(choice: ModelChoice, client: AsyncOpenAI | AsyncAnthropic) -> PydanticModelClass:
    if isinstance(client, AsyncAnthropic):
        return AnthropicModel(choice.name, provider=AnthropicProvider(anthropic_client=client))
    if choice.is_providers_own:
        return OpenAIChatModel(choice.name, provider=OpenAIProvider(openai_client=client))
    compatible = OpenAICompatibleProvider("compatible", openai_client=client)
    return OpenAIChatModel(choice.name, provider=compatible)


def _settings(choice: ModelChoice, request: ModelRequest) -> ModelSettings:
    settings = ModelSettings(max_tokens=request.output_tokens_max)
    if choice.temperature is not None:
        settings["temperature"] = choice.temperature
    if choice.top_p is not None:
        settings["top_p"] = choice.top_p
    if choice.seed is not None:
        settings["seed"] = choice.seed
    return settings


def _tools(request: ModelRequest) -> list[ToolDefinition]:
    return [
        ToolDefinition(
            name=face.name,
            description=face.description or None,
            parameters_json_schema=msgspec.json.decode(face.parameters),
        )
        for face in request.tools
    ]


def _messages(request: ModelRequest) -> Iterator[pydantic.ModelMessage]:
    """The conversation; what came of several functions goes back in one message."""
    parts: list[pydantic.ModelRequestPart] = []
    for turn in request.turns:
        match turn:
            case Told():
                parts.append(pydantic.UserPromptPart(turn.text))
            case Returned():
                parts.append(_returned(turn))
            case Answered():
                yield pydantic.ModelRequest(parts, instructions=request.instructions)
                parts = []
                yield _answered(turn)
    yield pydantic.ModelRequest(parts, instructions=request.instructions)


def _returned(turn: Returned) -> pydantic.ToolReturnPart[object]:
    return pydantic.ToolReturnPart(
        turn.call.name, turn.text, turn.call.id,
        outcome="failed" if turn.is_error else "success",
    )  # fmt: skip


def _answered(turn: Answered) -> pydantic.ModelResponse:
    """As it came, with what only the provider understands; in plain form if it is not ours."""
    try:
        return _responses.validate_json(bytes(turn.parts))
    except ValidationError:
        calls = [pydantic.ToolCallPart(one.name, one.arguments, one.id) for one in turn.calls]
        said = [pydantic.TextPart(turn.text)] if turn.text else []
        return pydantic.ModelResponse([*said, *calls])


def _piece(event: object) -> Piece | None:
    match event:
        case pydantic.PartStartEvent(part=pydantic.TextPart(content=text)):
            return _said(text)
        case pydantic.PartDeltaEvent(delta=pydantic.TextPartDelta(content_delta=text)):
            return _said(text)
        case pydantic.PartStartEvent(part=pydantic.ToolCallPart(args=arguments)):
            return Piece("", len(str(arguments or "").encode()))
        case pydantic.PartDeltaEvent(delta=pydantic.ToolCallPartDelta(args_delta=arguments)):
            return Piece("", len(str(arguments or "").encode()))
        case pydantic.PartDeltaEvent(delta=pydantic.ThinkingPartDelta(content_delta=thought)):
            return Piece("", len((thought or "").encode()))
        case _:
            return None


def _said(text: str) -> Piece:
    return Piece(text, len(text.encode()))


def _answer(response: pydantic.ModelResponse) -> ModelAnswer:
    """Raises ModelFailed where the stream ended before the answer did."""
    told = (response.provider_details or {}).get("finish_reason")
    if response.finish_reason is None or (response.finish_reason == "stop" and not told):
        raise ModelFailed("cut off", is_billed=True)  # a missing reason is taken for "stop" there
    return ModelAnswer(
        text="".join(
            part.content for part in response.parts if isinstance(part, pydantic.TextPart)
        ),
        calls=tuple(
            ModelCall(part.tool_call_id, part.tool_name, part.args_as_json_str())
            for part in response.parts
            if isinstance(part, pydantic.ToolCallPart)
        ),
        parts=msgspec.Raw(_responses.dump_json(response)),
        finish=response.finish_reason,
        model=response.model_name or "",
        request_id=response.provider_response_id or "",
        input_tokens=response.usage.input_tokens,
        output_tokens=response.usage.output_tokens,
    )


def _failure(error: AgentRunError | ConnectionError) -> ModelFailed:
    in_stream = isinstance(error, ModelAPIError) and error.in_stream
    if isinstance(error, ModelHTTPError):
        status = error.status_code
        is_final = status < 500 and status not in _AGAIN
        return ModelFailed(f"http {status}", is_final=is_final, is_billed=in_stream)
    if isinstance(error, ModelConnectionError | ConnectionError):
        return ModelFailed("no connection", is_billed=in_stream)
    return ModelFailed(type(error).__name__, is_final=not isinstance(error, ModelAPIError))
