"""How long each stage takes: logarithmic histograms of fixed size, so that a day fits in a page.

Buckets grow by 2**(1/4), so a percentile is off by at most 19 % (the idea of HdrHistogram with two
significant bits, without its memory).
"""

import math
import time

from answerable.telemetry.passages import Passage, Passages

_BUCKETS = 128
_PER_OCTAVE = 4


class Stages:
    """Durations by name, in microseconds of the machine's monotonic clock."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}
        self.passages = Passages()

    def timed(self, name: str, passage: Passage | None = None) -> "Timed":
        """Time what is inside, for all and, if it is given, for this one arrival."""
        return Timed(self, name, passage)

    def add(self, name: str, took_us: float) -> None:
        counts = self._counts.setdefault(name, [0] * _BUCKETS)
        bucket = int(math.log2(took_us) * _PER_OCTAVE) if took_us > 1 else 0
        counts[min(bucket, _BUCKETS - 1)] += 1

    def counts(self) -> dict[str, list[int]]:
        return {name: list(counts) for name, counts in self._counts.items()}

    def merge(self, counts: dict[str, list[int]]) -> None:
        """Add what another worker's life has measured."""
        for name, more in counts.items():
            mine = self._counts.setdefault(name, [0] * _BUCKETS)
            for bucket, count in enumerate(more[:_BUCKETS]):
                mine[bucket] += count

    def percentile_ms(self, name: str, share: float) -> float:
        """The upper edge of the bucket that holds the given share; 0 where nothing was timed."""
        counts = self._counts.get(name, [])
        target = math.ceil(sum(counts) * share)
        seen = 0
        for bucket, count in enumerate(counts):
            seen += count
            if count and seen >= target:
                return float(round(2 ** ((bucket + 1) / _PER_OCTAVE) / 1000, 3))
        return 0.0


class Timed:
    """What is inside its `with` is timed, however it ends."""

    __slots__ = ("_began", "_name", "_passage", "_stages")

    def __init__(self, stages: Stages, name: str, passage: Passage | None) -> None:
        self._stages = stages
        self._name = name
        self._passage = passage
        self._began = 0

    def __enter__(self) -> None:
        self._began = time.perf_counter_ns()

    def __exit__(self, *_error: object) -> None:
        took_ns = time.perf_counter_ns() - self._began
        self._stages.add(self._name, took_ns / 1000)
        if self._passage is not None:
            self._passage.took(self._name, took_ns // 1000)
