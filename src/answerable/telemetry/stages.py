"""How long each stage takes: logarithmic histograms of fixed size, so that a day fits in a page.

Buckets grow by 2**(1/4), so a percentile is off by at most 19 % (the idea of HdrHistogram with two
significant bits, without its memory).
"""

import math

from answerable.telemetry.passages import Passage, Passages

_BUCKETS = 128
_PER_OCTAVE = 4


class Stages:
    """Durations by name, in microseconds of the machine's monotonic clock."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}
        self.passages = Passages()

    def end(self, passage: Passage) -> None:
        """An arrival's way has ended, however it did: each of its stages counts for all."""
        passage.enter("")
        self.add(passage)
        self.passages.end(passage)

    def add(self, passage: Passage) -> None:
        for name, us in passage.took_us.items():
            counts = self._counts.get(name)
            if counts is None:
                counts = self._counts[name] = [0] * _BUCKETS
            bucket = int(math.log2(us) * _PER_OCTAVE) if us > 1 else 0
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
