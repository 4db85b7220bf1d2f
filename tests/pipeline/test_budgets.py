"""A budget is kept in the hallway: per turn by what its records used, per day by what all used."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from answerable import Agent, Budget, Context, Message, Reply
from answerable.agents.domain import release_of
from answerable.agents.model import choice_of, params_of
from answerable.base.clock import DAY_US
from answerable.base.errors import UsageError
from answerable.compose.models import models_of
from answerable.policy.budget import Spending, Spent
from answerable.sdk.port import BudgetSpent, ModelAnswer
from answerable.sdk.words import Outcome
from answerable.testing.scripted import ScriptedModel, calls
from answerable.testing.world import OWNER, Life
from stories import clock_of, queue_of, run
from thoughts import FREE, Shop, thinker, uses, world_of

LOOKS = [calls("find_order", order_id=f"A{number}") for number in range(40)]
DAY = "2026-03-02"


async def story(life: Life, count: int = 1) -> None:
    for number in range(count):
        await life.say("When?", external_id=f"m{number}", sender=f"p{number}@example.org")
    await life.run_out()


@pytest.mark.parametrize(
    "budget", [Budget(calls_per_turn=3), Budget(tokens_per_turn=1_500)], ids=["calls", "tokens"]
)
def test_a_turn_that_has_used_its_budget_up_ends_with_people(
    tmp_path: Path, budget: Budget
) -> None:
    async def scenario() -> None:
        model = ScriptedModel([*LOOKS, "Found."])
        world = await world_of(tmp_path / "home", thinker(Shop(), budget=budget), model)
        async with world.running() as life:
            await story(life)
            assert queue_of(life) == [("orders", "budget_spent")]
            assert world.mailbox.texts == []
            (use,) = await uses(life)
            assert use.calls == len(model.asked) <= 5

    run(scenario)


def test_no_answer_may_be_longer_than_what_is_left_of_the_turn(tmp_path: Path) -> None:
    async def scenario() -> None:
        model = ScriptedModel([LOOKS[0], "Found."])
        agent = thinker(Shop(), budget=Budget(tokens_per_turn=800))
        world = await world_of(tmp_path / "home", agent, model)
        async with world.running() as life:
            await story(life)
        first, second = model.asked
        assert first.output_tokens_max == 500, "what its model may say at once"
        used = len(msgspec.json.encode(first)) // 4 + len('{"order_id":"A0"}') // 4 + 1
        assert second.output_tokens_max == 800 - used

    run(scenario)


def test_a_handler_cannot_swallow_that_its_budget_is_spent(tmp_path: Path) -> None:
    agent = Agent(
        "support", owner=OWNER, desk="orders", purpose="think", model=FREE,
        budget=Budget(calls_per_turn=1),
    )  # fmt: skip

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Outcome:
        for _ in range(9):
            with contextlib.suppress(BudgetSpent):
                await ctx.think("Again.")
        return Reply("As if nothing had happened.")

    async def scenario() -> None:
        world = await world_of(tmp_path / "home", agent, ScriptedModel("Yes."))
        async with world.running() as life:
            await story(life)
            assert [why for _, why in queue_of(life)] == ["budget_spent"]
            assert world.mailbox.texts == []

    run(scenario)


@pytest.mark.parametrize(
    "budget", [Budget(calls_per_turn=3), Budget(tokens_per_turn=2_500)], ids=["calls", "tokens"]
)
def test_a_handler_that_thinks_many_times_at_once_has_one_budget(
    tmp_path: Path, budget: Budget
) -> None:
    agent = Agent("support", owner=OWNER, desk="orders", purpose="think", model=FREE, budget=budget)

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Outcome:
        thoughts = [ctx.think(f"Thought {number}.") for number in range(20)]
        await asyncio.gather(*thoughts, return_exceptions=True)
        return Reply("As if nothing had happened.")

    async def scenario() -> None:
        model = ScriptedModel("Yes.", pause_s=0.5)
        world = await world_of(tmp_path / "home", agent, model)
        async with world.running() as life:
            await story(life)
            most = budget.calls_per_turn if budget.calls_per_turn < 12 else 4
            assert 2 <= len(model.asked) <= most
            assert sum(one.output_tokens_max for one in model.asked) < budget.tokens_per_turn
            assert [why for _, why in queue_of(life)] == ["budget_spent"]
            assert world.mailbox.texts == []

    run(scenario)


@pytest.mark.parametrize(
    ("answer", "tells"),
    [
        (ModelAnswer(text="x" * 300_000, input_tokens=100, output_tokens=90_000), 90_100),
        (ModelAnswer(text="ok", request_id="\ud800", input_tokens=100), 0),
        (ModelAnswer(text="ok", input_tokens=100, output_tokens=-50_000), 0),
        (ModelAnswer(text="ok", input_tokens=10**17, output_tokens=1), 0),
        (ModelAnswer(text="ok", input_tokens=100, output_tokens=10**20), 0),
    ],
    ids=["longer than a step", "not Unicode", "less than none", "too many in", "too many out"],
)
def test_what_an_odd_answer_used_up_is_counted_all_the_same(
    tmp_path: Path, answer: ModelAnswer, tells: int
) -> None:
    async def scenario() -> None:
        agent = thinker(
            Shop(), model=FREE | {"max_tokens": 60_000}, budget=Budget(tokens_per_day=1_000_000)
        )
        world = await world_of(tmp_path / "home", agent, ScriptedModel(answer))
        async with world.running() as life:
            await story(life)
            (use,) = await uses(life)
            used = use.input_tokens + use.output_tokens
            assert used == tells if tells else 0 < used < 10_000
            assert use.estimated == (0 if tells else 1)
            assert [why for _, why in queue_of(life)] in ([], ["model_away"])
            assert (await life.verified()).problem is None

    run(scenario)


@pytest.mark.parametrize("field", ["tokens_per_day", "cost_micros_per_day"])
def test_many_turns_at_once_do_not_exceed_the_budget_of_a_day(tmp_path: Path, field: str) -> None:
    most = 12_000
    details: dict[str, Any] = {"budget": Budget(**{field: most})}  # a token costs a millionth here

    async def scenario() -> None:
        model = ScriptedModel("Tuesday.", pause_s=0.01)
        world = await world_of(tmp_path / "home", thinker(Shop(), **details), model)
        async with world.running() as life:
            await story(life, 40)
            answered = len(world.mailbox.texts)
            assert answered >= 2
            assert [why for _, why in queue_of(life)] == ["budget_spent"] * (40 - answered)
            told = await uses(life)
            assert sum(use.input_tokens + use.output_tokens for use in told) <= most
            assert life.house.hall.spending._turns == {}
        async with world.running() as life:
            clock_of(life).advance(DAY_US)
            await life.say("When?", external_id="tomorrow", sender="new@example.org")
            await life.run_out()
            assert len(world.mailbox.texts) == answered + 1, "the next day has its own"

    run(scenario)


def test_what_a_day_has_used_is_known_after_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        agent = thinker(Shop(), budget=Budget(tokens_per_day=5_000))
        world = await world_of(tmp_path / "home", agent, ScriptedModel("Tuesday."))
        codes: list[str] = []
        for number in range(30):
            async with world.running() as life:
                sender = f"p{number}@example.org"
                await life.say("When?", external_id=f"m{number}", sender=sender)
                await life.run_out()
                codes = [why for _, why in queue_of(life)]
            if codes:
                break
        assert codes == ["budget_spent"]
        assert len(world.mailbox.texts) > 1

    run(scenario)


def test_what_is_on_its_way_counts_and_what_is_given_back_does_not() -> None:
    spending = Spending(lambda _agent, _day: Spent(100, 0))
    budget = Budget(tokens_per_day=1_000)
    assert spending.exceeded(budget, "a", DAY, Spent(900)) == ""
    spending.add("int_1", "a", Spent(600))
    spending.add("int_2", "b", Spent(600))
    assert spending.exceeded(budget, "a", DAY, Spent(900)) == "tokens_per_day"
    assert spending.exceeded(budget, "a", DAY, Spent(300)) == ""
    spending.add("int_1", "a", Spent(-600))
    assert spending.exceeded(budget, "a", DAY, Spent(900)) == ""
    spending.add("int_1", "a", Spent(600))
    spending.forget("int_1")
    assert spending.exceeded(budget, "a", DAY, Spent(900)) == ""


def test_a_budget_in_money_needs_a_price_that_is_known() -> None:
    endpoint: dict[str, str | int] = {"use": "openai:own", "base_url": "http://127.0.0.1:1/v1"}
    agent = thinker(Shop(), model=endpoint, budget=Budget(cost_micros_per_day=1))
    with pytest.raises(UsageError, match="is not known"):
        models_of([agent.blueprint()], {})
    priced = endpoint | {"input_micros_per_million": 100, "output_micros_per_million": 200}
    agent = thinker(Shop(), model=priced, budget=Budget(cost_micros_per_day=1))

    async def opened() -> int | None:
        (model,) = models_of([agent.blueprint()], {}).values()
        price = model.price(1_000_000, 1_000_001)
        await model.close()
        return price

    assert asyncio.run(opened()) == 301, "rounded up"


@pytest.mark.parametrize("wrong", [{"calls_per_turn": 0}, {"tokens_per_day": -1}])
def test_a_budget_below_one_is_none(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="one or more"):
        Budget(**wrong)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"use": "gpt-5"}, "`openai:NAME`"),
        ({"use": "openai:"}, "`openai:NAME`"),
        ({"use": "openai:x", "api_key": "sk-1"}, "holds no secret"),
        ({"use": "openai:x", "key_env": "sk-123"}, "name of a variable"),
        ({"use": "openai:x", "base_url": "http://me:pw@host/v1"}, "no name, password or query"),
        ({"use": "openai:x", "base_url": "ftp://host"}, "http or https"),
        ({"use": "openai:x", "max_tokens": 0}, "whole number"),
        ({"use": "openai:x", "max_tokens": "800"}, "whole number"),
        ({"use": "openai:x", "temperature": "warm"}, "number written as text"),
        ({"use": "openai:x", "temprature": "0.1"}, "no setting of a model"),
        ({"use": "openai:x", "input_micros_per_million": 1}, "two sides"),
    ],
)
def test_a_model_that_is_declared_wrong_keeps_its_agent_from_being_made(
    settings: dict[str, str | int], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        thinker(Shop(), model=settings)


def test_a_change_of_budget_is_another_release_and_without_a_model_it_says_nothing() -> None:
    def digest(**details: Any) -> str:
        return release_of(thinker(Shop(), **details).blueprint(), "policy").digest

    assert digest(budget=Budget(calls_per_turn=3)) != digest()
    assert digest(budget=Budget(calls_per_turn=3), model={}) == digest(model={})


def test_what_a_provider_is_asked_to_keep_to_is_what_the_entry_says() -> None:
    choice = choice_of({"use": "openai:x", "temperature": "0.20", "seed": 7})
    assert choice is not None
    assert params_of(choice) == {"max_tokens": 4_096, "temperature": "0.2", "seed": 7}
