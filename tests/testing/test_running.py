"""The world that authors test their agents in: the house is real, the outside is what they say."""

import asyncio
from pathlib import Path

import pytest

from answerable import (
    Agent,
    Context,
    Limit,
    Message,
    Money,
    NotDone,
    OutcomeUnknown,
    Patience,
    ToolCall,
)
from answerable import Reply as Says
from answerable.policy.errors import PolicyInvalid
from answerable.sdk.words import Outcome
from answerable.testing import NotFaked, ScriptedModel, running, running_sync

looks: list[str] = []
support = Agent("support", owner="olive@acme.example", desk="orders", purpose="Refund")


@support.tool(
    effect="refund", repeat="idempotent", needs_grade=1,
    limit=Limit(amount_minor_each=10_000, currency="USD"), patience=Patience(attempts_max=3),
)  # fmt: skip
async def refund(call: ToolCall, order_id: str, amount: Money) -> str:
    raise AssertionError(f"{call.key} touched the world")


async def found(key: str) -> str | None:
    raise AssertionError(f"{key} was looked up in the world")


@support.tool(effect="note", repeat="reconcilable", find=found)
async def note(call: ToolCall, text: str) -> str:
    return f"{call.attempt}: {text}"


async def look(text: str) -> str:
    looks.append(text)
    return text.upper()


@support.on_message
async def answer(ctx: Context, message: Message) -> Outcome:
    said = await ctx.step(look, message.text)
    if "human" in message.text:
        return ctx.escalate("wants a person")
    if "note" in message.text:
        ctx.propose(note, text=said)
        return Says("Noted.")
    if "refund" in message.text:
        minor = int(message.text.split()[-1])
        asked = ctx.propose(refund, order_id="A1", amount=Money(minor, "USD"))
        return Says("Refunded.", after=asked, otherwise="Not refunded.")
    return Says(f"{said}.")


HOLD_LARGE = """
@id("replies") permit (principal, action == Action::"reply", resource);
@id("small") permit (principal, action == Action::"perform", resource)
when { context has amount && context.amount.minor <= 5000 };
@id("large") @hold("refunds") permit (principal, action == Action::"perform", resource)
when { context has amount && context.amount.minor > 5000 };
"""


def test_a_message_is_answered_and_a_proposal_is_performed_once_with_what_was_declared() -> None:
    with running_sync(support) as world:
        world.fake(refund, returns="R-1")
        assert world.says("hello").text == "HELLO."
        for _ in range(2):
            heard = world.says("refund 4000", external_id="again")
        assert (heard.text, heard.disposition) == ("Refunded.", "answered")
        (call,) = world.calls(refund)
        assert call.arguments == {"order_id": "A1", "amount": Money(4_000, "USD")}
        assert (call.attempt, bool(call.key)) == (1, True)
        assert [one.to for one in world.sent] == ["kim@example.org"] * 2


def test_each_verdict_names_its_rule_and_who_answers_for_it() -> None:
    with running_sync(support, policy=HOLD_LARGE) as world:
        world.fake(refund)
        world.says("refund 4000")
        world.says("refund 6000")
        world.says("refund 60000")
        tools = [one for one in world.decisions if one.action == "refund"]
        assert [(one.verdict, one.rule) for one in tools] == [
            ("allow", "small"), ("hold", "large"), ("deny", "limit:amount_minor_each"),
        ]  # fmt: skip
        assert {one.owner for one in world.decisions} == {"olive@acme.example"}
        assert [one.index for one in world.decisions] == sorted({one.index for one in tools} | {
            one.index for one in world.decisions
        })  # fmt: skip


def test_what_waits_is_granted_refused_or_expires_into_no() -> None:
    with running_sync(support, policy=HOLD_LARGE) as world:
        world.fake(refund)
        heard = world.says("refund 6000")
        assert (heard.text, heard.disposition) == ("", "open")
        assert world.grant().text == "Refunded."
        world.says("refund 6001")
        assert world.refuse(world.held[0]).text == "Not refunded."
        last = world.says("refund 6002")
        world.later(hours=3, minutes=59)
        assert len(world.held) == 1
        world.later(minutes=2)
        assert world.held == []
        assert world.heard(last.interaction).text == "Not refunded."
        assert len(world.calls(refund)) == 1


