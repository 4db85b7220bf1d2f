"""A run as tables of words: for the terminal, and for a page in Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from figures import (
    BATCH_CLIENTS,
    HTTP_BATCH,
    HTTP_ONE,
    LEDGER,
    NO_FSYNC,
    OURS,
    Bar,
    Cell,
    Figures,
    of,
    ratio,
)

Row = tuple[str, ...]
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    head: Row
    rows: Sequence[Row]


def in_process(
    found: Mapping[str, Figures], spread: Mapping[str, Figures], concurrency: int
) -> Table:
    """Everybody under one load; the ratio says how many times theirs ours is."""
    head = (
        "contender", "a second", "lowest..highest", "ours / theirs", "CPU ms", "p50 ms", "p99 ms",
        "bytes", "peak MB",
    )  # fmt: skip
    ours = of(found, Cell(OURS, concurrency), "per_s")
    rows = []
    for contender in _contenders(found, concurrency):
        one = found[Cell(contender, concurrency).key]
        low_high = spread[Cell(contender, concurrency).key]
        rows.append((
            contender, _number(one["per_s"]),
            f"{_number(low_high['low'])}..{_number(low_high['high'])}",
            _number(ratio(ours, one["per_s"])), _number(one["cpu_ms"]), _number(one["ms_p50"]),
            _number(one["ms_p99"]), _number(one["bytes"]), _number(one["peak_mb"]),
        ))  # fmt: skip
    return Table(f"Governed interactions in process, concurrency {concurrency}", head, rows)


def _contenders(found: Mapping[str, Figures], concurrency: int) -> list[str]:
    """Of one load, ours first, as they were run."""
    at = f" @{concurrency}"
    names = [key.removesuffix(at) for key in found if key.endswith(at)]
    others = (HTTP_ONE, HTTP_BATCH, LEDGER)
    return sorted((name for name in names if name not in others), key=lambda name: name != OURS)


def over_http(found: Mapping[str, Figures]) -> Table:
    head = (
        "messages a request", "connections", "accepted a second", "done a second", "CPU ms",
        "client's CPU ms", "request p50 ms", "p99 ms", "503s a request", "bytes", "peak MB",
    )  # fmt: skip
    cells = [
        *(("1", Cell(HTTP_ONE, concurrency)) for concurrency in (1, 64, 512)),
        ("100", Cell(HTTP_BATCH, BATCH_CLIENTS)),
    ]
    names = (
        "accepted_per_s", "per_s", "cpu_ms", "client_cpu_ms", "ms_p50", "ms_p99", "refused",
        "bytes", "peak_mb",
    )  # fmt: skip
    rows = [
        (each, str(cell.concurrency), *(_number(found[cell.key][name]) for name in names))
        for each, cell in cells
        if cell.key in found
    ]
    return Table("Over HTTP, the client on the same cores", head, rows)


def ledger(found: Mapping[str, Figures]) -> Table:
    head = ("", "entries a second", "CPU us an entry")
    one = found[Cell(LEDGER, 1).key]
    rows = [
        (
            "sealed, encrypted, signed: the ledger alone",
            _number(one["per_s"]),
            _number(one["cpu_us"]),
        ),
        ("bare insert of the same bytes", _number(one["bare_per_s"]), _number(one["bare_cpu_us"])),
        ("the first by the second", _number(one["ratio"]), ""),
        ("with the state of all rooms", _number(one["rooms_per_s"]), _number(one["rooms_cpu_us"])),
        ("that by the bare insert", _number(one["rooms_ratio"]), ""),
    ]
    return Table("Ledger append", head, rows)


def held(bars: Sequence[Bar]) -> Table:
    rows = [
        (
            bar.words, _number(bar.found), f"{'>=' if bar.is_least else '<='} {bar.wanted:g}",
            "held" if bar.is_held else "NOT HELD" if bar.found is not None else "not measured",
        )
        for bar in bars
    ]  # fmt: skip
    return Table("Bars", ("what", "found", "bar", ""), rows)


def every(
    found: Mapping[str, Figures], spread: Mapping[str, Figures], bars: Sequence[Bar]
) -> Iterator[Table]:
    for concurrency in (1, 64, 512):
        if _contenders(found, concurrency):
            yield in_process(found, spread, concurrency)
    if Cell(HTTP_BATCH, BATCH_CLIENTS).key in found or any(HTTP_ONE in key for key in found):
        yield over_http(found)
    if Cell(LEDGER, 1).key in found:
        yield ledger(found)
    yield held(bars)


def notes(run: Mapping[str, object]) -> list[str]:
    """What has to be known beside the tables: the machine, versions, what is missing."""
    machine, missing = run["machine"], run["missing"]
    assert isinstance(machine, dict)
    assert isinstance(missing, dict)
    syncs = ", ".join(f"{ms:.2f}" for ms in _list(run["fsync_ms"]))
    busy = ", ".join(f"{one:.1f}" for one in _list(run["busy"]))
    said = [
        "{cpu}, {cores} cores, {memory_gb} GB; Linux {kernel}; Python {python}".format(**machine),
        f"answerable at {machine['commit']}",
        f"homes on {machine['filesystem']}; fsync of 4 KB, p50 at each round: {syncs} ms",
        f"processes that wanted a core before each round: {busy}",
        f"medians of {run['rounds']} interleaved rounds; '{NO_FSYNC}': {run['memory']}",
    ]
    facts = run["facts"]
    assert isinstance(facts, dict)
    for contender, words in facts.items():
        rest = ", ".join(f"{name} {word}" for name, word in words.items() if name != "durability")
        durable = words.get("durability", "")
        said.append(f"{contender}: {'; '.join(part for part in (durable, rest) if part)}")
    said += [f"NOT MEASURED: {contender}: {why}" for contender, why in missing.items()]
    return said


def _list(value: object) -> list[float]:
    assert isinstance(value, list)
    return value


def _number(value: float | None) -> str:
    """Three digits that matter: 12,300 · 123 · 1.23 · 0.0123."""
    if value is None:
        return _NONE
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
