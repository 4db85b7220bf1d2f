"""The tables of docs/performance.md from a run: `python benchmarks/report.py build/bench.json`."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import figures
import tables


def markdown(run: Mapping[str, object]) -> str:
    """Tables, and under them what has to be known beside them."""
    found, spread, taken = run["medians"], run["spread"], run["taken_at_us"]
    assert isinstance(found, dict)
    assert isinstance(spread, dict)
    assert isinstance(taken, int)
    day = datetime.fromtimestamp(taken / 1e6, UTC).date()
    parts = [f"Taken on {day}{', a dose: not for the record' if run['is_dose'] else ''}."]
    for table in tables.every(found, spread, figures.bars(found)):
        parts.append(f"**{table.title}**")
        parts.append("\n".join([_row(table.head), _rule(table.head), *map(_row, table.rows)]))
    parts.append("\n".join(f"- {line}" for line in tables.notes(run)))
    return "\n\n".join(parts) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _rule(head: Sequence[str]) -> str:
    return "|---|" + "---:|" * (len(head) - 1)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.stdout.write(markdown(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
