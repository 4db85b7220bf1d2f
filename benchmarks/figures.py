"""What the rounds add up to: medians, ratios, and whether each bar is held. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Figures = Mapping[str, float]
"""What one run, or the median of several, says: by name."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One contender under one load: `in process` at 64, `over http, 100 a request` at 8."""

    contender: str
    concurrency: int

    @property
    def key(self) -> str:
        return f"{self.contender} @{self.concurrency}"


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that was asked for, what was found, and whether that is enough.

    `found` is None where a figure that it needs is missing: such a bar is not held.
    """

    words: str
    found: float | None
    wanted: float
    is_least: bool  # at least `wanted`; else at most

    @property
    def is_held(self) -> bool:
        if self.found is None:
            return False
        return self.found >= self.wanted if self.is_least else self.found <= self.wanted


def medians(runs: Sequence[Figures]) -> dict[str, float]:
    """The median of each figure over the runs; one that a run lacks is not made up."""
    names = [name for name in runs[0] if all(name in run for run in runs)] if runs else []
    return {name: median(run[name] for run in runs) for name in names}


def of(found: Mapping[str, Figures], cell: Cell, figure: str) -> float | None:
    return found.get(cell.key, {}).get(figure)


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """How many times theirs ours is; None where either is missing, or theirs is nothing."""
    return None if ours is None or not theirs else ours / theirs


def bars(found: Mapping[str, Figures]) -> list[Bar]:
    """What was asked of the product, from the medians of one run on one machine."""
    return [*_beside_others(found), *_of_its_own(found)]


OURS, LIMIT = "answerable, in process", "bare journal"
NO_FSYNC, NOTHING = "answerable, home in memory", "client and outside alone"
HTTP_ONE, HTTP_BATCH = "answerable, over HTTP", "answerable, over HTTP, 100 a request"
LANGGRAPH_ASYNC = "LangGraph + AsyncSqliteSaver"
LANGGRAPH, DBOS = "LangGraph + SqliteSaver", "DBOS, SQLite in WAL mode"
TOOLKIT, LEDGER = "toolkit, file sink", "ledger append"
BATCH_CLIENTS = 8


def _beside_others(found: Mapping[str, Figures]) -> Iterable[Bar]:
    for concurrency in (64, 512):
        ours = of(found, Cell(OURS, concurrency), "per_s")
        for other, least in ((LIMIT, 0.12), (DBOS, 10.0), (LANGGRAPH, 8.0), (TOOLKIT, 1.0)):
            theirs = of(found, Cell(other, concurrency), "per_s")
            words = f"times {other}, concurrency {concurrency}"
            yield Bar(words, ratio(ours, theirs), least, is_least=True)


def _of_its_own(found: Mapping[str, Figures]) -> Iterable[Bar]:
    for concurrency in (64, 512):
        cpu = of(found, Cell(OURS, concurrency), "cpu_ms")
        yield Bar(f"ms CPU an interaction, concurrency {concurrency}", cpu, 0.8, is_least=False)
    one = of(found, Cell(HTTP_ONE, 64), "per_s")
    yield Bar("a second over HTTP, one message a request", one, 500, is_least=True)
    batch = of(found, Cell(HTTP_BATCH, BATCH_CLIENTS), "per_s")
    yield Bar("a second over HTTP, 100 messages a request", batch, 900, is_least=True)
    added = of(found, Cell(NO_FSYNC, 1), "ms_p50")
    yield Bar("ms added at concurrency 1, fsync excluded, p50", added, 2.0, is_least=False)
    append = of(found, Cell(LEDGER, 1), "ratio")
    yield Bar("of a bare batched insert, ledger append", append, 0.25, is_least=True)
    entry = of(found, Cell(LEDGER, 1), "cpu_us")
    yield Bar("us CPU an entry, ledger append", entry, 40.0, is_least=False)
