"""What is deliberately wrong is seen by the simulator, within a few worlds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from planted.bugs import BUGS

HUNT = Path(__file__).parent.parent.parent / "checks" / "planted_bugs.py"
SEEN_SOON = (  # in nearly every world, whatever the worlds draw
    "owner_looked_up_once_a_life", "effect_before_its_record", "crash_forgotten",
    "silence_is_a_yes", "lease_not_looked_at", "address_in_plain", "row_of_the_hour_it_was_written",
)  # fmt: skip
WORLDS_MAX = 60
"""Far more than it takes: which world shows a bug changes with every change of what is drawn."""


@pytest.mark.parametrize("name", SEEN_SOON)
def test_a_planted_bug_breaks_its_promise_within_a_few_worlds(name: str) -> None:
    """In a process of its own: nothing of what is wrong is left for other tests."""
    command = [sys.executable, str(HUNT), "--one", name, "--seeds", str(WORLDS_MAX)]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert BUGS[name].promise in json.loads(told)["promises"]


def test_every_planted_bug_still_fits_the_code_that_it_was_planted_in() -> None:
    command = [sys.executable, str(HUNT), "--standing"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]


def test_every_planted_bug_says_what_it_does_wrong_and_breaks_a_promise_that_there_is() -> None:
    for bug in BUGS.values():
        assert bug.wrong.endswith(".")
        assert 1 <= bug.promise <= 11
        with bug.planted():
            pass