def test_more_than_one_that_waits_has_to_be_named() -> None:
    with running_sync(support, policy=HOLD_LARGE) as world:
        world.says("refund 6000")
        world.says("refund 6001", sender="bo@example.org")
        with pytest.raises(AssertionError, match="2 effects wait"):
            world.grant()


def test_a_tool_that_surely_did_nothing_is_tried_again_later() -> None:
    with running_sync(support) as world:
        world.fake(refund, raises=NotDone("busy"), times=2)
        assert world.says("refund 4000").text == ""
        world.later(minutes=1)
        assert [one.text for one in world.sent] == ["Refunded."]
        first, *others = world.calls(refund)
        assert [one.attempt for one in (first, *others)] == [1, 2, 3]
        assert {one.key for one in others} == {first.key}


def test_a_tool_of_which_nobody_can_say_is_looked_up_and_not_repeated() -> None:
    with running_sync(support) as world:
        world.fake(note, raises=OutcomeUnknown("no answer"), times=1)
        world.says("note this")
        world.later(minutes=5)
        assert [one.attempt for one in world.calls(note)] == [1, 2]  # surely not there: once more


def test_the_tools_own_code_runs_where_the_test_says_so() -> None:
    with running_sync(support) as world:
        world.real(note)
        assert world.says("note this").text == "Noted."
        assert world.calls(note)[0].arguments == {"text": "NOTE THIS"}


def test_a_tool_that_nobody_played_fails_the_test_and_touches_nothing() -> None:
    with running_sync(support) as world, pytest.raises(NotFaked, match=r"world\.fake\(refund"):
        world.says("refund 4000")


def test_afterwards_each_tool_is_as_it_was_declared() -> None:
    before = (refund.perform, note.perform, note.find)
    with running_sync(support):
        assert refund.perform is not before[0]
    assert (refund.perform, note.perform, note.find) == before


def test_a_proposal_that_is_not_as_declared_fails_as_it_would_in_production() -> None:
    with running_sync(support) as world:
        world.fake(refund)
        assert world.says("refund many").is_escalated


def test_who_escalates_says_why() -> None:
    with running_sync(support) as world:
        heard = world.says("a human, please")
        assert (heard.is_escalated, heard.reason, heard.text) == (True, "wants a person", "")


def test_without_its_owner_the_agent_does_nothing() -> None:
    with running_sync(support) as world:
        world.leaves("olive@acme.example")
        heard = world.says("hello")
        assert heard.is_escalated
        assert world.sent == []


def test_a_recorded_step_is_read_back_after_a_crash() -> None:
    looks.clear()
    with running_sync(support, policy=HOLD_LARGE) as world:
        world.fake(refund)
        world.says("refund 6000")
        world.crash()
        assert world.grant().text == "Refunded."
    assert looks == ["refund 6000"]


def test_policies_come_from_a_folder_and_a_misspelt_tool_does_not_load(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_text(HOLD_LARGE)
    with running_sync(support, policy=tmp_path) as world:
        world.says("refund 6000")
        assert len(world.held) == 1
    wrong = '@id("x") forbid (principal, action, resource == Tool::"refnd");'
    with pytest.raises(PolicyInvalid, match="x"), running_sync(support, policy=wrong):
        pass


def test_in_a_coroutine_it_is_awaited() -> None:
    async def story() -> None:
        async with running(support) as world:
            world.fake(refund)
            assert (await world.says("refund 1")).text == "Refunded."
            await world.later(days=1)
            with pytest.raises(LookupError):
                world.heard("int_none")

    asyncio.run(story())


def test_another_agents_tool_cannot_be_played() -> None:
    other = Agent("other", owner="o@acme.example", desk="d", purpose="p")

    @other.tool(effect="x", repeat="idempotent")
    async def note(call: ToolCall) -> str:
        return call.key

    with running_sync(support) as world, pytest.raises(ValueError, match="no tool of agent"):
        world.fake(note)


def test_what_an_agent_thinks_is_scripted_and_away_where_it_is_not() -> None:
    agent = Agent(
        "thinker", owner="olga@acme.example", desk="orders", purpose="think",
        model={"use": "openai:gpt-5-mini"},
    )  # fmt: skip

    @agent.on_message
    async def answer(ctx: Context, message: Message) -> Outcome:
        return await ctx.think("Be kind.")

    with running_sync(agent, model=ScriptedModel("Tuesday.")) as world:
        assert world.says("When?").text == "Tuesday."
        world.crash()
    with running_sync(agent) as world:
        assert world.says("When?").is_escalated
