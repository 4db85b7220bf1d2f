"""What an agent is declared with is what its release is the digest of; nothing replaces another."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from answerable import Agent, Context, Limit, Message, Reply, ToolCall
from answerable.agents.domain import release_of
from answerable.base.errors import UsageError
from answerable.sdk.agent import Details

Load = Callable[[str, str], Any]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Imports a module of this text, afresh."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    names: set[str] = set()

    def load(name: str, text: str) -> Any:
        (tmp_path / f"{name}.py").write_text(text)
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        names.add(name)
        return importlib.import_module(name)

    yield load
    for name in names:
        sys.modules.pop(name, None)


async def answer(ctx: Context, message: Message) -> Reply:
    return Reply("hello")


async def refund(call: ToolCall, order: str) -> str:
    return "done"


def agent_of(**details: Any) -> Agent:
    agent = Agent("support", **({"owner": "o@x", "desk": "orders", "purpose": "answer"} | details))
    agent.on_message(answer)
    return agent


def digest(agent: Agent) -> str:
    return release_of(agent.blueprint(), "policy").digest


# Nothing replaces another


def test_a_second_handler_is_refused() -> None:
    agent = agent_of()

    async def another(ctx: Context, message: Message) -> Reply:
        return Reply("bye")

    with pytest.raises(ValueError, match="has a handler, `answer`"):
        agent.on_message(another)
    assert agent.blueprint().handler is answer


def test_a_second_tool_of_the_same_name_is_refused() -> None:
    agent = agent_of()
    first = agent.tool(effect="refund", repeat="idempotent")(refund)
    with pytest.raises(ValueError, match="has a tool `refund` already"):
        agent.tool(effect="other", repeat="at_most_once")(refund)
    assert agent.blueprint().tools == {"refund": first}


# What a release is the digest of


@pytest.mark.parametrize(
    "changed",
    [
        {"desk": "other"},
        {"purpose": "other"},
        {"prompt": "other"},
        {"model": {"name": "m-2", "max_tokens": 800}},
        {"turn_deadline_s": 31.0},
        {"hold_expires_after_s": 3_600},
        {"code": [importlib.import_module("stories")]},
    ],
)
def test_another_word_of_the_declaration_is_another_release(changed: dict[str, Any]) -> None:
    same = {"model": {"name": "m-1", "max_tokens": 800}}
    assert digest(agent_of(**same)) == digest(agent_of(**same))
    assert digest(agent_of(**(same | changed))) != digest(agent_of(**same))


def test_the_owner_changes_hands_without_a_new_release() -> None:
    assert digest(agent_of(owner="a@x")) == digest(agent_of(owner="b@x"))


def test_another_look_up_is_another_release(load: Load) -> None:
    def with_find(text: str) -> str:
        agent = agent_of()
        module = load("ours_find", f"async def find(key: str) -> str | None:\n    {text}\n")
        agent.tool(effect="refund", repeat="reconcilable", find=module.find)(refund)
        return digest(agent)

    assert with_find("return None") == with_find("return None")
    assert with_find("return 'paid'") != with_find("return None")


def test_a_named_helper_module_is_covered_and_an_unnamed_one_is_not(load: Load) -> None:
    def with_helper(text: str, *, is_named: bool) -> str:
        module = load("ours_helper", text)
        return digest(agent_of(code=[module] if is_named else []))

    assert with_helper("A = 1", is_named=True) != with_helper("A = 2", is_named=True)
    assert with_helper("A = 1", is_named=False) == with_helper("A = 2", is_named=False)


def test_a_module_without_source_text_cannot_be_covered() -> None:
    with pytest.raises(ValueError, match="no source text"):
        agent_of(code=[sys]).blueprint()


# Bounds


@pytest.mark.parametrize(
    ("details", "name"),
    [
        ({"turn_deadline_s": 0}, "turn_deadline_s"),
        ({"turn_deadline_s": -1.0}, "turn_deadline_s"),
        ({"turn_deadline_s": float("nan")}, "turn_deadline_s"),
        ({"turn_deadline_s": float("inf")}, "turn_deadline_s"),
        ({"hold_expires_after_s": 0}, "hold_expires_after_s"),
        ({"hold_expires_after_s": 0.5}, "hold_expires_after_s"),
        ({"hold_expires_after_s": 10**9}, "hold_expires_after_s"),
        ({"model": {"temperature": 0.2}}, "temperature"),
    ],
)
def test_what_is_out_of_bounds_is_refused_as_it_is_declared(details: Details, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        agent_of(**details)


def test_what_was_changed_later_is_checked_before_it_is_a_release() -> None:
    agent = agent_of()
    agent.turn_deadline_s = 0
    with pytest.raises(ValueError, match="turn_deadline_s"):
        agent.blueprint()


def test_a_word_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match="`temperature`"):
        agent_of(temperature=1)


def test_a_limit_that_does_not_hold_together_is_a_wrong_call() -> None:
    with pytest.raises(UsageError):
        Limit(count_per_day=-1)
    with pytest.raises(UsageError):
        Limit(amount_minor_each=5)


def test_no_agent_is_called_as_the_stop_file_is() -> None:
    with pytest.raises(ValueError, match="stop file"):
        Agent("file", owner="olga@acme.example", desk="orders", purpose="answer")


@pytest.mark.parametrize("after", [[], ["one", "two"], refund])
def test_a_reply_waits_for_one_proposal_and_says_so_where_it_is_made(after: Any) -> None:
    with pytest.raises(TypeError, match="waits for one effect and no more"):
        Reply("It is done.", after=after, otherwise="It is not.")
