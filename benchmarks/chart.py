"""The chart of docs/performance.md, as an SVG file that reads on light and dark pages.

    python benchmarks/chart.py build/bench.json docs/performance.svg

Interactions a second of each contender at concurrency 64 and 512, on a logarithmic axis: ten times
is as far everywhere. The figures are those of the tables.
"""

import json
import math
import sys
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

import figures
from figures import Cell, Figures

_SHOWN = (
    figures.LIMIT, figures.TOOLKIT, figures.OURS, figures.LANGGRAPH, figures.DBOS,
)  # fmt: skip
_LOADS = (64, 512)
_LEFT, _WIDTH, _BAR, _GAP, _TOP = 200, 480, 14, 12, 34
_LEAST, _MOST = 10.0, 10_000.0  # interactions a second
_COLOURS = {True: ("#2f6f4f", "#57a57d"), False: ("#8a8f98", "#b4b8bf")}  # ours, others

_STYLE = 'font-family="system-ui, sans-serif" font-size="12" fill="#7a7f87"'
_HEAD = (
    "interactions a second at concurrency 64 (dark) and 512 (light); a line is ten times the last"
)


def svg(found: Mapping[str, Figures]) -> str:
    rows = [name for name in _SHOWN if any(_rate(found, name, load) for load in _LOADS)]
    each = len(_LOADS) * (_BAR + 2) + _GAP
    height = _TOP + len(rows) * each + 24
    box = f'viewBox="0 0 {_LEFT + _WIDTH + 90} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} {_STYLE}>',
        "<title>Governed interactions a second, in one process</title>",
        f'<text x="{_LEFT}" y="16">{_HEAD}</text>',
    ]
    bottom = height - 20
    for power in range(round(math.log10(_LEAST)), round(math.log10(_MOST)) + 1):
        x = _at(10.0**power)
        parts.append(f'<path d="M{x:.0f} {_TOP - 8}V{bottom}" stroke="#7a7f87" opacity=".3"/>')
        parts.append(
            f'<text x="{x:.0f}" y="{height - 6}" text-anchor="middle">{10**power:,}</text>'
        )
    for place, name in enumerate(rows):
        parts.extend(_row(found, name, _TOP + place * each))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(found: Mapping[str, Figures], name: str, y: float) -> Iterator[str]:
    middle = y + len(_LOADS) * (_BAR + 2) / 2 + 4
    yield f'<text x="{_LEFT - 10}" y="{middle:.0f}" text-anchor="end">{escape(name)}</text>'
    for place, load in enumerate(_LOADS):
        rate = _rate(found, name, load)
        if rate is None:
            continue
        top, colour = y + place * (_BAR + 2), _COLOURS[name == figures.OURS][place]
        width = max(1.0, _at(rate) - _LEFT)
        yield f'<rect x="{_LEFT}" y="{top}" width="{width:.0f}" height="{_BAR}" fill="{colour}"/>'
        yield f'<text x="{_LEFT + width + 6:.0f}" y="{top + _BAR - 3}">{rate:,.0f}</text>'


def _rate(found: Mapping[str, Figures], name: str, load: int) -> float | None:
    return figures.of(found, Cell(name, load), "per_s")


def _at(rate: float) -> float:
    share = math.log10(max(rate, _LEAST) / _LEAST) / math.log10(_MOST / _LEAST)
    return _LEFT + share * _WIDTH


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    run = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    Path(sys.argv[2]).write_text(svg(run["medians"]), "utf-8")
