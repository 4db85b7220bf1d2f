"""The real adapter over real HTTP, in both protocols: no network, no key."""

import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from answerable.adapters.models.pydantic_ai import PydanticModel
from answerable.agents.model import ModelChoice, choice_of
from answerable.base.errors import UsageError
from answerable.compose.models import models_of
from answerable.pipeline.asking import Tried, ask_once
from answerable.sdk.port import ModelRequest, Told
from answerable.testing.model_process import ModelStub, model_stub
from answerable.testing.model_stub import Answer, Conversation, Script
from answerable.testing.world import Life
from stories import queue_of
from thoughts import Shop, thinker, uses, world_of

PROTOCOLS = ("openai", "anthropic")
AMOUNT = {"amount_minor": 4_000, "currency": "USD"}
WORDS = "It ships on Tuesday, and you get a mail when it does."
REFUND = Conversation(
    when="refund",
    answers=(
        Answer(text="I look it up.", call="find_order", arguments={"order_id": "A1"}),
        Answer(call="refund", arguments={"order_id": "A1", "amount": AMOUNT}),
        Answer(text="You get 40 dollars back."),
    ),
)
ELSE = Conversation(answers=(Answer(text=WORDS),))
ENDS: dict[str, tuple[str, bool]] = {
    "http 401": ("http 401", False),
    "http 429": ("http 429", False),
    "http 500": ("http 500", False),
    "cut": ("no connection", True),
    "end": ("cut off", True),
    "hang": ("too slow", True),
    "slow": ("too slow", True),
    "endless": ("overrun", True),
    "no_usage": ("answered", True),
}
WRONG = tuple(Conversation(ELSE.answers, when=f"({does})", does=does) for does in ENDS)


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelStub]:
    with model_stub(tmp_path_factory.mktemp("stub"), Script((REFUND, *WRONG, ELSE))) as running:
        yield running


@dataclass
class Asking:
    """One question to an endpoint, and what was overheard of the answer."""

    tried: Tried
    heard: list[str]


def chosen(stub: ModelStub, protocol: str, **more: str | int) -> ModelChoice:
    choice = choice_of(stub.model(protocol, **more))
    assert choice is not None
    return choice


