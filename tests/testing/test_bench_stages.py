"""What `bench` says of an interaction adds up, and it measures nothing that was not all done."""

import asyncio
from pathlib import Path

from answerable.testing.bench import day, floor
from answerable.testing.bench.sampler import KINDS, LOOP, SEAL, WRITE, Sampler
from homes import cli


def test_a_run_is_all_of_it_and_every_sample_has_a_stage_and_a_kind(tmp_path: Path) -> None:
    home = tmp_path / "home"
    seen = asyncio.run(day.run(home, 150, 16, is_sampled=True))
    assert seen.interactions == 150
    assert seen.records >= 150 * 6, "received, identified or known, decided twice, done twice, end"
    assert 0 < seen.p50_ms <= seen.p99_ms
    stages, kinds = zip(*seen.samples, strict=True)
    assert set(stages) <= {*day.STAGES, SEAL, WRITE, LOOP}
    assert set(kinds) <= set(KINDS)
    assert {WRITE, SEAL, "decide"} <= set(stages)
    assert "SQL" in kinds
    least = floor.measure(home, interactions=350, commits=seen.commits, policy=day.POLICY)
    assert min(least.fsync, least.SQL, least.hash, least.encode, least.encrypt, least.Cedar) > 0


def test_what_the_sampler_sees_is_where_the_processor_was() -> None:
    sampler = Sampler()
    with sampler:
        sum(number * number for number in range(1_000_000))
    assert set(sampler.seen) == {(LOOP, "Python")}


def test_the_command_tells_each_stage_and_leaves_nothing(tmp_path: Path) -> None:
    said = cli("bench", "--interactions", "100", "--stages", "--on", str(tmp_path))
    assert said.code == 0, said.err
    for stage in (*day.STAGES, SEAL, WRITE, LOOP):
        assert f"\n{stage} " in said.out
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_no_folder_nothing_is_measured(tmp_path: Path) -> None:
    said = cli("bench", "--on", str(tmp_path / "none"))
    assert said.code == 2
    assert "no folder is there" in said.err
