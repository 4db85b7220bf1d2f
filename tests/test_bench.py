"""What `make bench` adds up, and that it gives no figure where work was lost or done twice."""

import asyncio
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[1]
sys.path += [str(ROOT / "benchmarks"), str(ROOT / "benchmarks" / "peers")]

from bench import CONTENDERS, Run, measure, plan  # noqa: E402
from chart import svg  # noqa: E402
from figures import DBOS, LIMIT, OURS, Cell, bars, medians, ratio  # noqa: E402
from report import markdown  # noqa: E402
from workload import AMOUNT_MINOR, Load, Message, Outside, decision, percentile  # noqa: E402
from workload import measure as measure_here  # noqa: E402

FIGURES = {
    "per_s": 100.0,
    "cpu_ms": 1.0,
    "ms_p50": 5.0,
    "ms_p99": 9.0,
    "bytes": 7.0,
    "peak_mb": 3.0,
}


def test_a_median_is_the_middle_of_the_rounds_and_nothing_is_made_up() -> None:
    runs = [{"per_s": 9.0, "once": 1.0}, {"per_s": 100.0}, {"per_s": 10.0}]
    assert medians(runs) == {"per_s": 10.0}
    assert medians([]) == {}


def test_a_ratio_is_ours_by_theirs_or_missing() -> None:
    assert ratio(120.0, 1_000.0) == pytest.approx(0.12)
    assert ratio(None, 5.0) is None
    assert ratio(5.0, None) is None
    assert ratio(5.0, 0.0) is None


def test_a_percentile_is_the_smallest_value_that_that_part_does_not_exceed() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.99)) == (50.0, 99.0)
    assert percentile([3.0], 0.99) == 3.0
    assert percentile([1.0, 2.0, 3.0], 0.5) == 2.0


def test_the_chart_says_the_figures_of_the_tables_and_draws_ten_times_as_equally_far() -> None:
    found = {
        Cell(OURS, 64).key: {"per_s": 100.0},
        Cell(OURS, 512).key: {"per_s": 1_000.0},
        Cell(LIMIT, 64).key: {"per_s": 10_000.0},
    }
    drawn = ET.fromstring(svg(found))
    words = [each.text for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"100", "1,000", "10,000", OURS, LIMIT} <= set(words)
    assert DBOS not in words
    bars = [int(each.get("width", "")) for each in drawn.iter("{http://www.w3.org/2000/svg}rect")]
    assert sorted(bars) == [160, 320, 480]


def test_a_bar_is_held_from_its_figure_on_and_never_without_one() -> None:
    found = {
        Cell(OURS, 64).key: {"per_s": 120.0, "cpu_ms": 0.9},
        Cell(LIMIT, 64).key: {"per_s": 1_000.0},
        Cell(DBOS, 64).key: {"per_s": 12.1},
    }
    held = {bar.words: bar.is_held for bar in bars(found)}
    assert held[f"times {LIMIT}, concurrency 64"]
    assert not held[f"times {DBOS}, concurrency 64"]
    assert not held["ms CPU an interaction, concurrency 64"]
    assert not held[f"times {DBOS}, concurrency 512"]
    assert sum(held.values()) == 1


def test_who_is_compared_runs_one_after_the_other_at_each_load() -> None:
    cells = [cell for _, cell in plan([], [64, 512])]
    loads = [cell.concurrency for cell in cells]
    assert loads == sorted(loads)
    assert {cell.contender for cell in cells if cell.concurrency == 64} >= {OURS, LIMIT, DBOS}
    assert [cell.contender for _, cell in plan(["dbos"], [64])] == [DBOS]


@pytest.mark.parametrize(
    ("code", "said"),
    [("import no_such_peer", "not installed: "), ("raise ValueError(7)", "failed: ValueError: 7")],
)
def test_who_cannot_be_measured_is_named_with_the_reason(code: str, said: str) -> None:
    run, cell = Run(), Cell(OURS, 64)
    measure(run, CONTENDERS[0], cell, [sys.executable, "-c", code])
    (reason,) = run.missing.values()
    assert reason.startswith(said)
    assert run.rounds == {}


def test_the_page_has_the_ratio_beside_the_raw_figures_and_names_who_is_missing() -> None:
    found = {Cell(OURS, 64).key: FIGURES, Cell(LIMIT, 64).key: FIGURES | {"per_s": 800.0}}
    spread = {key: {"low": 90.0, "high": 110.0} for key in found}
    machine = {
        "cpu": "a cpu", "cores": 2, "memory_gb": 8.0, "kernel": "6.1", "python": "3.11",
        "commit": "abc", "filesystem": "ext4 rw",
    }  # fmt: skip
    page = markdown({
        "taken_at_us": 1_772_000_000_000_000, "is_dose": False, "medians": found,
        "spread": spread, "machine": machine, "fsync_ms": [1.25], "busy": [0.1], "rounds": 3,
        "memory": "in memory", "facts": {LIMIT: {"durability": "full", "sqlite": "3"}},
        "missing": {DBOS: "not installed: no wheel"},
    })  # fmt: skip
    assert f"| {LIMIT} | 800 | 90..110 | 0.125 |" in page
    assert f"NOT MEASURED: {DBOS}: not installed: no wheel" in page
    assert "not measured |" in page


class Careless:
    """A contender that asks twice for some messages, or loses some replies."""

    def __init__(self, *, asks_twice: bool = False, loses: bool = False) -> None:
        self._asks_twice, self._loses = asks_twice, loses
        self._received: set[str] = set()

    async def open(self, _home: Path, outside: Outside, _concurrency: int) -> None:
        self._outside = outside

    async def interact(self, message: Message) -> None:
        if message.external_id in self._received and not self._asks_twice:
            return
        self._received.add(message.external_id)
        self._outside.refund(message.external_id, AMOUNT_MINOR)

    async def close(self) -> None: ...

    def replies(self, _home: Path) -> int:
        return len(self._received) - self._loses

    def facts(self) -> dict[str, str]:
        return {}


def test_there_is_no_figure_where_an_effect_happened_twice_or_a_reply_is_lost(
    tmp_path: Path,
) -> None:
    load = Load(count=30, warm=5, concurrency=4)
    assert asyncio.run(measure_here(Careless(), tmp_path, load))["count"] == 30
    with pytest.raises(SystemExit, match="20 of them more than once"):
        asyncio.run(measure_here(Careless(asks_twice=True), tmp_path, load))
    with pytest.raises(SystemExit, match="34 replies are on disk"):
        asyncio.run(measure_here(Careless(loses=True), tmp_path, load))


def test_a_decision_has_a_kilobyte_whoever_it_is_about() -> None:
    assert {len(decision("k" * many, "p@example.org", "r")) for many in (1, 40)} == {1_024}
