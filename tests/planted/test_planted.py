"""What is deliberately wrong is seen by the simulator, within a few worlds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from planted.bugs import BUGS

HUNT = Path(__file__).parent.parent.parent / "checks" / "planted_bugs.py"
SEEN_SOON = (
    "effect_before_its_record", "crash_forgotten", "delegation_never_ends",
    "lease_not_looked_at", "finished_before_its_outcome", "address_in_plain",
)  # fmt: skip
WORLDS_MAX = 15


@pytest.mark.parametrize("name", SEEN_SOON)
def test_a_planted_bug_breaks_its_promise_within_a_few_worlds(name: str) -> None:
    """In a process of its own: nothing of what is wrong is left for other tests."""
    command = [sys.executable, str(HUNT), "--one", name, "--seeds", str(WORLDS_MAX)]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert BUGS[name].promise in json.loads(told)["promises"]


def test_every_planted_bug_says_what_it_does_wrong_and_breaks_a_promise_that_there_is() -> None:
    for bug in BUGS.values():
        assert bug.wrong.endswith(".")
        assert 1 <= bug.promise <= 11
        with bug.planted():
            pass