async def ask(choice: ModelChoice, text: str = "When?", key: str = "") -> Asking:
    model, heard = PydanticModel(choice, key), list[str]()
    request = ModelRequest(
        model=choice.use, params={}, instructions="Be brief.", turns=(Told(text),),
        output_tokens_max=50,
    )  # fmt: skip
    try:
        return Asking(await ask_once(model, choice, request, heard.append), heard)
    finally:
        await model.close()


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def scenario() -> None:
        await story()

    asyncio.run(scenario())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_answer_comes_in_pieces_with_its_id_and_what_it_used(
    stub: ModelStub, protocol: str
) -> None:
    async def story() -> None:
        asking = await ask(chosen(stub, protocol))
        answer, attempt = asking.tried.answer, asking.tried.attempt
        assert answer is not None
        assert (answer.text, answer.finish, answer.model) == (WORDS, "stop", "stub-1")
        assert (len(asking.heard) > 3, "".join(asking.heard)) == (True, WORDS)
        assert attempt.request_id.startswith("stub_")
        assert (attempt.is_estimated, attempt.output_tokens) == (False, len(WORDS + "{}") // 4 + 1)
        assert attempt.cost_micros is None, "nobody knows what this endpoint takes"

    run(story)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_turn_through_the_real_adapter_looks_up_proposes_and_answers(
    tmp_path: Path, stub: ModelStub, protocol: str
) -> None:
    async def story() -> None:
        shop, before = Shop(), len(stub.lines)
        model = stub.model(protocol, input_micros_per_million=9, output_micros_per_million=9)
        world = await world_of(tmp_path / "home", thinker(shop, model=model), None)
        async with world.running() as life:
            await life.say("Please refund A1", external_id="m1")
            await life.run_out()
            assert (shop.looked_up, shop.till.payments) == (["A1"], [4_000])
            assert world.mailbox.texts == ["You get 40 dollars back."]
            lines = stub.lines[before:]
            assert [(one.protocol, one.depth) for one in lines] == [
                (protocol, 0), (protocol, 1), (protocol, 2),
            ]  # fmt: skip
            (use,) = await uses(life)
            assert use.requests == tuple(f"stub_{one.digest[:16]}" for one in lines)
            assert (use.calls, use.attempts, use.unpriced, use.estimated) == (3, 3, 0, 0)
            assert use.cost_micros == 3, "each call is rounded up"
            assert (await life.verified()).problem is None

    run(story)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("does", ENDS)
def test_each_way_to_go_wrong_has_a_word_and_what_it_may_have_cost(
    stub: ModelStub, protocol: str, does: str
) -> None:
    async def story() -> None:
        before = len(stub.lines)
        choice = chosen(stub, protocol, first_s=1, between_s=1, deadline_s=5)
        tried = (await ask(choice, f"When? ({does})")).tried
        assert (tried.attempt.ended, tried.attempt.is_estimated) == ENDS[does]
        assert (tried.attempt.input_tokens > 0) == tried.attempt.is_estimated
        assert tried.is_final == (does in ("http 401", "endless"))
        assert len(stub.lines) == before + 1, "no tries but ours"

    run(story)


def test_nobody_at_the_address_is_no_connection(stub: ModelStub) -> None:
    async def story() -> None:
        choice = choice_of({"use": "openai:x", "base_url": "http://127.0.0.1:1/v1"})
        assert choice is not None
        attempt = (await ask(choice)).tried.attempt
        assert (attempt.ended, attempt.input_tokens) == ("no connection", 0)

    run(story)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_endpoint_that_is_away_hands_the_case_to_people(
    tmp_path: Path, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("answerable.pipeline.mind.PAUSES_S", (0.0, 0.0, 0.0))
    faults = {1: "http 500", 2: "cut", 3: "http 529"}

    async def story() -> None:
        with model_stub(tmp_path / "stub", Script((ELSE,), faults=faults)) as stub:
            model = stub.model(protocol)
            world = await world_of(tmp_path / "home", thinker(Shop(), model=model), None)
            async with world.running() as life:
                await life.say("When?", external_id="m1")
                await life.run_out()
                assert queue_of(life) == [("orders", "model_away")]
                (use,) = await uses(life)
                assert (use.attempts, use.estimated, use.unpriced) == (3, 1, 1)
                await back_again(life)

    async def back_again(life: Life) -> None:
        await life.say("When?", external_id="m2", sender="lee@example.org")
        await life.run_out()
        assert [why for _, why in queue_of(life)] == ["model_away"], "only the first one"

    run(story)


def test_an_endpoint_gets_no_key_that_was_not_meant_for_it(
    stub: ModelStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OUR_KEY"):
        monkeypatch.setenv(name, f"sk-{name}")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1")

    async def story(protocol: str, **more: str) -> str:
        agent = thinker(Shop(), model=stub.model(protocol, **more))
        (model,) = models_of([agent.blueprint()], {}).values()
        choice = choice_of(agent.model)
        assert choice is not None
        request = ModelRequest(
            model="m", params={}, instructions="", turns=(Told("When?"),), output_tokens_max=50
        )
        tried = await ask_once(model, choice, request, lambda _text: None)
        await model.close()
        assert tried.answer is not None
        return stub.lines[-1].key

    for protocol in PROTOCOLS:
        assert asyncio.run(story(protocol)) == "none"
        assert asyncio.run(story(protocol, key_env="OUR_KEY")) == "sk-OUR_KEY"


def test_a_key_that_is_not_in_the_environment_keeps_the_house_from_opening(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    agent = thinker(Shop(), model={"use": "openai:gpt-5-mini"})
    with pytest.raises(UsageError, match="export OPENAI_API_KEY"):
        models_of([agent.blueprint()], {})


def test_no_key_is_in_what_can_be_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    choice = choice_of({"use": "anthropic:claude-haiku-4-5"})
    assert choice is not None
    model = PydanticModel(choice, "sk-secret")
    said = json.dumps([repr(model), repr(choice), str(vars(model)), repr(model._model)])
    assert "sk-secret" not in said


@pytest.mark.parametrize(
    ("use", "micros"), [("openai:gpt-5-mini", 450), ("anthropic:no-such-model", None)]
)
def test_a_list_price_is_known_offline_or_said_to_be_unknown(use: str, micros: int | None) -> None:
    choice = choice_of({"use": use})
    assert choice is not None
    assert PydanticModel(choice, "k").price(1_000, 100) == micros


def test_one_question_is_the_same_bytes_each_time(stub: ModelStub) -> None:
    async def story() -> None:
        digests = set()
        for _ in range(2):
            await ask(chosen(stub, "openai"))
            digests.add(stub.lines[-1].digest)
        assert len(digests) == 1

    run(story)


def test_without_the_extra_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "answerable.adapters.models.pydantic_ai")
    monkeypatch.setitem(sys.modules, "pydantic_ai", None)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    agent = thinker(Shop(), model={"use": "openai:gpt-5-mini"})
    with pytest.raises(UsageError, match=re.escape("extra `llm`")):
        models_of([agent.blueprint()], {})
