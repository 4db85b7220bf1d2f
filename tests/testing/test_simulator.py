"""A simulated world: every promise is kept in it, and its seed is all there is to it."""

import json
import os
import subprocess
import sys

from answerable.testing.simulator.run import simulate

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
