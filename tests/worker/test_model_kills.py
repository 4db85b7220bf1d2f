"""SIGKILL of a real worker in the middle of a thought; `make kill-llm` kills at each moment."""

from pathlib import Path

import pytest

from answerable.testing import model_kills
from answerable.testing.model_kills import kill_at_each

# moments of the turn, as `Kills.at` names them, by number
_ANSWERED = 8  # the second call has its answer, and no record
_RECORDED = 10  # the second call is durable
_PAID = 26  # the tool was called, and nobody has written so


def test_no_kill_repeats_a_recorded_call_a_recorded_step_or_an_effect(tmp_path: Path) -> None:
    kills = kill_at_each(tmp_path, only=frozenset({_ANSWERED, _RECORDED, _PAID}))
    assert kills.is_kept, kills
    assert kills.at == {"model.after_call": 1, "committer.after_append": 1, "act.after_send": 1}
    assert kills.recorded_calls == 1 + 2 + model_kills.CALLS
    assert kills.unrecorded_calls_made_again == 1, "the one that was answered and not recorded"


def test_the_harness_sees_a_payment_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted defect: the till's look-up finds nothing of what was paid."""
    monkeypatch.setenv(model_kills._BLIND, "1")
    kills = kill_at_each(tmp_path, protocol="anthropic", only=frozenset({_PAID}))
    assert kills.repeated_effects == 1
    assert not kills.is_kept
