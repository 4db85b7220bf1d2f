"""A simulated world: every promise is kept in it, and its seed is all there is to it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from answerable.agents.domain import Tool
from answerable.sdk.context import Context
from answerable.sdk.words import Proposal
from answerable.testing.simulator import process
from answerable.testing.simulator.run import simulate
from answerable.worker.commands.office import Office
from answerable.worker.process import answers_of
from answerable.worker.verbs import ApprovalList, Verb

SEEDS = range(1, 26)
REPLAYED = 7


def test_every_promise_is_kept_in_every_world() -> None:
    verdicts = [simulate(seed) for seed in SEEDS]
    assert {one.seed: one.violations for one in verdicts if not one.is_kept} == {}
    assert sum(one.happened["lives"] for one in verdicts) > 2 * len(SEEDS), "they crashed"
    assert sum(one.entries for one in verdicts) > 20 * len(SEEDS), "they did something"


def test_a_seed_is_the_same_world_to_the_byte_in_every_process() -> None:
    digests = {_digest(hash_seed) for hash_seed in ("1", "2")}
    assert digests == {simulate(REPLAYED).digest}


def test_a_message_that_wished_it_once_and_got_it_twice_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    propose = Context.propose

    def twice(self: Context, tool: Tool, **arguments: object) -> Proposal:
        propose(self, tool, **arguments)
        return propose(self, tool, **arguments)

    monkeypatch.setattr(Context, "propose", twice)
    assert {one.promise for one in simulate(REPLAYED).violations} == {4}


def test_a_defect_that_only_a_specialist_meets_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(office: Office) -> Callable[[Verb], Coroutine[Any, Any, object]]:
        answer = answers_of(office)

        async def run(verb: Verb) -> object:
            if isinstance(verb, ApprovalList):
                raise LookupError("a defect")
            return await answer(verb)

        return run

    monkeypatch.setattr(process, "answers_of", broken)
    seen = [str(one) for one in simulate(REPLAYED).violations]
    assert len(seen) == 1
    assert "LookupError" in seen[0]


def _digest(hash_seed: str) -> str:
    command = [
        sys.executable,
        "-m",
        "answerable.cli",
        "simulate",
        "--seed",
        str(REPLAYED),
        "--json",
    ]
    told = subprocess.run(
        command, env=os.environ | {"PYTHONHASHSEED": hash_seed}, capture_output=True, check=True
    ).stdout
    return str(json.loads(told)["digest"])
