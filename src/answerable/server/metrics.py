"""What Prometheus reads: text format 0.0.4, written here, of names and numbers only.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import bisect
from collections.abc import Iterator

from answerable.worker.verbs.control import Standing

MEDIA = "text/plain; version=0.0.4; charset=utf-8"

_HTTP_EDGES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_PER_OCTAVE = 4  # of the worker's histograms: telemetry.stages
_US = 1_000_000
_OCTAVES = range(5, 27)  # 32 us to 67 s: what lies outside falls into the first or into +Inf


class Meter:
    """Counts of HTTP, by method, route and status. Routes are the table's, never what was typed."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], int] = {}
        self._durations: dict[str, _Histogram] = {}
        self.open = 0

    def note(self, method: str, route: str, status: int, took_s: float) -> None:
        key = (method, route, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        self._durations.setdefault(route, _Histogram()).add(took_s)

    def lines(self) -> Iterator[str]:
        yield from _head("http_requests_total", "counter", "Requests answered.")
        for (method, route, status), count in sorted(self._requests.items()):
            labels = _labels(method=method, route=route, status=str(status))
            yield f"answerable_http_requests_total{labels} {count}"
        yield from _head("http_request_seconds", "histogram", "Time to answer a request.")
        for route, histogram in sorted(self._durations.items()):
            yield from histogram.lines(route)
        yield from _gauge("http_requests_open", self.open, "Requests being answered now.")


class _Histogram:
    def __init__(self) -> None:
        self._counts = [0] * (len(_HTTP_EDGES_S) + 1)
        self._sum = 0.0

    def add(self, took_s: float) -> None:
        self._counts[bisect.bisect_left(_HTTP_EDGES_S, took_s)] += 1
        self._sum += took_s

    def lines(self, route: str) -> Iterator[str]:
        edges = [*(f"{edge:g}" for edge in _HTTP_EDGES_S), "+Inf"]
        total = 0
        for edge, count in zip(edges, self._counts, strict=True):
            total += count
            yield f"answerable_http_request_seconds_bucket{_labels(route=route, le=edge)} {total}"
        yield f"answerable_http_request_seconds_sum{_labels(route=route)} {self._sum:.6f}"
        yield f"answerable_http_request_seconds_count{_labels(route=route)} {total}"


def exposition(meter: Meter, standing: Standing | None) -> str:
    """Everything there is to read; without the worker's part where it does not answer."""
    lines = [*_gauge("worker_up", int(standing is not None), "Whether the worker answers.")]
    if standing is not None:
        lines += _worker(standing)
    return "\n".join([*lines, *meter.lines(), ""])


def _worker(standing: Standing) -> Iterator[str]:
    yield from _gauge("turns_in_flight", standing.in_flight, "Arrivals being worked on.")
    yield from _gauge("messages_waiting", standing.waiting, "Accepted and not finished.")
    yield from _gauge("effects_open", standing.open, "Interactions and effects not ended.")
    yield from _gauge("ledger_entries", standing.entries, "Entries in the ledger.")
    yield from _head("commits_total", "counter", "Group commits since the worker began.")
    yield f"answerable_commits_total {standing.commits}"
    yield from _head("traces_dropped_total", "counter", "Measured interactions not kept or sent.")
    yield f"answerable_traces_dropped_total {standing.traces_dropped}"
    yield from _head(
        "stage_seconds", "histogram",
        "Time in a stage since the worker began. The sum is estimated from the buckets, each of "
        "which is 19 % wide.",
    )  # fmt: skip
    for stage, counts in sorted(standing.stages.items()):
        yield from _stage(stage, counts)


def _stage(stage: str, counts: list[int]) -> Iterator[str]:
    """The worker's buckets grow by 2**(1/4); here by 2, which is what a page of metrics bears."""
    for octave in _OCTAVES:
        below = sum(counts[: octave * _PER_OCTAVE])
        edge = f"{2**octave / _US:.6f}"
        yield f"answerable_stage_seconds_bucket{_labels(stage=stage, le=edge)} {below}"
    total = sum(counts)
    yield f"answerable_stage_seconds_bucket{_labels(stage=stage, le='+Inf')} {total}"
    middle = 0.5 / _PER_OCTAVE
    took = sum(n * 2 ** (i / _PER_OCTAVE + middle) for i, n in enumerate(counts)) / _US
    yield f"answerable_stage_seconds_sum{_labels(stage=stage)} {took:.6f}"
    yield f"answerable_stage_seconds_count{_labels(stage=stage)} {total}"


def _gauge(name: str, value: int, help_text: str) -> Iterator[str]:
    yield from _head(name, "gauge", help_text)
    yield f"answerable_{name} {value}"


def _head(name: str, kind: str, help_text: str) -> Iterator[str]:
    yield f"# HELP answerable_{name} {help_text}"
    yield f"# TYPE answerable_{name} {kind}"


def _labels(**pairs: str) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
